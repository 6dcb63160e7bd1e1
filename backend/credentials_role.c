/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/credentials_role.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "backend/aws_config.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/http.h"

#define CONTAINER_HOST	 "http://169.254.170.2"
#define INSTANCE_HOST	 "http://169.254.169.254"
#define INSTANCE_PATH	 "/latest/meta-data/iam/security-credentials/"
#define ANSWER_BYTES_MAX 65536
#define TOKEN_BYTES_MAX	 65536

/* These services are on this host or next to it: they answer at once. */
static const struct http_options service_options = {
	.connect_timeout_ms = 1000,
	.stall_timeout_s = 3,
	.total_timeout_ms = 5000,
	.no_proxy = true,
};

static bool parse_time(const char *text, int64_t *seconds_out)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!end)
		return false;
	end += strspn(end, ".0123456789"); /* a fraction */
	if (strcmp(end, "Z") != 0 && strcmp(end, "+00:00") != 0)
		return false;
	*seconds_out = (int64_t)timegm(&tm);
	return true;
}

static const char *take_role(const json_t *root, struct credentials_key *out)
{
	const char *id = json_string_value(json_object_get(root, "AccessKeyId"));
	const char *secret = json_string_value(json_object_get(root, "SecretAccessKey"));
	const char *token = json_string_value(json_object_get(root, "Token"));
	const char *expiration = json_string_value(json_object_get(root, "Expiration"));
	int64_t expires = 0;

	if (!id || !secret || !*id || !*secret)
		return "it has no AccessKeyId and SecretAccessKey";
	if (expiration && !parse_time(expiration, &expires))
		return "its Expiration is not a time";
	out->access_key_id = xstrdup(id);
	out->secret_access_key = xstrdup(secret);
	out->session_token = token && *token ? xstrdup(token) : NULL;
	out->expires_real_s = expires;
	return NULL;
}

const char *credentials_parse_role(const char *text, size_t length, struct credentials_key *out)
{
	json_t *root = json_loadb(text, length, 0, NULL);
	const char *problem;

	memset(out, 0, sizeof(*out));
	if (!json_is_object(root)) {
		json_decref(root);
		return "it is not a JSON object";
	}
	problem = take_role(root, out);
	json_decref(root);
	return problem;
}

static bool starts_with(const char *text, const char *start)
{
	return strncasecmp(text, start, strlen(start)) == 0;
}

/* True when the host at p is this one and nothing but a port or path follows. */
static bool host_is(const char *p, const char *host)
{
	size_t length = strlen(host);

	return strncasecmp(p, host, length) == 0 && strchr(":/?", p[length]) != NULL;
}

bool credentials_uri_allowed(const char *uri)
{
	static const char *const hosts[] = {
		"localhost",	 "127.0.0.1",	   "[::1]",
		"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
	};
	size_t i;

	if (starts_with(uri, "https://"))
		return true;
	if (!starts_with(uri, "http://"))
		return false;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (host_is(uri + strlen("http://"), hosts[i]))
			return true;
	}
	return false;
}

/*
 * Sends one request without body. Returns the HTTP status with the answer in
 * body, NUL-terminated beyond its length, or an error of http_perform().
 */
static int ask(const char *method, const char *url, const struct http_header *header,
	       struct buffer *body)
{
	struct http_pool *pool = http_pool_new(&service_options);
	struct http_response response = { .body = body };
	struct http_request request = {
		.method = method,
		.url = url,
		.headers = header,
		.header_count = header ? 1 : 0,
		.answer_bytes_max = ANSWER_BYTES_MAX,
	};
	int result;

	buffer_clear(body);
	result = http_perform(pool, &request, &response);
	if (!result)
		result = response.status;
	buffer_put_u8(body, '\0');
	body->length--;
	http_response_release(&response);
	http_pool_free(pool);
	return result;
}

static int take_answer(const char *url, int status, const struct buffer *body,
		       struct credentials_key *out)
{
	const char *problem;

	if (status < 0)
		return status;
	if (status != 200)
		return err_set(-ERR_store_denied,
			       "%s: HTTP %d instead of credentials; has this host a role?", url,
			       status);
	problem = credentials_parse_role((const char *)body->data, body->length, out);
	if (problem)
		return err_set(-ERR_store_denied, "%s: no usable credentials: %s", url, problem);
	out->source = xstrdup(url);
	return 1;
}

/* The token of the container's service, NULL when none is configured. */
static int container_token(char **token_out)
{
	const char *path = aws_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = aws_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	size_t length;
	FILE *file;

	*token_out = NULL;
	if (!path) {
		*token_out = token ? xstrdup(token) : NULL;
		return 0;
	}
	file = fopen(path, "re");
	if (!file)
		return err_set_errno(-ERR_store_config, errno,
				     "cannot open %s (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)",
				     path);
	*token_out = xcalloc(1, TOKEN_BYTES_MAX + 1);
	length = fread(*token_out, 1, TOKEN_BYTES_MAX, file);
	fclose(file);
	while (length > 0 && strchr("\r\n \t", (*token_out)[length - 1]))
		(*token_out)[--length] = '\0';
	return 0;
}

static int ask_container(const char *uri, struct credentials_key *out)
{
	CLEANUP_FREE char *token = NULL;
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct http_header header = { "Authorization", NULL };
	int err = container_token(&token);

	if (err)
		return err;
	if (token && strpbrk(token, "\r\n"))
		return err_set(-ERR_store_config,
			       "the container's authorization token holds a line break");
	header.value = token;
	return take_answer(uri, ask("GET", uri, token ? &header : NULL, &body), &body, out);
}

int credentials_from_container(struct credentials_key *out, struct buffer *looked)
{
	const char *relative = aws_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = aws_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");

	if (relative) {
		CLEANUP_FREE char *uri = xasprintf(CONTAINER_HOST "%s", relative);

		return ask_container(uri, out);
	}
	if (!full) {
		buffer_put_text(looked, "container role (AWS_CONTAINER_CREDENTIALS_FULL_URI and "
					"_RELATIVE_URI are not set)");
		return 0;
	}
	if (!credentials_uri_allowed(full))
		return err_set(-ERR_store_config,
			       "AWS_CONTAINER_CREDENTIALS_FULL_URI: %s is neither HTTPS nor an "
			       "address of this host",
			       full);
	return ask_container(full, out);
}

/* Asks for the name of the role, then for its credentials. */
static int ask_instance(const char *host, const char *token, struct credentials_key *out)
{
	const struct http_header header = { "X-aws-ec2-metadata-token", token };
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	CLEANUP_FREE char *roles_url = xasprintf("%s" INSTANCE_PATH, host);
	CLEANUP_FREE char *url = NULL;
	int status = ask("GET", roles_url, &header, &body);

	if (status < 0)
		return status;
	if (status != 200 || !body.length)
		return err_set(-ERR_store_denied,
			       "%s: HTTP %d: this instance has no role; attach one, or set "
			       "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
			       roles_url, status);
	url = xasprintf("%s%.*s", roles_url, (int)strcspn((char *)body.data, "\r\n"),
			(char *)body.data);
	return take_answer(url, ask("GET", url, &header, &body), &body, out);
}

int credentials_from_instance(struct credentials_key *out, struct buffer *looked)
{
	static const struct http_header ttl = { "X-aws-ec2-metadata-token-ttl-seconds", "21600" };
	const char *disabled = aws_environment("AWS_EC2_METADATA_DISABLED");
	const char *host = aws_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	CLEANUP_BUFFER struct buffer token = BUFFER_INIT;
	CLEANUP_FREE char *url = NULL;
	int status;

	if (disabled && strcasecmp(disabled, "true") == 0) {
		buffer_put_text(looked, "instance role (AWS_EC2_METADATA_DISABLED is set)");
		return 0;
	}
	if (!host)
		host = INSTANCE_HOST;
	url = xasprintf("%.*s/latest/api/token",
			(int)(strlen(host) - (host[strlen(host) - 1] == '/')), host);
	status = ask("PUT", url, &ttl, &token);
	if (status != 200 || !token.length || strpbrk((char *)token.data, "\r\n")) {
		buffer_printf(looked, "instance role (%s is not there)", url);
		return 0;
	}
	url[strlen(url) - strlen("/latest/api/token")] = '\0';
	return ask_instance(url, (char *)token.data, out);
}
