/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dirty budget: keeps the bytes that are in no acknowledged pack below
 * limits_dirty_bytes() by delaying the replies to writes. The
 * write itself is done at once (its bytes are counted and safe); what waits
 * is its reply, in a queue, so that no thread is parked and reads, metadata
 * and rm go on.
 *
 *	dirty of the limit   a reply waits
 *	< 3/4                not at all
 *	3/4 to 1             longer and longer: budget_delay_ns()
 *	>= 1                 until it is less (on-full=block; see limits.h)
 *
 * Delays of replies add up, so that many writers together keep to the rate;
 * they end early when the dirty bytes fall below 3/4.
 *
 * The bytes that may be above the limit are those of replies in the queue,
 * which the kernel bounds (max_background requests).
 *
 * Threads: one that sends delayed replies, in order. Locks: BUDGET; no reply
 * is sent under it.
 */
#ifndef DRAY_CACHE_BUDGET_H
#define DRAY_CACHE_BUDGET_H

#include <stdint.h>

#include "cache/io.h"

struct budget;

struct budget *budget_start(struct cache *cache);
/* Sends all replies that wait and ends the thread. */
void budget_stop(struct budget *budget);
/* So many bytes came to be in acknowledged packs. */
void budget_note_stored(struct cache *cache, uint64_t bytes);
/*
 * How long the reply to a write of `length` bytes waits while `dirty` of
 * `limit` bytes are dirty and the cloud takes `rate` bytes a second (0:
 * unknown). Pure. The time that the cloud takes for the write, weighted by
 * how much of the last quarter is used: at 3/4 nothing, at 7/8 writers run at
 * the rate of the uploads, beyond that slower. At most BUDGET_DELAY_MAX_NS.
 * A rate below BUDGET_RATE_MIN (or not known yet) counts as that.
 */
#define BUDGET_DELAY_MAX_NS (1000ll * 1000 * 1000)
#define BUDGET_RATE_MIN	    (1ull << 20)
int64_t budget_delay_ns(uint64_t dirty, uint64_t limit, uint64_t rate, uint64_t length);

#endif
