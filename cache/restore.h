/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bucket's log to a cache that may serve: what happens between
 * fence_open() and committer_start().
 *
 * A cache without a record of a commit (commit_record.h) is new: its index is
 * empty, and gets the rows of the newest checkpoint that can be read, and of the
 * commits behind it (of all, when there is no checkpoint), newest wins:
 *
 *	root/<n>              where the log is read from
 *	log/<n+1> ... <end>   chain, epochs and checksums verified, rows sorted
 *	   |                  on disk (CACHE/restore/, scratch)
 *	fence commit          log/<end + 1>, empty, of our epoch: from here on
 *	   |                  nobody else's commit can follow
 *	load                  sorted, into the empty index, in one atomic step
 *			      with the record; the counters skip 2^32
 *
 * A cache with a record is ahead of the bucket, or level; or the bucket is
 * ahead of it:
 *
 *	log/<next> is                 then
 *	absent, ours in the outbox    the outbox is put, settled
 *	the bytes in our outbox       settled (it was put before a crash)
 *	another's, without rows       followed (a fence commit)
 *	another's, with rows          followed when nothing here is dirty;
 *				      -ERR_diverged otherwise, all is kept
 *	absent                        the end: the fence commit follows
 *	removed, checkpoints are      compared with the newest of these when
 *	newer                         nothing here is dirty; -ERR_diverged
 *	                              otherwise
 *
 * A log that ends before what the last writer told (fence_floor()), or before
 * this cache's own record, is refused: it is not the end.
 *
 * A crash at any moment leaves a new cache new, and another as it was: the
 * same is done again.
 */
#ifndef DRAY_CACHE_RESTORE_H
#define DRAY_CACHE_RESTORE_H

#include <stdint.h>

struct cache;
struct log_position;
struct row_sort;

/*
 * Before the claim: would restore_run() find that another gateway changed the
 * volume while this cache has changes of its own? Then the one that has the
 * volume need not be disturbed for it. 0, -ERR_diverged, or another error; 0 is
 * no promise.
 */
int restore_check_parted(struct cache *cache);

/*
 * Needs cache->store, fence, index, segments, nodes, seal and conf. Returns 0
 * when the index holds the volume as of the newest commit, and what is dirty
 * here. A volume without any commit is restored as an empty index (the root
 * directory is the caller's).
 */
int restore_run(struct cache *cache);

/*
 * The same for a cache that only follows (follow.h): there is no fence, nothing
 * is put in the bucket, and the floor is what the newest lease tells.
 */
int restore_run_follower(struct cache *cache);

/*
 * For a follower whose commits were removed from the log meanwhile: adds to
 * `differences` what has to change here to get from the rows of the index to
 * those of root/<root> and the log behind it, and tells the commit where that
 * ends. The index stays as it is. -ERR_object_missing and others: a log or a
 * checkpoint that is not whole; `differences` is of no use then.
 */
int restore_find_differences(struct cache *cache, uint64_t root, uint64_t floor,
			     struct row_sort *differences, struct log_position *position_out,
			     int64_t *cut_real_ns_out);

#endif
