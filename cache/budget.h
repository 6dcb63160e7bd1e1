/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget of writes: holds what the cache takes in to its limits (space.h),
 * without parking a thread, so that reads, metadata and rm go on.
 *
 *	there is room            the write is done; its reply waits for its turn
 *	there is none            the write itself waits for its turn and for room;
 *	                         its bytes are kept in memory meanwhile
 *
 * So the limits hold at every moment: room is reserved before bytes go to the
 * disk. Turns come at the pace of pace.h, which lets writers feel a cache that
 * fills long before it is full: they settle at the rate of the uploads. And they
 * come by fair_queue.h: files take turns, so that who writes little does not
 * wait for what others wrote much.
 *
 * With on-full=enospc and readonly nobody waits for a full cache: writes are
 * refused (limits.h), and turns come at BUDGET_RATE_REFUSING at least.
 *
 * What waits is bounded by the kernel: the dirty pages of the mount (1 % of those
 * of the machine), and max_background requests.
 *
 * Thread: one that gives the turns; it also carries out the writes that had to
 * wait. Locks: BUDGET; nothing is written or replied under it.
 */
#ifndef DRAY_CACHE_BUDGET_H
#define DRAY_CACHE_BUDGET_H

#include <stdint.h>

#include "cache/io.h"

struct budget;

#define BUDGET_RATE_REFUSING (1ull << 20)

struct budget *budget_start(struct cache *cache);
/* Gives everybody a turn, room or not, and ends the thread. */
void budget_stop(struct budget *budget);
/* So many bytes came to be in acknowledged packs; packs were on their way for
 * busy_ns so far (upload_pool.h). */
void budget_note_stored(struct cache *cache, uint64_t bytes, int64_t busy_ns);

#endif
