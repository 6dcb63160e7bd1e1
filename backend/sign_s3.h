/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4, as S3 wants it: pure functions from a request, a
 * key and a time to the text of the Authorization header. No clock, no I/O.
 * (libcurl's own signer goes wrong on unsorted queries, prefixed and repeated
 * headers and more in the versions that distributions ship.)
 *
 *	canonical request = method \n path \n query \n headers \n names \n hash
 *	string to sign    = algorithm \n time \n scope \n SHA-256 of the former
 *	signature         = HMAC chain over date, region, service (signing key)
 *
 * The path and the query are signed exactly as they go on the request line,
 * so both are encoded here, once, and the same text is used for both. The
 * hash is always the real one of the body: it is what lets the server refuse
 * a body that was damaged on the way, also over plain HTTP.
 *
 * A signature holds for 15 minutes around its time: each attempt of a
 * request is signed anew.
 */
#ifndef DRAY_SIGN_S3_H
#define DRAY_SIGN_S3_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/digest.h"

#define SIGN_S3_TIME_SIZE 17 /* "20130524T000000Z" and a NUL */

struct sign_s3_pair {
	const char *name;
	const char *value;
};

struct sign_s3_request {
	const char *method;
	const char *path;  /* from sign_s3_encode_path(); starts with '/' */
	const char *query; /* from sign_s3_encode_query(); "" when there is none */
	/* All headers that are signed, "host" among them: lower-case names,
	 * any order, a name may come several times. */
	const struct sign_s3_pair *headers;
	size_t header_count;
	struct digest payload; /* of the body; of the empty string without one */
};

struct sign_s3_key {
	const char *access_key_id;
	const char *secret_access_key;
	const char *region;
	const char *service; /* "s3" */
};

/* The time of a signature as "20130524T000000Z", seconds since 1970. */
void sign_s3_format_time(int64_t real_seconds, char text[SIGN_S3_TIME_SIZE]);

/* Appends the path with all but A-Z a-z 0-9 - . _ ~ / percent-encoded. */
void sign_s3_encode_path(struct buffer *out, const char *path);

/*
 * Appends the parameters as a query, names and values percent-encoded, in
 * the order that the signature demands. Sorts the array to that end.
 */
void sign_s3_encode_query(struct buffer *out, struct sign_s3_pair *parameters, size_t count);

/* Appends the canonical request and the string to sign; for tests and for
 * messages about a signature that the server refuses. */
void sign_s3_canonical_request(const struct sign_s3_request *request, struct buffer *out);
void sign_s3_string_to_sign(const struct sign_s3_request *request, const struct sign_s3_key *key,
			    const char *time, struct buffer *out);

/* Appends the value of the Authorization header; time is that of the
 * x-amz-date header among the request's headers. */
void sign_s3_authorization(const struct sign_s3_request *request, const struct sign_s3_key *key,
			   const char *time, struct buffer *out);

#endif
