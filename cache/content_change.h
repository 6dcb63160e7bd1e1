/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change of a file's content in progress: its node locked exclusively,
 * its CONTENT row loaded, the batch that becomes one journal record.
 *
 *	begin -> cut, put, change content -> commit
 *	                                  -> abort
 *
 * commit puts the CONTENT row, fixes the order under the lock, drops the
 * lock, and only then waits for the journal.
 */
#ifndef DRAY_CACHE_CONTENT_CHANGE_H
#define DRAY_CACHE_CONTENT_CHANGE_H

#include "cache/cache_int.h"
#include "cache/extent_map.h"

/* Extents that one batch takes away at most. */
#define CONTENT_CUT_MAX 1000

struct content_change {
	struct cache *cache;
	struct node *node;
	struct batch batch;
	struct content_row content; /* size may be changed by the caller */
	unsigned int flags;	    /* ROW_BARRIER, or 0 */
	bool refills;		    /* a truncate had taken all the bytes there were */
};

/* Locks and loads. 0, or the cause for which nothing can be changed. */
int content_change_begin(struct content_change *change, struct cache *cache, uint64_t ino);
/*
 * Takes [from, until) away from the extents, at most CONTENT_CUT_MAX of them:
 * *done_out is up to where that was done, `until` unless there are more.
 */
int content_change_cut(struct content_change *change, uint64_t from, uint64_t until,
		       uint64_t *done_out);
/* Puts an extent in a range that was cut. */
void content_change_put(struct content_change *change, const struct extent *extent);
/* Ends the change. written: the record that it made the file's, or NULL. */
int content_change_commit(struct content_change *change, const struct segment_place *written,
			  uint32_t record_bytes);
void content_change_abort(struct content_change *change);

#endif
