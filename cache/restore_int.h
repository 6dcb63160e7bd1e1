/* SPDX-License-Identifier: Apache-2.0 */
/* Between restore.c (the order of things), restore_load.c (a new cache),
 * restore_follow.c (a cache that has a state), restore_compare.c (one whose
 * state is older than what the log still has) and follow.c (one that others
 * read meanwhile). */
#ifndef DRAY_CACHE_RESTORE_INT_H
#define DRAY_CACHE_RESTORE_INT_H

#include "cache/commit_record.h"
#include "cache/log_read.h"
#include "cache/root_format.h"
#include "cache/row_sort.h"

/* Numbers that a lost machine may have given out after its last commit. */
#define RESTORE_SKIP (UINT64_C(1) << 32)

struct restore {
	struct cache *cache;
	struct outbox *outbox;
	struct log_position position;
	int64_t cut_real_ns; /* of the commit at the position */
	uint64_t floor;	     /* newest commit that a writer told of */
	uint64_t root_floor; /* and newest checkpoint */
	uint64_t epoch;	     /* ours; 0: a follower, which makes no fence commit */

	/* A new cache: the changes behind the checkpoint; NULL otherwise. */
	struct row_sort *rows;
	struct root root;   /* the checkpoint; zeroed: none */
	uint64_t least_seq; /* a log that ends before this is not whole */
	bool compare;	    /* the cache is not new: compare, do not load */
	/* With compare: gets the rows that differ instead of the index; or NULL. */
	struct row_sort *differences;
};

/* Takes one commit in; called in order, before the position moves to it. */
int restore_load_entry(struct restore *restore, const struct log_entry *entry);
/* Loads the rows of the root, all rows taken in and the record of the position. */
int restore_load_finish(struct restore *restore);

/* Takes one commit in that follows the cache's own state, and records it. */
int restore_follow_entry(struct restore *restore, const struct log_entry *entry);
/* Puts and settles the commit behind the position if the outbox has it: 1
 * when there was one (also when another took its place), 0 when not. */
int restore_follow_outbox(struct restore *restore);

/* 0 when nothing here is dirty; -ERR_diverged when something is, and the volume
 * was changed by the commit named. */
int restore_check_clean(struct restore *restore, uint64_t seq, uint64_t epoch);
/* Makes the rows here those of the root and of all rows taken in, and records
 * the position. */
int restore_compare_finish(struct restore *restore);

/* Puts rows of the cloud into an index without dirty rows, in batches. */
struct restore_applier {
	struct cache *cache;
	struct batch batch;
};

void restore_applier_init(struct restore_applier *applier, struct cache *cache);
void restore_applier_release(struct restore_applier *applier);
/* arg: the applier. */
int restore_apply_row(const struct row_run_row *row, void *arg);
int restore_apply_flush(struct restore_applier *applier);
int restore_record_position(struct restore *restore);

void restore_progress(struct restore *restore, const char *what, uint64_t done, uint64_t total);

#endif
