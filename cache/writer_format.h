/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two objects by which gateways keep apart, as JSON.
 *
 * writer/<epoch>, put once, if absent: who claimed the epoch.
 *
 *	{ "drayfs": "writer", "format": 1, "epoch": 7,
 *	  "cache": "<32 hex digits>", "session": "<32 hex digits>",
 *	  "host": "atlas", "pid": 4711, "claimed": "2026-11-22T21:52:16.123Z" }
 *
 * lease/<epoch>, put again and again by the one who claimed it: that it
 * lives, and what a reader of the log must find at least. Advice only.
 *
 *	{ "drayfs": "lease", "format": 1, "epoch": 7, "cache": ..., "session": ...,
 *	  "host": ..., "pid": ..., "ttl_ms": 30000, "renewal": 17,
 *	  "commit": 412, "root": 0, "released": false }
 *
 * cache: the cache directory, drawn once. session: drawn at each mount.
 * commit, root: the newest the writer knows of. released: it stopped cleanly.
 * Unknown keys are ignored; a higher format is refused.
 */
#ifndef DRAY_CACHE_WRITER_FORMAT_H
#define DRAY_CACHE_WRITER_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"

#define WRITER_FORMAT_VERSION 1
#define WRITER_HOST_SIZE      65

struct writer_claim {
	uint64_t epoch;
	struct id cache;
	struct id session;
	char host[WRITER_HOST_SIZE];
	int64_t pid;
	int64_t claimed_real_ns; /* written only */
};

struct writer_lease {
	struct writer_claim claim;
	int64_t ttl_ms;
	uint64_t renewal;
	uint64_t commit;
	uint64_t root;
	bool released;
};

/* Appends the JSON. */
void writer_claim_encode(const struct writer_claim *claim, struct buffer *out);
void writer_lease_encode(const struct writer_lease *lease, struct buffer *out);
/* 0, -ERR_format_newer, or -ERR_volume_corrupt naming the object. */
int writer_claim_decode(const char *object, const void *bytes, size_t length,
			struct writer_claim *out);
int writer_lease_decode(const char *object, const void *bytes, size_t length,
			struct writer_lease *out);

#endif
