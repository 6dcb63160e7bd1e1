/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signed request to one bucket: where it goes, how it is signed, what
 * its answer means. Private to the S3 store and to tests.
 *
 * Addresses: with an endpoint (AWS_ENDPOINT_URL_S3 and so on) path style,
 * ENDPOINT/BUCKET/KEY; without one AWS's, in virtual-host style,
 * https://BUCKET.s3.REGION.amazonaws.com/KEY, or in path style where the
 * bucket's name fits no host name or holds a dot (which no certificate of
 * the wildcard kind covers).
 */
#ifndef DRAY_STORE_S3_REQUEST_H
#define DRAY_STORE_S3_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/credentials.h"
#include "backend/http.h"
#include "backend/sign_s3.h"

/* Immutable after init; the pool and the credentials have their own locks. */
struct s3_target {
	char *origin;	 /* "https://host:port", no slash at the end */
	char *host;	 /* value of the Host header */
	char *base_path; /* before the key: "" or "/path/bucket", not encoded */
	char *region;
	struct credentials *credentials;
	struct http_pool *pool;
	int64_t clock_offset_s; /* added to the time of signatures; 0 but in tests */
};

struct s3_request {
	const char *method;
	const char *key;		 /* full key; NULL: the bucket itself */
	struct sign_s3_pair *parameters; /* of the query; sorted in place */
	size_t parameter_count;
	struct sign_s3_pair header; /* one more, signed; name is NULL: none */
	const void *body;
	size_t body_length;
	size_t answer_bytes_max;
	bool send_once; /* see struct http_request */
};

/*
 * Finds endpoint, region and certificates for the bucket. Returns 0, or
 * -ERR_store_config with *out needing no release. Touches no network.
 */
int s3_target_init(struct s3_target *out, const char *bucket);
void s3_target_release(struct s3_target *target);

/*
 * Sends the request and waits. Returns 0 when S3 answered with success: the
 * answer's body is then behind what response->body held. Otherwise returns
 * an error of http_perform(), credentials_get() or s3_failure_report(), and
 * the body is as it was. The caller has set response->body and zeroed the
 * rest, and releases the response in either case.
 */
int s3_send(const struct s3_target *target, const struct s3_request *request,
	    struct http_response *response);

/* The URL of a key, for messages; the caller frees it. */
char *s3_url(const struct s3_target *target, const char *key);

#endif
