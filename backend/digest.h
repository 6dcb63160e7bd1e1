/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104): content ids, request
 * signatures, the hash chain of commits.
 *
 * Nothing here fails: the only failure that OpenSSL has left at this point
 * is exhausted memory, which ends the process as in xmalloc(). All functions
 * may be called by any thread at once; one struct digest_stream belongs to
 * one thread at a time.
 */
#ifndef DRAY_DIGEST_H
#define DRAY_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES	32
#define DIGEST_HEX_SIZE 65 /* 64 digits and a NUL */

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

/* SHA-256 of the bytes. */
struct digest digest_of(const void *bytes, size_t length);

/* HMAC-SHA256 of the bytes; a key of any length, also 0. */
struct digest digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length);

/* Compares in constant time, so that it also serves for authentication. */
bool digest_equal(const struct digest *a, const struct digest *b);

/* 64 lower-case hex digits. */
void digest_to_hex(const struct digest *digest, char text[DIGEST_HEX_SIZE]);
/* False unless the text is exactly 64 hex digits. */
bool digest_from_hex(struct digest *digest, const char *text);

/* SHA-256 of bytes that come in pieces. */
struct digest_stream {
	struct evp_md_ctx_st *context; /* owned */
};

/* Starts an empty stream; digest_stream_release() ends it. */
void digest_stream_init(struct digest_stream *stream);
void digest_stream_add(struct digest_stream *stream, const void *bytes, size_t length);
/* The digest of all that was added; the stream is as after init. */
struct digest digest_stream_finish(struct digest_stream *stream);
void digest_stream_release(struct digest_stream *stream);

#endif
