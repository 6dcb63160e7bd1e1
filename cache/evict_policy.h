/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which chunks stay in a full cache: S3-FIFO, fitted to a log of segments.
 * Pure: no I/O, no clock, no threads; the caller's lock guards it.
 *
 * Bytes are freed by the segment, so segments form two queues, each in the
 * order in which they were begun:
 *
 *	PROBATION  what was written, or fetched for the first time
 *	KEPT       what was used again
 *
 * The next segment to go is the oldest of PROBATION while that takes more than
 * EVICT_PROBATION_PERCENT of both, otherwise the oldest of KEPT. Of its chunks,
 *
 *	PROBATION  those used since they came move to KEPT; the others go, and
 *		   are remembered: one that is fetched again soon goes to KEPT
 *	KEPT       those used since they were last looked at stay (are moved to the
 *		   end of the queue), at most EVICT_USES_MAX times without a new
 *		   use; the others go
 *
 * So what a backup reads once passes through PROBATION, however much it is,
 * and leaves KEPT alone.
 *
 * A use is a read that comes later than 1/64 of the cache's size in bytes read
 * after the one before: the many reads of one pass over a file are one use. The
 * first use since a chunk came (it may have come ahead of it) does not count.
 *
 * Memory is bounded: two tables of a fixed number of entries, in sets of
 * EVICT_SET_ENTRIES, in each of which the oldest entry makes room. What is
 * forgotten so counts as not used. A restart forgets all of it, but not which
 * segments are KEPT.
 */
#ifndef DRAY_CACHE_EVICT_POLICY_H
#define DRAY_CACHE_EVICT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVICT_PROBATION_PERCENT 10
#define EVICT_USES_MAX		3
#define EVICT_REQUEUE_PERCENT	75
#define EVICT_SET_ENTRIES	8

enum evict_queue { EVICT_PROBATION = 1, EVICT_KEPT };

struct evict_policy;

/* capacity: bytes of the cache; chunks: how many are to be remembered, of those
 * that are in it and of those that went. 24 bytes of memory for each. */
struct evict_policy *evict_policy_new(uint64_t capacity, size_t chunks);
void evict_policy_free(struct evict_policy *policy);
/* The cache has another size now. */
void evict_policy_resize(struct evict_policy *policy, uint64_t capacity);

/* `bytes` of the chunk, which is in the cache or about to be, are read. */
void evict_policy_note_read(struct evict_policy *policy, uint64_t chunk, uint64_t bytes);
/* The chunk comes into the cache: the queue whose newest segment takes it. */
enum evict_queue evict_policy_admit(struct evict_policy *policy, uint64_t chunk);

/* The queue whose oldest segment is the next to go. */
enum evict_queue evict_policy_next(uint64_t probation_bytes, uint64_t kept_bytes);
/*
 * `used` of the `live` bytes of the oldest segment are of chunks that would be
 * kept: is that so much (EVICT_REQUEUE_PERCENT) that moving them gains nothing?
 * The segment then becomes the newest of its queue as it is; its chunks are
 * judged all the same, those that are not used are lucky.
 */
bool evict_policy_requeues(uint64_t live, uint64_t used);
/* Would evict_policy_judge() keep it? */
bool evict_policy_is_used(const struct evict_policy *policy, uint64_t chunk);
/*
 * The segment of the queue that holds the chunk goes. True: the chunk is to be
 * kept, in KEPT, and counts as looked at; false: it goes, and is forgotten or
 * remembered as gone.
 */
bool evict_policy_judge(struct evict_policy *policy, uint64_t chunk, uint64_t bytes,
			enum evict_queue queue);
/* A chunk that is to be kept could not be: should it come back, it goes to KEPT. */
void evict_policy_expect(struct evict_policy *policy, uint64_t chunk);

#endif
