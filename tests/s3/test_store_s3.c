/* SPDX-License-Identifier: Apache-2.0 */
/* The S3 store against answers that a good server would not give. */
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"
#include "backend/store_s3.h"
#include "backend/store_s3_request.h"
#include "tests/lib/stub_server.h"
#include "tests/lib/unit.h"
#include "tests/s3/aws_environment.h"

static struct stub_server *server;
static struct store *store;
static struct buffer out;

static void start(const struct stub_reply *replies, size_t count)
{
	server = stub_server_start(replies, count);
	clear_aws_environment();
	setenv("AWS_ENDPOINT_URL", stub_server_url(server), 1);
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	ck_assert_int_eq(store_s3_open("bucket", "v/w", "s3://bucket/v/w", &store), 0);
	buffer_put_text(&out, "own");
}

static void stop(void)
{
	store_free(store);
	stub_server_stop(server);
	buffer_release(&out);
}

#define START(...)                                                  \
	static const struct stub_reply replies[] = { __VA_ARGS__ }; \
	start(replies, sizeof(replies) / sizeof(replies[0]))

#define ERROR_BODY(code) "<Error><Code>" code "</Code></Error>"
/* The connection's end tells the length of bodies that have none here. */
#define ANSWER(status, headers, body)                                                          \
	{                                                                                      \
		"HTTP/1.1 " status "\r\n" headers "Connection: close\r\n\r\n" body, STUB_CLOSE \
	}
#define OBJECT(status, headers, body) ANSWER(status, "ETag: \"e\"\r\n" headers, body)
#define STORED			      OBJECT("200 OK", "", "")
#define FAILURE(status, code)	      ANSWER(status, "", ERROR_BODY(code))

/* An answer to a request of a range. */
#define PARTIAL(range, body) OBJECT("206 Partial", "Content-Range: bytes " range "\r\n", body)

static void assert_says(int err, const char *part)
{
	ck_assert_msg(strstr(err_message(err), part) != NULL, "\"%s\" does not say \"%s\"",
		      err_message(err), part);
}

static void assert_sent(size_t n, const char *part)
{
	const char *text = stub_server_request(server, n);

	ck_assert_msg(text && strstr(text, part), "request %zu has no \"%s\": %s", n, part, text);
}

/* --- addresses --- */

static void assert_target(const char *bucket, const char *origin, const char *host,
			  const char *base_path)
{
	struct s3_target target;
	int err = s3_target_init(&target, bucket);

	ck_assert_msg(err == 0, "%s", err_message(err));
	ck_assert_str_eq(target.origin, origin);
	ck_assert_str_eq(target.host, host);
	ck_assert_str_eq(target.base_path, base_path);
	s3_target_release(&target);
}

START_TEST(without_an_endpoint_the_address_is_that_of_aws)
{
	clear_aws_environment();
	assert_target("b-1", "https://b-1.s3.us-east-1.amazonaws.com",
		      "b-1.s3.us-east-1.amazonaws.com", "");
	setenv("AWS_REGION", "eu-west-1", 1);
	assert_target("a.b", "https://s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com",
		      "/a.b");
	assert_target("Upper_", "https://s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com",
		      "/Upper_");
	setenv("AWS_REGION", "cn-north-1", 1);
	assert_target("bucket", "https://bucket.s3.cn-north-1.amazonaws.com.cn",
		      "bucket.s3.cn-north-1.amazonaws.com.cn", "");
}
END_TEST

START_TEST(with_an_endpoint_the_bucket_is_in_the_path)
{
	clear_aws_environment();
	setenv("AWS_ENDPOINT_URL", "http://host:7480", 1);
	assert_target("bucket", "http://host:7480", "host:7480", "/bucket");
	setenv("AWS_ENDPOINT_URL", "https://host/storage/v1/s3//", 1);
	assert_target("bucket", "https://host", "host", "/storage/v1/s3/bucket");
	setenv("AWS_ENDPOINT_URL", "http://host:80/", 1);
	assert_target("bucket", "http://host", "host", "/bucket");
	setenv("AWS_ENDPOINT_URL", "https://[::1]:443", 1);
	assert_target("bucket", "https://[::1]", "[::1]", "/bucket");
	setenv("AWS_ENDPOINT_URL", "HTTPS://host:80", 1);
	assert_target("bucket", "https://host:80", "host:80", "/bucket");
}
END_TEST

START_TEST(settings_that_cannot_be_used_are_refused)
{
	static const char *const endpoints[] = { "host:7480", "ftp://host",	"http://",
						 "http:///x", "http://u@host/", "http://h?x" };
	struct s3_target target;
	size_t i;

	clear_aws_environment();
	for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		setenv("AWS_ENDPOINT_URL", endpoints[i], 1);
		ck_assert_int_eq(s3_target_init(&target, "bucket"), -ERR_store_config);
		assert_says(-ERR_store_config, endpoints[i]);
	}
	setenv("AWS_ENDPOINT_URL", "http://host", 1);
	setenv("AWS_REGION", "a\nb", 1);
	ck_assert_int_eq(s3_target_init(&target, "bucket"), -ERR_store_config);
}
END_TEST

/* --- requests --- */

START_TEST(requests_are_signed_over_their_real_body)
{
	START(STORED);

	ck_assert_int_eq(store_put(store, "a/b", "abc", 3, STORE_IF_ABSENT), 0);
	assert_sent(0, "PUT /bucket/v/w/a/b HTTP/1.1\r\n");
	assert_sent(0, "\r\nif-none-match: *\r\n");
	assert_sent(0, "\r\nx-amz-content-sha256: "
		       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\r\n");
	assert_sent(0, "\r\nauthorization: AWS4-HMAC-SHA256 Credential=id/");
	assert_sent(0, "/us-east-1/s3/aws4_request, SignedHeaders="
		       "host;if-none-match;x-amz-content-sha256;x-amz-date, Signature=");
	stop();
}
END_TEST

START_TEST(a_session_token_is_sent_and_signed)
{
	START(STORED);

	setenv("AWS_SESSION_TOKEN", "to/ken==", 1);
	ck_assert_int_eq(store_put(store, "k", "", 0, 0), 0);
	assert_sent(0, "\r\nx-amz-security-token: to/ken==\r\n");
	assert_sent(0, "x-amz-date;x-amz-security-token, Signature=");
	stop();
}
END_TEST

START_TEST(an_unconditional_put_has_no_condition)
{
	START(STORED, FAILURE("412 Failed", "PreconditionFailed"));

	ck_assert_int_eq(store_put(store, "k", "a", 1, 0), 0);
	ck_assert_ptr_null(strstr(stub_server_request(server, 0), "if-none-match"));
	ck_assert_int_eq(store_put(store, "k", "a", 1, 0), -ERR_store_refused);
	stop();
}
END_TEST

START_TEST(a_conditional_put_tells_taken_busy_and_unsupported_apart)
{
	START(FAILURE("412 Failed", "PreconditionFailed"),
	      FAILURE("409 Conflict", "ConditionalRequestConflict"),
	      FAILURE("501 Not", "NotImplemented"));

	ck_assert_int_eq(store_put(store, "k", "a", 1, STORE_IF_ABSENT), -EEXIST);
	ck_assert_int_eq(store_put(store, "k", "a", 1, STORE_IF_ABSENT), -ERR_store_busy);
	ck_assert_int_eq(store_put(store, "k", "a", 1, STORE_IF_ABSENT), -ERR_store_unsupported);
	assert_says(-ERR_store_unsupported, "If-None-Match");
	stop();
}
END_TEST

START_TEST(an_error_in_a_success_is_an_error)
{
	START(ANSWER("200 OK", "", ERROR_BODY("InternalError")));
	int err = store_put(store, "k", "a", 1, 0);

	ck_assert_int_eq(err, -ERR_store_failed);
	assert_says(err, "HTTP 200 InternalError");
	stop();
}
END_TEST

/* --- ranges --- */

START_TEST(a_range_is_asked_for_and_appended)
{
	START(PARTIAL("2-4/10", "234"), PARTIAL("8-9/10", "89"), PARTIAL("8-9/10", "89"),
	      OBJECT("200 OK", "Content-Length: 2\r\n", "01"));

	ck_assert_int_eq(store_get(store, "k", 2, 3, &out), 0);
	assert_sent(0, "\r\nrange: bytes=2-4\r\n");
	ck_assert_int_eq(store_get(store, "k", 8, 100, &out), 0);
	ck_assert_int_eq(store_get(store, "k", 8, STORE_GET_ALL, &out), 0);
	assert_sent(2, "\r\nrange: bytes=8-\r\n");
	ck_assert_int_eq(store_get(store, "k", 0, STORE_GET_ALL, &out), 0);
	ck_assert_ptr_null(strstr(stub_server_request(server, 3), "\r\nrange:"));
	ck_assert_uint_eq(out.length, 12);
	ck_assert_mem_eq(out.data, "own234898901", 12);
	stop();
}
END_TEST

START_TEST(the_whole_object_may_answer_a_range_that_covers_it)
{
	START(OBJECT("200 OK", "Content-Length: 3\r\n", "abc"));

	ck_assert_int_eq(store_get(store, "k", 0, 3, &out), 0);
	ck_assert_mem_eq(out.data, "ownabc", 6);
	stop();
}
END_TEST

START_TEST(a_range_behind_the_end_is_empty)
{
	START(FAILURE("416 Range", "InvalidRange"));

	ck_assert_int_eq(store_get(store, "k", 10, 3, &out), 0);
	ck_assert_uint_eq(out.length, 3);
	stop();
}
END_TEST

/* All answers to "bytes 2-4". */
static const struct stub_reply wrong_ranges[] = {
	PARTIAL("2-4/10", "23"),			  /* short, and nothing says so */
	PARTIAL("2-3/10", "23"),			  /* shorter than it should be */
	PARTIAL("2-5/10", "2345"),			  /* longer */
	PARTIAL("2-3/10", "234"),			  /* not what it says it is */
	PARTIAL("3-5/10", "345"),			  /* elsewhere */
	PARTIAL("2-4/4", "234"),			  /* behind the end */
	PARTIAL("2-4/*", "234"),			  /* no size */
	OBJECT("206 Partial", "", "234"),		  /* no Content-Range */
	OBJECT("200 OK", "Content-Length: 3\r\n", "234"), /* not of this range */
	OBJECT("200 OK", "Content-Length: 9\r\n", "012"), /* ends early */
	ANSWER("204 No Content", "", ""),
};

START_TEST(an_answer_of_another_range_is_refused_and_may_be_repeated)
{
	size_t i;

	start(wrong_ranges, sizeof(wrong_ranges) / sizeof(wrong_ranges[0]));
	for (i = 0; i < sizeof(wrong_ranges) / sizeof(wrong_ranges[0]); i++) {
		int err = store_get(store, "k", 2, 3, &out);

		ck_assert_msg(err == -ERR_store_truncated, "%zu: %d", i, err);
		ck_assert_uint_eq(out.length, 3);
	}
	stop();
}
END_TEST

START_TEST(a_whole_object_needs_a_length)
{
	START(OBJECT("200 OK", "", "abc"));

	ck_assert_int_eq(store_get(store, "k", 0, STORE_GET_ALL, &out), -ERR_store_truncated);
	ck_assert_uint_eq(out.length, 3);
	stop();
}
END_TEST

START_TEST(an_answer_of_something_in_between_is_no_objects)
{
	START(ANSWER("200 OK", "Content-Length: 4\r\n", "page"),
	      ANSWER("206 Partial", "Content-Range: bytes 0-3/4\r\n", "page"),
	      ANSWER("200 OK", "Content-Length: 4\r\n", "page"));

	ck_assert_int_eq(store_get(store, "k", 0, STORE_GET_ALL, &out), -ERR_store_truncated);
	ck_assert_int_eq(store_get(store, "k", 0, 4, &out), -ERR_store_truncated);
	ck_assert_uint_eq(out.length, 3);
	ck_assert_int_eq(store_put(store, "k", "abcd", 4, STORE_IF_ABSENT), -ERR_store_failed);
	stop();
}
END_TEST

/* --- absence --- */

START_TEST(only_nosuchkey_means_absent)
{
	START(FAILURE("404 Not Found", "NoSuchKey"), FAILURE("404 Not Found", "NoSuchBucket"),
	      ANSWER("404 Not Found", "", "<html>nothing here</html>"),
	      ANSWER("404 Not Found", "", ""));

	ck_assert_int_eq(store_get(store, "k", 0, 1, &out), -ENOENT);
	ck_assert_int_eq(store_get(store, "k", 0, 1, &out), -ERR_store_no_bucket);
	ck_assert_int_eq(store_get(store, "k", 0, 1, &out), -ERR_store_refused);
	ck_assert_int_eq(store_get(store, "k", 0, 1, &out), -ERR_store_refused);
	assert_says(-ERR_store_refused, "/bucket/v/w/k: HTTP 404");
	stop();
}
END_TEST

START_TEST(a_head_without_success_is_explained_by_a_get)
{
	START(ANSWER("404 Not Found", "", ""), FAILURE("404 Not Found", "NoSuchKey"),
	      ANSWER("404 Not Found", "", ""), FAILURE("404 Not Found", "NoSuchBucket"),
	      ANSWER("403 Forbidden", "", ""), FAILURE("403 Forbidden", "InvalidAccessKeyId"),
	      ANSWER("200 OK", "", ""), PARTIAL("0-0/7", "x"), ANSWER("200 OK", "", ""),
	      FAILURE("416 Range", "InvalidRange"), ANSWER("503 Busy", "", ""));
	uint64_t size = 77;

	ck_assert_int_eq(store_head(store, "k", &size), -ENOENT);
	ck_assert_int_eq(store_head(store, "k", &size), -ERR_store_no_bucket);
	ck_assert_int_eq(store_head(store, "k", &size), -ERR_store_denied);
	assert_says(-ERR_store_denied, "InvalidAccessKeyId");
	ck_assert_uint_eq(size, 77);
	ck_assert_int_eq(store_head(store, "k", &size), 0); /* an answer without a length */
	ck_assert_uint_eq(size, 7);
	ck_assert_int_eq(store_head(store, "k", &size), 0);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_eq(store_head(store, "k", &size), -ERR_store_busy);
	ck_assert_uint_eq(stub_server_requests(server), 11);
	stop();
}
END_TEST

START_TEST(removing_what_is_absent_succeeds)
{
	START(ANSWER("204 No Content", "", ""), FAILURE("404 Not Found", "NoSuchKey"),
	      FAILURE("404 Not Found", "NoSuchBucket"));

	ck_assert_int_eq(store_remove(store, "k"), 0);
	assert_sent(0, "DELETE /bucket/v/w/k HTTP");
	ck_assert_int_eq(store_remove(store, "k"), 0);
	ck_assert_int_eq(store_remove(store, "k"), -ERR_store_no_bucket);
	stop();
}
END_TEST

/* --- listings --- */

#define PAGE(text) ANSWER("200 OK", "", "<ListBucketResult>" text "</ListBucketResult>")
#define KEY(key)   "<Contents><Key>" key "</Key><Size>1</Size></Contents>"
#define LAST	   "<IsTruncated>false</IsTruncated>"
#define MORE(token)                       \
	"<IsTruncated>true</IsTruncated>" \
	"<NextContinuationToken>" token "</NextContinuationToken>"

static int collect(const struct store_object *object, void *arg)
{
	buffer_printf(arg, " %s", object->key);
	return 0;
}

static int stop_at_first(const struct store_object *object, void *arg)
{
	(void)object;
	(void)arg;
	return 42;
}

static void assert_collected(const char *expected)
{
	buffer_put_u8(&out, '\0');
	ck_assert_str_eq((char *)out.data, expected);
}

START_TEST(a_listing_goes_through_all_pages)
{
	START(PAGE(MORE("t+1") KEY("v/w/log/2") KEY("v/w/log/3")), PAGE(MORE("t2")),
	      PAGE(LAST KEY("v/w/log/4")));

	ck_assert_int_eq(store_list(store, "log/", "log/1", collect, &out), 0);
	assert_collected("own log/2 log/3 log/4");
	assert_sent(0, "GET /bucket?encoding-type=url&list-type=2&max-keys=1000"
		       "&prefix=v%2Fw%2Flog%2F&start-after=v%2Fw%2Flog%2F1 HTTP");
	assert_sent(1, "GET /bucket?continuation-token=t%2B1&encoding-type=url&");
	assert_sent(2, "GET /bucket?continuation-token=t2&");
	stop();
}
END_TEST

START_TEST(keys_that_no_volume_uses_are_passed_over)
{
	START(PAGE(LAST KEY("v/w/") KEY("v/w/a") KEY("v/w/a b") KEY("v/w/b")));

	ck_assert_int_eq(store_list(store, "", NULL, collect, &out), 0);
	assert_collected("own a b");
	stop();
}
END_TEST

START_TEST(the_callers_result_ends_a_listing)
{
	START(PAGE(MORE("t") KEY("v/w/a") KEY("v/w/b")));

	ck_assert_int_eq(store_list(store, "", NULL, stop_at_first, NULL), 42);
	ck_assert_uint_eq(stub_server_requests(server), 1);
	stop();
}
END_TEST

static const struct stub_reply wrong_pages[] = {
	PAGE(KEY("v/w/b")),				 /* not known to be whole */
	PAGE(LAST KEY("v/w/b") KEY("v/w/a")),		 /* out of order */
	PAGE(LAST KEY("v/w/b") KEY("v/w/b")),		 /* twice */
	PAGE(LAST KEY("v/w/a")),			 /* before the start */
	PAGE(LAST KEY("v/other")),			 /* of another prefix */
	ANSWER("200 OK", "", "<ListBucketResult>" LAST), /* cut */
	ANSWER("200 OK", "", "<html>sign in</html>"),
	ANSWER("200 OK", "", ""),
	FAILURE("404 Not Found", "NoSuchKey"),
};

START_TEST(a_page_that_cannot_be_trusted_fails_the_listing)
{
	size_t i;

	start(wrong_pages, sizeof(wrong_pages) / sizeof(wrong_pages[0]));
	for (i = 0; i < sizeof(wrong_pages) / sizeof(wrong_pages[0]); i++) {
		int err = store_list(store, "", "a", collect, &out);

		ck_assert_msg(err == -ERR_store_truncated, "%zu: %d", i, err);
	}
	stop();
}
END_TEST

START_TEST(a_page_that_follows_itself_fails_the_listing)
{
	START(PAGE(MORE("t") KEY("v/w/a")), PAGE(MORE("t")), PAGE(MORE("t")));

	ck_assert_int_eq(store_list(store, "", NULL, collect, &out), -ERR_store_truncated);
	ck_assert_uint_eq(stub_server_requests(server), 2);
	stop();
}
END_TEST

START_TEST(an_error_in_a_listing_keeps_its_meaning)
{
	START(FAILURE("200 OK", "SlowDown"), FAILURE("404 Not Found", "NoSuchBucket"));

	ck_assert_int_eq(store_list(store, "", NULL, collect, &out), -ERR_store_busy);
	ck_assert_int_eq(store_list(store, "", NULL, collect, &out), -ERR_store_no_bucket);
	stop();
}
END_TEST

/* --- refusals --- */

START_TEST(a_wrong_region_is_explained)
{
	START(ANSWER("301 Moved", "x-amz-bucket-region: eu-west-1\r\n",
		     ERROR_BODY("PermanentRedirect")));
	int err = store_put(store, "k", "a", 1, 0);

	ck_assert_int_eq(err, -ERR_store_config);
	assert_says(err, "AWS_REGION=eu-west-1");
	stop();
}
END_TEST

START_TEST(a_refused_key_that_cannot_be_replaced_is_not_tried_twice)
{
	START(FAILURE("403 Forbidden", "InvalidAccessKeyId"), STORED);
	int err = store_put(store, "k", "a", 1, 0);

	ck_assert_int_eq(err, -ERR_store_denied);
	assert_says(err, "does not know the key id (from the environment)");
	ck_assert_uint_eq(stub_server_requests(server), 1);
	stop();
}
END_TEST

START_TEST(a_refused_key_that_was_replaced_is_replaced_here)
{
	START(FAILURE("404 Not Found", "NoSuchKey"), FAILURE("400 Bad", "ExpiredToken"), STORED);
	char *path = write_file("[default]\naws_access_key_id=old\naws_secret_access_key=s\n");
	FILE *file;

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	store_free(store);
	ck_assert_int_eq(store_s3_open("bucket", "", "s3://bucket", &store), 0);
	ck_assert_int_eq(store_get(store, "k", 0, 1, &out), -ENOENT);
	file = fopen(path, "w");
	fputs("[default]\naws_access_key_id=new\naws_secret_access_key=t\n", file);
	fclose(file);
	ck_assert_int_eq(store_put(store, "k", "a", 1, STORE_IF_ABSENT), 0);
	assert_sent(1, "Credential=old/");
	assert_sent(2, "Credential=new/");
	stop();
	unlink(path);
	free(path);
}
END_TEST

START_TEST(without_credentials_nothing_is_sent)
{
	START(STORED);

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	ck_assert_int_eq(store_put(store, "k", "a", 1, 0), -ERR_store_denied);
	ck_assert_uint_eq(stub_server_requests(server), 0);
	stop();
}
END_TEST

UNIT_MAIN("store_s3", without_an_endpoint_the_address_is_that_of_aws,
	  with_an_endpoint_the_bucket_is_in_the_path, settings_that_cannot_be_used_are_refused,
	  requests_are_signed_over_their_real_body, a_session_token_is_sent_and_signed,
	  an_unconditional_put_has_no_condition,
	  a_conditional_put_tells_taken_busy_and_unsupported_apart,
	  an_error_in_a_success_is_an_error, a_range_is_asked_for_and_appended,
	  the_whole_object_may_answer_a_range_that_covers_it, a_range_behind_the_end_is_empty,
	  an_answer_of_another_range_is_refused_and_may_be_repeated, a_whole_object_needs_a_length,
	  an_answer_of_something_in_between_is_no_objects, only_nosuchkey_means_absent,
	  a_head_without_success_is_explained_by_a_get, removing_what_is_absent_succeeds,
	  a_listing_goes_through_all_pages, keys_that_no_volume_uses_are_passed_over,
	  the_callers_result_ends_a_listing, a_page_that_cannot_be_trusted_fails_the_listing,
	  a_page_that_follows_itself_fails_the_listing, an_error_in_a_listing_keeps_its_meaning,
	  a_wrong_region_is_explained, a_refused_key_that_cannot_be_replaced_is_not_tried_twice,
	  a_refused_key_that_was_replaced_is_replaced_here, without_credentials_nothing_is_sent)
