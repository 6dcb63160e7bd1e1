/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_s3_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/aws_config.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/store_s3_error.h"

#define REGION_DEFAULT	  "us-east-1"
#define REGION_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define ERROR_BYTES_MAX	  65536u /* of an error document */
#define SIGNED_MAX	  5	 /* host, three of S3, one of the request */
#define BUCKET_LABEL_MAX  63	 /* of a host name's part */

/* Characters of a host name's part: what virtual-host style can express. */
static bool fits_host_name(const char *bucket)
{
	return strlen(bucket) <= BUCKET_LABEL_MAX &&
	       strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(bucket);
}

static void use_aws(struct s3_target *target, const char *bucket)
{
	const char *suffix = strncmp(target->region, "cn-", 3) == 0 ? ".cn" : "";

	if (fits_host_name(bucket)) {
		target->host =
			xasprintf("%s.s3.%s.amazonaws.com%s", bucket, target->region, suffix);
		target->base_path = xstrdup("");
	} else {
		target->host = xasprintf("s3.%s.amazonaws.com%s", target->region, suffix);
		target->base_path = xasprintf("/%s", bucket);
	}
	target->origin = xasprintf("https://%s", target->host);
}

static int bad_endpoint(const char *endpoint, const char *problem)
{
	return err_set(-ERR_store_config,
		       "the S3 endpoint \"%s\" (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the "
		       "profile's endpoint_url) %s",
		       endpoint, problem);
}

/* The part of an authority that goes into the Host header: without the port
 * when it is the scheme's own, as HTTP libraries and so signatures have it. */
static size_t host_length(const char *authority, size_t length, bool tls)
{
	const char *port = tls ? ":443" : ":80";
	size_t port_length = strlen(port);

	if (length > port_length &&
	    strncmp(authority + length - port_length, port, port_length) == 0)
		return length - port_length;
	return length;
}

static int use_endpoint(struct s3_target *target, const char *endpoint, const char *bucket)
{
	bool tls = strncasecmp(endpoint, "https://", 8) == 0;
	const char *authority = endpoint + (tls ? 8 : 7);
	size_t length;
	size_t path_length;

	if (!tls && strncasecmp(endpoint, "http://", 7) != 0)
		return bad_endpoint(endpoint, "must start with https:// or http://");
	if (strpbrk(endpoint, "@?# "))
		return bad_endpoint(endpoint, "must be a host, with a port and a path at most");
	length = strcspn(authority, "/");
	if (!length)
		return bad_endpoint(endpoint, "has no host");
	length = host_length(authority, length, tls);
	target->host = xasprintf("%.*s", (int)length, authority);
	target->origin = xasprintf("%s://%s", tls ? "https" : "http", target->host);
	authority += strcspn(authority, "/");
	path_length = strlen(authority);
	while (path_length > 0 && authority[path_length - 1] == '/')
		path_length--;
	target->base_path = xasprintf("%.*s/%s", (int)path_length, authority, bucket);
	return 0;
}

static int init_address(struct s3_target *target, const struct aws_config *config,
			const char *bucket)
{
	const char *region = aws_config_region(config);
	const char *endpoint = aws_config_endpoint(config);

	if (!region)
		region = REGION_DEFAULT;
	if (strspn(region, REGION_CHARACTERS) != strlen(region))
		return err_set(-ERR_store_config,
			       "the S3 region \"%s\" (AWS_REGION, AWS_DEFAULT_REGION or the "
			       "profile's region) is no name of a region",
			       region);
	target->region = xstrdup(region);
	if (endpoint)
		return use_endpoint(target, endpoint, bucket);
	use_aws(target, bucket);
	return 0;
}

int s3_target_init(struct s3_target *out, const char *bucket)
{
	struct http_options options = HTTP_OPTIONS_INIT;
	struct aws_config config;
	int err = aws_config_load(&config);

	memset(out, 0, sizeof(*out));
	if (!err)
		err = init_address(out, &config, bucket);
	if (!err) {
		/* AWS asks for it; elsewhere it only costs a round trip. */
		options.expect_continue = !aws_config_endpoint(&config);
		options.ca_file = aws_config_ca_file(&config);
		out->pool = http_pool_new(&options);
		out->credentials = credentials_new();
	}
	aws_config_release(&config);
	if (err)
		s3_target_release(out);
	return err;
}

void s3_target_release(struct s3_target *target)
{
	free(target->origin);
	free(target->host);
	free(target->base_path);
	free(target->region);
	credentials_free(target->credentials);
	http_pool_free(target->pool);
	memset(target, 0, sizeof(*target));
}

/* The path of the request line, NUL-terminated. */
static void put_path(struct buffer *out, const struct s3_target *target, const char *key)
{
	sign_s3_encode_path(out, target->base_path);
	if (key || !target->base_path[0])
		buffer_put_u8(out, '/');
	if (key)
		sign_s3_encode_path(out, key);
	buffer_put_u8(out, '\0');
}

char *s3_url(const struct s3_target *target, const char *key)
{
	CLEANUP_BUFFER struct buffer path = BUFFER_INIT;

	put_path(&path, target, key);
	return xasprintf("%s%s", target->origin, (char *)path.data);
}

/* An attempt: a request with the texts that are made for it. */
struct attempt {
	const struct s3_target *target;
	const struct s3_request *request;
	struct digest payload;
	struct buffer path;
	struct buffer query;
	char *url;
	struct credentials_key key;
};

static void attempt_init(struct attempt *attempt, const struct s3_target *target,
			 const struct s3_request *request)
{
	memset(attempt, 0, sizeof(*attempt));
	attempt->target = target;
	attempt->request = request;
	attempt->payload = digest_of(request->body, request->body_length);
	put_path(&attempt->path, target, request->key);
	sign_s3_encode_query(&attempt->query, request->parameters, request->parameter_count);
	buffer_put_u8(&attempt->query, '\0');
	attempt->url = xasprintf("%s%s%s%s", target->origin, (char *)attempt->path.data,
				 request->parameter_count ? "?" : "", (char *)attempt->query.data);
}

static void attempt_release(struct attempt *attempt)
{
	buffer_release(&attempt->path);
	buffer_release(&attempt->query);
	free(attempt->url);
	credentials_key_release(&attempt->key);
}

/* The headers that are signed; returns their number. */
static size_t build_headers(const struct attempt *attempt, const char *hash, const char *time,
			    struct sign_s3_pair headers[SIGNED_MAX])
{
	size_t count = 0;

	headers[count++] = (struct sign_s3_pair){ "host", attempt->target->host };
	headers[count++] = (struct sign_s3_pair){ "x-amz-content-sha256", hash };
	headers[count++] = (struct sign_s3_pair){ "x-amz-date", time };
	if (attempt->key.session_token)
		headers[count++] =
			(struct sign_s3_pair){ "x-amz-security-token", attempt->key.session_token };
	if (attempt->request->header.name)
		headers[count++] = attempt->request->header;
	return count;
}

static void put_authorization(const struct attempt *attempt, const struct sign_s3_pair *headers,
			      size_t count, const char *time, struct buffer *out)
{
	struct sign_s3_key key = {
		.access_key_id = attempt->key.access_key_id,
		.secret_access_key = attempt->key.secret_access_key,
		.region = attempt->target->region,
		.service = "s3",
	};
	struct sign_s3_request request = {
		.method = attempt->request->method,
		.path = (char *)attempt->path.data,
		.query = (char *)attempt->query.data,
		.headers = headers,
		.header_count = count,
		.payload = attempt->payload,
	};

	sign_s3_authorization(&request, &key, time, out);
	buffer_put_u8(out, '\0');
}

static int sign_and_perform(const struct attempt *attempt, struct http_response *response)
{
	const struct s3_request *request = attempt->request;
	CLEANUP_BUFFER struct buffer authorization = BUFFER_INIT;
	struct sign_s3_pair pairs[SIGNED_MAX];
	struct http_header headers[SIGNED_MAX + 1];
	char hash[DIGEST_HEX_SIZE];
	char time[SIGN_S3_TIME_SIZE];
	size_t count;
	size_t i;
	struct http_request http = {
		.method = request->method,
		.url = attempt->url,
		.headers = headers,
		.body = request->body,
		.body_length = request->body_length,
		.answer_bytes_max = request->answer_bytes_max,
		.send_once = request->send_once,
	};

	digest_to_hex(&attempt->payload, hash);
	sign_s3_format_time(clock_real_ns() / NS_PER_SECOND + attempt->target->clock_offset_s,
			    time);
	count = build_headers(attempt, hash, time, pairs);
	put_authorization(attempt, pairs, count, time, &authorization);
	for (i = 0; i < count; i++)
		headers[i] = (struct http_header){ pairs[i].name, pairs[i].value };
	headers[count] = (struct http_header){ "authorization", (char *)authorization.data };
	http.header_count = count + 1;
	if (http.answer_bytes_max < ERROR_BYTES_MAX)
		http.answer_bytes_max = ERROR_BYTES_MAX;
	return http_perform(attempt->target->pool, &http, response);
}

/*
 * Fills *failure when the answer is no success. The body of an object (GET)
 * is never looked into; elsewhere a success may hold an error document.
 */
static bool is_failure(const struct attempt *attempt, const struct http_response *response,
		       size_t body_start, struct s3_failure *failure)
{
	const struct buffer *body = response->body;
	bool success = response->status >= 200 && response->status < 300;
	bool is_object = attempt->request->key && strcmp(attempt->request->method, "GET") == 0;

	*failure = (struct s3_failure){
		.method = attempt->request->method,
		.url = attempt->url,
		.status = response->status,
		.bucket_region = http_response_header(response, "x-amz-bucket-region"),
		.server_date = http_response_header(response, "date"),
		.region = attempt->target->region,
		.access_key_id = attempt->key.access_key_id,
		.credentials_source = attempt->key.source,
	};
	if (success && (is_object || body->length == body_start))
		return false;
	return s3_xml_parse_error(body->data + body_start, body->length - body_start,
				  &failure->error) ||
	       !success;
}

/* One attempt. Returns 0, an error without an answer of S3, or 1 when S3's
 * answer is a failure, which *failure then describes. */
static int attempt_once(struct attempt *attempt, struct http_response *response,
			struct s3_failure *failure)
{
	size_t body_start = response->body->length;
	int result;

	credentials_key_release(&attempt->key);
	http_response_release(response);
	result = credentials_get(attempt->target->credentials, &attempt->key);
	if (!result)
		result = sign_and_perform(attempt, response);
	if (!result && is_failure(attempt, response, body_start, failure))
		result = 1;
	if (result)
		response->body->length = body_start;
	return result;
}

int s3_send(const struct s3_target *target, const struct s3_request *request,
	    struct http_response *response)
{
	struct s3_failure failure;
	struct attempt attempt;
	int result;

	attempt_init(&attempt, target, request);
	result = attempt_once(&attempt, response, &failure);
	if (result == 1 && s3_failure_is_stale_key(&failure) &&
	    credentials_renew(target->credentials, &attempt.key) == 1)
		result = attempt_once(&attempt, response, &failure);
	if (result == 1)
		result = s3_failure_report(&failure);
	attempt_release(&attempt);
	return result;
}
