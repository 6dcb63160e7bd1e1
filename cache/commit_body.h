/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a commit on their way into parts: a run is started, filled in
 * key order, and closed into a part object (outbox) whenever it has reached
 * COMMIT_PART_BYTES; the last part lies inline in the commit. So a commit of
 * ten million rows needs the memory of one part.
 *
 *	init -> put/remove in key order -> finish -> release
 *
 * An error is kept and returned by finish; puts after it do nothing. Part
 * files of a commit that does not come about go with outbox_remove().
 */
#ifndef DRAY_CACHE_COMMIT_BODY_H
#define DRAY_CACHE_COMMIT_BODY_H

#include "cache/commit_format.h"
#include "cache/outbox.h"
#include "cache/row_run.h"

struct cache;

#define COMMIT_PART_BYTES (8u << 20)

struct commit_body {
	/* immutable */
	struct cache *cache;
	struct outbox *outbox;
	uint64_t seq;
	enum part_role role;
	size_t part_bytes;

	/* owned */
	struct row_run_writer run;
	struct commit_part *parts;
	uint32_t part_count;
	struct buffer inline_bytes; /* of the last part */
	uint64_t rows;
	int result;
};

/* role: PART_BODY or PART_LEDGER. */
void commit_body_init(struct commit_body *body, struct cache *cache, struct outbox *outbox,
		      uint64_t seq, enum part_role role);
void commit_body_put(struct commit_body *body, const void *key, size_t key_length,
		     const void *value, size_t value_length);
void commit_body_remove(struct commit_body *body, const void *key, size_t key_length);
/* To be called when something was put into body->run directly. */
void commit_body_added(struct commit_body *body);
/* Closes the last part. No rows: no part. */
int commit_body_finish(struct commit_body *body);
void commit_body_release(struct commit_body *body);

#endif
