/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/credentials.h"
#include "backend/credentials_role.h"
#include "tests/lib/stub_server.h"
#include "tests/lib/unit.h"
#include "tests/s3/aws_environment.h"

static struct credentials *chain;
static struct credentials_key key;

/* Gets credentials into `key`, which the next call releases. */
static int get(void)
{
	if (!chain)
		chain = credentials_new();
	credentials_key_release(&key);
	return credentials_get(chain, &key);
}

static void assert_got(const char *id, const char *secret, const char *token)
{
	int err = get();

	ck_assert_msg(err == 0, "%s", err_message(err));
	ck_assert_str_eq(key.access_key_id, id);
	ck_assert_str_eq(key.secret_access_key, secret);
	ck_assert_pstr_eq(key.session_token, token);
}

static void assert_failed(int expected, const char *part)
{
	int err = get();

	ck_assert_msg(err == expected, "%d: %s", err, err_message(err));
	ck_assert_msg(strstr(err_message(err), part) != NULL, "\"%s\" does not say \"%s\"",
		      err_message(err), part);
}

static void finish(void)
{
	credentials_key_release(&key);
	credentials_free(chain);
}

START_TEST(the_environment_is_used)
{
	clear_aws_environment();
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	assert_got("id", "secret", NULL);
	ck_assert_str_eq(key.source, "the environment");
	finish();
	chain = NULL;
	setenv("AWS_SESSION_TOKEN", "token", 1);
	assert_got("id", "secret", "token");
	finish();
}
END_TEST

START_TEST(half_a_key_is_refused)
{
	clear_aws_environment();
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	assert_failed(-ERR_store_config, "AWS_SECRET_ACCESS_KEY is not");
	finish();
}
END_TEST

START_TEST(a_key_with_a_line_break_is_refused)
{
	clear_aws_environment();
	setenv("AWS_ACCESS_KEY_ID", "id\r\nX-Evil: 1", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	assert_failed(-ERR_store_config, "control character");
	finish();
}
END_TEST

START_TEST(nothing_found_tells_where_was_looked)
{
	clear_aws_environment();
	assert_failed(-ERR_store_denied, "/nonexistent/.aws/credentials");
	assert_failed(-ERR_store_denied, "AWS_EC2_METADATA_DISABLED");
	finish();
}
END_TEST

START_TEST(a_profile_is_used)
{
	char *path = write_file("[default]\naws_access_key_id = d\naws_secret_access_key = s\n"
				"[work]\naws_access_key_id = w\naws_secret_access_key = t/+=\n"
				"aws_session_token = u\n");

	clear_aws_environment();
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	assert_got("d", "s", NULL);
	finish();
	chain = NULL;
	setenv("AWS_PROFILE", "work", 1);
	assert_got("w", "t/+=", "u");
	finish();
	unlink(path);
	free(path);
}
END_TEST

START_TEST(a_profile_of_an_unsupported_kind_is_told)
{
	char *path = write_file("[profile sso]\nsso_session = x\n");

	clear_aws_environment();
	setenv("AWS_CONFIG_FILE", path, 1);
	setenv("AWS_PROFILE", "sso", 1);
	assert_failed(-ERR_store_denied, "sso_session is not supported");
	finish();
	unlink(path);
	free(path);
}
END_TEST

START_TEST(refused_credentials_are_looked_up_again)
{
	char *path = write_file("[default]\naws_access_key_id=a\naws_secret_access_key=s\n");
	struct credentials_key old = { 0 };
	FILE *file;

	clear_aws_environment();
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	assert_got("a", "s", NULL);
	ck_assert_int_eq(credentials_renew(chain, &key), 0); /* the same ones */
	file = fopen(path, "w");
	fputs("[default]\naws_access_key_id=b\naws_secret_access_key=t\n", file);
	fclose(file);
	assert_got("a", "s", NULL); /* what is in force is kept */
	ck_assert_int_eq(credentials_get(chain, &old), 0);
	ck_assert_int_eq(credentials_renew(chain, &old), 1);
	assert_got("b", "t", NULL);
	ck_assert_int_eq(credentials_renew(chain, &old), 1); /* somebody renewed them */
	credentials_key_release(&old);
	finish();
	unlink(path);
	free(path);
}
END_TEST

/* An answer with credentials that expire in that many seconds. */
static char *role_answer(const char *id, int64_t seconds)
{
	char expires[32];
	char *body;
	char *answer;

	clock_format(clock_real_ns() + seconds * NS_PER_SECOND, expires);
	body = xasprintf("{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\","
			 "\"Token\":\"t\",\"Expiration\":\"%s\"}",
			 id, expires);
	answer = xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	free(body);
	return answer;
}

#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
#define TOKEN	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nTOKEN"
#define ROLE	  "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nmy-role"

START_TEST(a_containers_role_is_asked_with_its_token)
{
	char *answer = role_answer("c", 3600);
	struct stub_reply replies[] = { { answer, STUB_KEEP } };
	struct stub_server *server = stub_server_start(replies, 1);
	char *uri = xasprintf("%s/creds", stub_server_url(server));
	char *token = write_file("Bearer abc\n");

	clear_aws_environment();
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri, 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token, 1);
	assert_got("c", "s", "t");
	assert_got("c", "s", "t"); /* kept */
	ck_assert_uint_eq(stub_server_requests(server), 1);
	ck_assert_ptr_nonnull(
		strstr(stub_server_request(server, 0), "\r\nAuthorization: Bearer abc\r\n"));
	ck_assert_ptr_nonnull(strstr(stub_server_request(server, 0), "GET /creds "));
	finish();
	stub_server_stop(server);
	unlink(token);
	free(token);
	free(uri);
	free(answer);
}
END_TEST

START_TEST(an_instances_role_is_asked_with_a_session)
{
	char *answer = role_answer("i", 3600);
	struct stub_reply replies[] = { { TOKEN, STUB_KEEP },
					{ ROLE, STUB_KEEP },
					{ answer, STUB_KEEP } };
	struct stub_server *server = stub_server_start(replies, 3);

	clear_aws_environment();
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", stub_server_url(server), 1);
	assert_got("i", "s", "t");
	ck_assert_ptr_nonnull(strstr(stub_server_request(server, 0), "PUT /latest/api/token HTTP"));
	ck_assert_ptr_nonnull(strstr(stub_server_request(server, 0),
				     "\r\nX-aws-ec2-metadata-token-ttl-seconds: "));
	ck_assert_ptr_nonnull(strstr(stub_server_request(server, 2),
				     "GET /latest/meta-data/iam/security-credentials/my-role "));
	ck_assert_ptr_nonnull(
		strstr(stub_server_request(server, 2), "\r\nX-aws-ec2-metadata-token: TOKEN\r\n"));
	finish();
	stub_server_stop(server);
	free(answer);
}
END_TEST

START_TEST(an_instance_without_a_role_is_told)
{
	static const struct stub_reply replies[] = { { TOKEN, STUB_KEEP },
						     { NOT_FOUND, STUB_KEEP } };
	struct stub_server *server = stub_server_start(replies, 2);

	clear_aws_environment();
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", stub_server_url(server), 1);
	assert_failed(-ERR_store_denied, "this instance has no role");
	finish();
	stub_server_stop(server);
}
END_TEST

START_TEST(credentials_about_to_expire_are_renewed_and_outlive_a_failure)
{
	char *old = role_answer("old", 3600);
	char *new = role_answer("new", 7200);
	struct stub_reply replies[] = { { old, STUB_KEEP },
					{ NOT_FOUND, STUB_KEEP },
					{ new, STUB_KEEP } };
	struct stub_server *server = stub_server_start(replies, 3);

	clear_aws_environment();
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", stub_server_url(server), 1);
	assert_got("old", "s", "t");
	credentials_set_clock_offset(chain, 3600 - 400);
	assert_got("old", "s", "t");
	ck_assert_uint_eq(stub_server_requests(server), 1);
	credentials_set_clock_offset(chain, 3600 - 290); /* due, and that fails */
	assert_got("old", "s", "t");
	assert_got("old", "s", "t"); /* not asked again at once */
	ck_assert_uint_eq(stub_server_requests(server), 2);
	credentials_set_clock_offset(chain, 3600 - 200);
	assert_got("new", "s", "t");
	ck_assert_uint_eq(stub_server_requests(server), 3);
	finish();
	stub_server_stop(server);
	free(old);
	free(new);
}
END_TEST

START_TEST(expired_credentials_are_never_used)
{
	char *gone = role_answer("gone", 3600);
	char *fresh = role_answer("fresh", 7200);
	struct stub_reply replies[] = { { gone, STUB_KEEP },
					{ NOT_FOUND, STUB_KEEP },
					{ fresh, STUB_KEEP } };
	struct stub_server *server = stub_server_start(replies, 3);

	clear_aws_environment();
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", stub_server_url(server), 1);
	assert_got("gone", "s", "t");
	credentials_set_clock_offset(chain, 3600);
	assert_failed(-ERR_store_unreachable, "expired");
	assert_got("fresh", "s", "t");
	finish();
	stub_server_stop(server);
	free(gone);
	free(fresh);
}
END_TEST

static void *get_in_thread(void *arg)
{
	struct credentials_key mine;

	(void)arg;
	ck_assert_int_eq(credentials_get(chain, &mine), 0);
	ck_assert_str_eq(mine.access_key_id, "c");
	credentials_key_release(&mine);
	return NULL;
}

START_TEST(threads_wait_for_one_fetch)
{
	char *answer = role_answer("c", 3600);
	struct stub_reply replies[] = { { answer, STUB_KEEP } };
	struct stub_server *server = stub_server_start(replies, 1);
	pthread_t threads[8];
	int i;

	clear_aws_environment();
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", stub_server_url(server), 1);
	chain = credentials_new();
	for (i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, get_in_thread, NULL), 0);
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(stub_server_requests(server), 1);
	finish();
	stub_server_stop(server);
	free(answer);
}
END_TEST

static const char *parse(const char *text)
{
	const char *problem;

	credentials_key_release(&key);
	problem = credentials_parse_role(text, strlen(text), &key);
	return problem;
}

START_TEST(a_roles_answer_is_checked)
{
	ck_assert_ptr_null(parse("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
				 "\"Expiration\":\"2026-11-22T21:00:00.5Z\"}"));
	ck_assert_int_eq(key.expires_real_s, 1795381200);
	ck_assert_ptr_null(parse("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}"));
	ck_assert_int_eq(key.expires_real_s, 0);
	ck_assert_ptr_null(key.session_token);
	ck_assert_ptr_nonnull(parse("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\","
				    "\"Expiration\":\"tomorrow\"}"));
	ck_assert_ptr_nonnull(parse("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\","
				    "\"Expiration\":\"2026-11-22T21:00:00+01:00\"}"));
	ck_assert_ptr_nonnull(parse("{\"AccessKeyId\":7,\"SecretAccessKey\":\"b\"}"));
	ck_assert_ptr_nonnull(parse("{\"Code\":\"Failed\"}"));
	ck_assert_ptr_nonnull(parse("[]"));
	ck_assert_ptr_nonnull(parse("{"));
	ck_assert_ptr_nonnull(parse(""));
	credentials_key_release(&key);
}
END_TEST

START_TEST(only_services_of_this_host_get_a_containers_token)
{
	ck_assert(credentials_uri_allowed("https://example.com/x"));
	ck_assert(credentials_uri_allowed("http://localhost:8080/x"));
	ck_assert(credentials_uri_allowed("http://127.0.0.1/x"));
	ck_assert(credentials_uri_allowed("http://[::1]:1/x"));
	ck_assert(credentials_uri_allowed("http://169.254.170.23/v1/credentials"));
	ck_assert(!credentials_uri_allowed("http://example.com/x"));
	ck_assert(!credentials_uri_allowed("http://localhost.example.com/x"));
	ck_assert(!credentials_uri_allowed("http://127.0.0.1@example.com/x"));
	ck_assert(!credentials_uri_allowed("file:///etc/passwd"));
	ck_assert(!credentials_uri_allowed(""));
}
END_TEST

UNIT_MAIN("credentials", the_environment_is_used, half_a_key_is_refused,
	  a_key_with_a_line_break_is_refused, nothing_found_tells_where_was_looked,
	  a_profile_is_used, a_profile_of_an_unsupported_kind_is_told,
	  refused_credentials_are_looked_up_again, a_containers_role_is_asked_with_its_token,
	  an_instances_role_is_asked_with_a_session, an_instance_without_a_role_is_told,
	  credentials_about_to_expire_are_renewed_and_outlive_a_failure,
	  expired_credentials_are_never_used, threads_wait_for_one_fetch, a_roles_answer_is_checked,
	  only_services_of_this_host_get_a_containers_token)
