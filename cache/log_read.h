/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the log of commits: one after the other, each checked against the
 * one before. Used when a volume is restored, when a cache catches up with
 * the bucket, and to finish a commit from the outbox.
 */
#ifndef DRAY_CACHE_LOG_READ_H
#define DRAY_CACHE_LOG_READ_H

#include "backend/digest.h"
#include "cache/commit_format.h"
#include "cache/outbox.h"
#include "cache/row_run.h"

struct ahead;
struct cache;

/* The end of what was read so far; zeroed: the log's beginning. */
struct log_position {
	uint64_t seq;
	struct digest hash;
	uint64_t epoch;
	/* high-water marks of that commit */
	uint64_t next_ino;
	uint64_t next_chunk_id;
};

/* A commit object, whole. */
struct log_entry {
	struct buffer bytes;
	struct commit commit; /* points into bytes */
	struct digest hash;
};

/*
 * Gets log/<seq>. 0, -ENOENT when there is none, -ERR_commit_corrupt,
 * -ERR_format_newer, or an error of the store. log_entry_release() ends it.
 */
int log_get(struct cache *cache, uint64_t seq, struct log_entry *out);
/*
 * log_get() of log/<seq> to log/<last> (UINT64_MAX: all there are), some of
 * them at once, to be taken in order by ahead_next(); see ahead.h.
 */
struct ahead *log_get_ahead(struct cache *cache, uint64_t seq, uint64_t last);
/* The same as log_get(), from the outbox. */
int log_get_outbox(struct cache *cache, struct outbox *outbox, uint64_t seq, struct log_entry *out);
void log_entry_release(struct log_entry *entry);

/* Is the entry's `previous` the hash of the position, which is at seq - 1? */
bool log_follows(const struct log_position *position, const struct log_entry *entry);
/* Moves the position to the entry. -ERR_commit_corrupt when its epoch is
 * lower: the log would have two writers. */
int log_advance(struct log_position *position, const struct log_entry *entry);

/*
 * Appends the rows of one part, which comes from the outbox when there is one and
 * it is an object. 0, -ERR_commit_corrupt, or -ERR_object_missing.
 */
int log_get_part(struct cache *cache, struct outbox *outbox, const struct log_entry *entry,
		 const struct commit_part *part, struct buffer *rows_out);

/* Called for each row of a commit's body, in key order. */
typedef int log_row_fn(const struct row_run_row *row, void *arg);
/*
 * Walks the rows of the body; parts that are objects come from the outbox
 * when there is one, from the store otherwise. 0, what fn returned,
 * -ERR_commit_corrupt, or -ERR_object_missing.
 */
int log_each_row(struct cache *cache, struct outbox *outbox, const struct log_entry *entry,
		 log_row_fn *fn, void *arg);

#endif
