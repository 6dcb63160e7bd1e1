/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/sign_s3.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/cleanup.h"

#define ALGORITHM   "AWS4-HMAC-SHA256"
#define DATE_LENGTH 8 /* the "20130524" of a time */

void sign_s3_format_time(int64_t real_seconds, char text[SIGN_S3_TIME_SIZE])
{
	time_t seconds = (time_t)real_seconds;
	struct tm tm;
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(text, SIGN_S3_TIME_SIZE, "%Y%m%dT%H%M%SZ", &tm);
	assert(length == SIGN_S3_TIME_SIZE - 1);
}

/* RFC 3986's unreserved characters; locale has no say. */
static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~", c));
}

static void encode(struct buffer *out, const char *text, bool keep_slash)
{
	const char *p;

	for (p = text; *p; p++) {
		if (is_unreserved(*p) || (keep_slash && *p == '/'))
			buffer_put_u8(out, (uint8_t)*p);
		else
			buffer_printf(out, "%%%02X", (unsigned int)(uint8_t)*p);
	}
}

void sign_s3_encode_path(struct buffer *out, const char *path)
{
	encode(out, path, true);
}

static int compare_encoded(const char *a, const char *b)
{
	CLEANUP_BUFFER struct buffer left = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer right = BUFFER_INIT;

	encode(&left, a, false);
	encode(&right, b, false);
	buffer_put_u8(&left, '\0');
	buffer_put_u8(&right, '\0');
	return strcmp((char *)left.data, (char *)right.data);
}

/* The order is that of the encoded texts: '%' sorts before letters. */
static int compare_parameters(const void *a, const void *b)
{
	const struct sign_s3_pair *left = a;
	const struct sign_s3_pair *right = b;
	int order = compare_encoded(left->name, right->name);

	return order ? order : compare_encoded(left->value, right->value);
}

void sign_s3_encode_query(struct buffer *out, struct sign_s3_pair *parameters, size_t count)
{
	size_t i;

	if (count)
		qsort(parameters, count, sizeof(*parameters), compare_parameters);
	for (i = 0; i < count; i++) {
		if (i)
			buffer_put_u8(out, '&');
		encode(out, parameters[i].name, false);
		buffer_put_u8(out, '=');
		encode(out, parameters[i].value, false);
	}
}

/* By name; headers of one name keep their order, which is that of their
 * addresses in the request's array. */
static int compare_headers(const void *a, const void *b)
{
	const struct sign_s3_pair *left = *(const struct sign_s3_pair *const *)a;
	const struct sign_s3_pair *right = *(const struct sign_s3_pair *const *)b;
	int order = strcmp(left->name, right->name);

	return order ? order : (left > right) - (left < right);
}

static const struct sign_s3_pair **sort_headers(const struct sign_s3_request *request)
{
	const struct sign_s3_pair **sorted = xcalloc(request->header_count, sizeof(*sorted));
	size_t i;

	for (i = 0; i < request->header_count; i++)
		sorted[i] = &request->headers[i];
	qsort(sorted, request->header_count, sizeof(*sorted), compare_headers);
	return sorted;
}

static bool same_name_as_before(const struct sign_s3_pair **sorted, size_t i)
{
	return i > 0 && strcmp(sorted[i]->name, sorted[i - 1]->name) == 0;
}

/* Without white space at the ends, and with one blank for each run of it. */
static void put_trimmed(struct buffer *out, const char *value)
{
	const char *p = value;
	size_t start = out->length;

	while (*p) {
		size_t word = strcspn(p, " \t\r\n");

		if (word && out->length > start)
			buffer_put_u8(out, ' ');
		buffer_append(out, p, word);
		p += word;
		p += strspn(p, " \t\r\n");
	}
}

static void put_header_names(struct buffer *out, const struct sign_s3_pair **sorted, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!same_name_as_before(sorted, i))
			buffer_printf(out, "%s%s", i ? ";" : "", sorted[i]->name);
	}
}

void sign_s3_canonical_request(const struct sign_s3_request *request, struct buffer *out)
{
	CLEANUP_FREE const struct sign_s3_pair **sorted = sort_headers(request);
	char hash[DIGEST_HEX_SIZE];
	size_t i;

	buffer_printf(out, "%s\n%s\n%s", request->method, request->path, request->query);
	for (i = 0; i < request->header_count; i++) {
		if (same_name_as_before(sorted, i))
			buffer_put_u8(out, ',');
		else
			buffer_printf(out, "\n%s:", sorted[i]->name);
		put_trimmed(out, sorted[i]->value);
	}
	buffer_put_text(out, "\n\n");
	put_header_names(out, sorted, request->header_count);
	digest_to_hex(&request->payload, hash);
	buffer_printf(out, "\n%s", hash);
}

static void put_scope(struct buffer *out, const struct sign_s3_key *key, const char *time)
{
	buffer_printf(out, "%.*s/%s/%s/aws4_request", DATE_LENGTH, time, key->region, key->service);
}

void sign_s3_string_to_sign(const struct sign_s3_request *request, const struct sign_s3_key *key,
			    const char *time, struct buffer *out)
{
	CLEANUP_BUFFER struct buffer canonical = BUFFER_INIT;
	struct digest digest;
	char hash[DIGEST_HEX_SIZE];

	sign_s3_canonical_request(request, &canonical);
	digest = digest_of(canonical.data, canonical.length);
	digest_to_hex(&digest, hash);
	buffer_printf(out, ALGORITHM "\n%s\n", time);
	put_scope(out, key, time);
	buffer_printf(out, "\n%s", hash);
}

static struct digest hmac_text(const struct digest *key, const char *text)
{
	return digest_hmac(key->bytes, DIGEST_BYTES, text, strlen(text));
}

static struct digest signing_key(const struct sign_s3_key *key, const char *time)
{
	CLEANUP_BUFFER struct buffer secret = BUFFER_INIT;
	struct digest digest;

	buffer_printf(&secret, "AWS4%s", key->secret_access_key);
	digest = digest_hmac(secret.data, secret.length, time, DATE_LENGTH);
	explicit_bzero(secret.data, secret.length);
	digest = hmac_text(&digest, key->region);
	digest = hmac_text(&digest, key->service);
	return hmac_text(&digest, "aws4_request");
}

void sign_s3_authorization(const struct sign_s3_request *request, const struct sign_s3_key *key,
			   const char *time, struct buffer *out)
{
	CLEANUP_BUFFER struct buffer to_sign = BUFFER_INIT;
	CLEANUP_FREE const struct sign_s3_pair **sorted = sort_headers(request);
	struct digest digest = signing_key(key, time);
	char signature[DIGEST_HEX_SIZE];

	assert(strlen(time) == SIGN_S3_TIME_SIZE - 1);
	sign_s3_string_to_sign(request, key, time, &to_sign);
	digest = digest_hmac(digest.bytes, DIGEST_BYTES, to_sign.data, to_sign.length);
	digest_to_hex(&digest, signature);
	buffer_printf(out, ALGORITHM " Credential=%s/", key->access_key_id);
	put_scope(out, key, time);
	buffer_put_text(out, ", SignedHeaders=");
	put_header_names(out, sorted, request->header_count);
	buffer_printf(out, ", Signature=%s", signature);
}
