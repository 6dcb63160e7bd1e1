/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committer: the thread that sends what was changed to the bucket.
 *
 * Changes since the last cut are the open transaction group. It is sealed,
 * and a commit is made of it (commit_cycle.h), when
 *
 *	it is older than conf.upload_delay_ns,
 *	it has many changes (COMMITTER_LARGE_LSNS),
 *	somebody waits (cloud_wait.h),
 *	the commit before left contents that the next can carry, or
 *	it left one that should be in the cloud soon, a quarter of that delay ago.
 *
 * What one commit uploads is bounded by what the link takes in half an upload
 * delay, but for barriers and what somebody waits for: a small file that is
 * closed meanwhile is in the cloud within two upload delays.
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
#include "cache/capture.h"
#include "cache/cloud_wait.h"

struct committer;

#define COMMITTER_UPLOAD_DELAY_NS (5 * NS_PER_SECOND)
#define COMMITTER_POLL_NS	  (250 * NS_PER_MS)
#define COMMITTER_LARGE_LSNS	  200000
#define COMMITTER_THREADS	  4

int committer_start(struct cache *cache, struct committer **out);
void committer_stop(struct committer *committer);

/*
 * Begins a wait (cloud_wait.h) for what these inodes (ascending; or all) hold
 * now, and for all names and attributes as of now.
 */
void committer_wait_begin(struct committer *committer, struct cloud_wait *wait, bool all,
			  const uint64_t *inos, size_t count);
struct cloud_waits *committer_waits(struct committer *committer);

struct committer_status {
	uint64_t committed_seq;
	int64_t committed_time_ns;   /* wall time of its cut */
	uint64_t commits;	     /* since the start */
	uint64_t logical_bytes;	     /* of content, carried since the start */
	int64_t oldest_dirty_age_ns; /* 0: nothing is dirty, as far as was looked */
	uint64_t pending_files;	     /* named as pending by the newest commit */
	uint64_t late_files;	     /* of these, whose deadline is over */
	uint64_t breaches;	     /* contents that missed theirs, since the start */
	uint64_t lost_files;	     /* whose unsent bytes are damaged */
	uint64_t uploads_in_flight;
	uint64_t upload_bytes_per_second;
	int64_t eta_ns; /* -1: unknown */
	bool failing;
	char last_error[512];
	/* What the commit under way has to upload first. */
	struct held_content held[HELD_BY_MAX];
	unsigned int held_count;
};

void committer_status_get(struct committer *committer, struct committer_status *out);

#endif
