/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following: a cache that shows the newest commit of a volume which others
 * write. It asks the bucket and never puts anything there, so any number may
 * follow one volume, also with credentials that can only read.
 *
 * One GET each interval, and one more for each commit and part that it brings:
 *
 *	asked for              answer         then
 *	log/<n+1>              absent         nothing is new
 *	                       a commit       taken in, with all behind it
 *	                       breaks the     an error, told by status; the state
 *	                       chain          shown stays
 *	every 64th without     a commit       log/<n+1> is asked for once more;
 *	news: writer/<e+1>,    behind n       when it is absent it was removed
 *	then lease/<e>                        (retention.h): reload
 *
 * So a follower that slept for longer than the log is kept does not take the
 * gap for the end. After a sleep the writer is asked at once.
 *
 * Taking in: the rows of the commits, newest wins, are sorted aside, with no
 * lock held across the network. Then, under cache->shown, they are applied to
 * the index together with the record of the commit (commit_record.h). Readers
 * see one commit or the next, never parts of both. What changed is told after
 * that: the kernel's copies go.
 *
 * Reload: the newest checkpoint and the log behind it are compared with the
 * index (restore_find_differences()), the differences are taken in likewise.
 *
 * A file that was removed is gone for who has it open (fs/ says ESTALE).
 *
 * Crash: the record is the last row to be put, so that a commit taken in by
 * half is taken in again when the cache is opened.
 *
 * Locks: SHOWN (lock.h) as above; LEAF for the status.
 */
#ifndef DRAY_CACHE_FOLLOW_H
#define DRAY_CACHE_FOLLOW_H

#include "cache/cache.h"

#define FOLLOW_INTERVAL_NS_DEFAULT (1 * NS_PER_SECOND)
/* Polls without news until the writer's objects are asked for. */
#define FOLLOW_POLLS_QUIET 64

struct follow;

struct follow_status {
	uint64_t seq;		/* of the commit that is shown */
	int64_t cut_real_ns;	/* its time */
	int64_t checked_age_ns; /* since this was known to be the newest */
	bool failing;		/* the last poll failed */
	char last_error[512];
	uint64_t commits; /* taken in */
	uint64_t reloads;
};

/* After restore_run_follower(). -ERR_index_corrupt when there is no record. */
int follow_new(struct cache *cache, struct follow **out);
/* Ends the thread. */
void follow_free(struct follow *follow);
/* Polls on a thread of its own, conf.follow_interval_ns apart. */
void follow_start(struct follow *follow, cache_changed_fn *fn, void *arg);
/* One poll, for who started no thread. fn may be NULL. 0, or why it failed. */
int follow_poll(struct follow *follow, cache_changed_fn *fn, void *arg);
void follow_status_get(struct follow *follow, struct follow_status *out);

#endif
