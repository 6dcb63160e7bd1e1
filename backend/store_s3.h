/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of s3://bucket/prefix, on any server that speaks S3: PutObject,
 * GetObject (ranged), HeadObject, DeleteObject and ListObjectsV2, each signed
 * with Signature Version 4 over the body's real SHA-256.
 *
 *	store_s3          calls and the checks of their answers
 *	store_s3_request  address, credentials, signature, one attempt
 *	store_s3_error    what a refusal means
 *	store_s3_xml      listings and error documents
 *
 * STORE_IF_ABSENT is a PUT with "If-None-Match: *"; the server must honour
 * it. Such a request is never sent twice by the layers below, so -EEXIST
 * always means that another request made the object; a repetition after an
 * error in doubt is up to the caller (store_retry).
 *
 * An answer is checked as far as HTTP can tell: lengths, ranges, whole
 * listings in order, and an ETag, without which it is not S3's but of
 * something in between. Over plain HTTP a bit that flips in an answer is not
 * seen here: what is stored carries checksums of its own.
 *
 * Endpoint, region, certificates and credentials come from the conventions
 * of AWS's tools (aws_config.h, credentials.h).
 */
#ifndef DRAY_STORE_S3_H
#define DRAY_STORE_S3_H

#include "backend/store.h"

/* The largest object that is put or got whole, in bytes. */
#define STORE_S3_OBJECT_MAX (1u << 30)

/*
 * The store of a bucket; prefix is "" or "a/b"; url is for messages. Touches
 * no network: a wrong bucket or key shows at the first call. Returns 0 or
 * -ERR_store_config.
 */
int store_s3_open(const char *bucket, const char *prefix, const char *url, struct store **out);

/* For tests: signs as if this machine's clock were off by that much. */
void store_s3_set_clock_offset(struct store *store, int64_t seconds);

#endif
