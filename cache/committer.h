/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committer: the thread that sends what was changed to the bucket.
 *
 * Changes since the last cut are the open transaction group. It is sealed,
 * and a commit is made of it (commit_cycle.h), when
 *
 *	it is older than conf.upload_delay_ns,
 *	it has many changes (COMMITTER_LARGE_LSNS),
 *	somebody waits (committer_wait()), or
 *	the commit before left contents that the next can carry.
 *
 * While a commit is under way, or the bucket cannot be reached, new changes
 * go on merging into the next group. A failed commit is tried again, with a
 * growing delay, for ever; -ERR_fenced and -ERR_diverged end the thread and
 * make the cache READ_ONLY. Dirty data stays in every case.
 *
 * Noticing changes: the thread looks at index_lsn() a few times a second (at
 * most every COMMITTER_POLL_NS, and 20 times in an upload delay), so that
 * those who change the index pay nothing. An LSN of the index's own
 * bookkeeping is told from a change by looking at the DIRTY rows.
 *
 * Order: started after restore_run(), with cache->fence set. Stopping waits
 * for the step under way; call store_retry_stop() before when the bucket may
 * not answer. Whatever was not committed is committed after the next start.
 *
 * Locks: COMMIT.
 */
#ifndef DRAY_CACHE_COMMITTER_H
#define DRAY_CACHE_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/clock.h"
#include "cache/cache.h"

struct committer;

#define COMMITTER_UPLOAD_DELAY_NS (5 * NS_PER_SECOND)
#define COMMITTER_POLL_NS	  (250 * NS_PER_MS)
#define COMMITTER_LARGE_LSNS	  200000
#define COMMITTER_THREADS	  4

int committer_start(struct cache *cache, struct committer **out);
void committer_stop(struct committer *committer);

/*
 * Waits until a commit whose cut is not older than this call has carried
 * everything. 0; -ERR_try_again at the deadline (clock_boot_ns(), INT64_MAX:
 * none); -ERR_segment_corrupt when bytes of a file cannot be read;
 * otherwise why it cannot happen any more. fn (or NULL) is called about once a
 * second; non-zero ends the wait and is returned.
 */
int committer_wait(struct committer *committer, int64_t deadline_boot_ns, cache_wait_fn *fn,
		   void *arg);

struct committer_status {
	uint64_t committed_seq;
	int64_t committed_time_ns;   /* wall time of its cut */
	uint64_t commits;	     /* since the start */
	uint64_t logical_bytes;	     /* of content, carried since the start */
	int64_t oldest_dirty_age_ns; /* 0: nothing is dirty, as far as was looked */
	uint64_t pending_files;	     /* named as pending by the newest commit */
	uint64_t lost_files;	     /* whose unsent bytes are damaged */
	uint64_t uploads_in_flight;
	uint64_t upload_bytes_per_second;
	int64_t eta_ns; /* -1: unknown */
	bool failing;
	char last_error[512];
};

void committer_status_get(struct committer *committer, struct committer_status *out);

#endif
