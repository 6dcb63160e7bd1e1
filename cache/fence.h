/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fence: one writer a volume, kept by the bucket itself.
 *
 * Every mount claims the next epoch by putting writer/<epoch> if it is
 * absent; its commits carry the epoch. Commits are put if absent as well, in
 * a chain without gaps, so a writer whose epoch is over finds its next place
 * in the log taken and stops: nothing depends on clocks or on anybody's
 * honesty about being dead. The lease only spares people an accident.
 *
 *	newest epoch was claimed by      claimed next
 *	nobody                           at once
 *	this cache directory             at once (its lock is held: it is dead)
 *	another, lease says released     at once
 *	another, lease does not change   when it has not changed for its TTL,
 *	                                 on this machine's clock
 *	another, lease changes           never: -ERR_volume_in_use
 *	another, conf.takeover           at once
 *
 * A copied cache directory counts as the same one: copy and original fence
 * each other, and neither can overwrite what the other committed.
 *
 * After the claim a second put-if-absent of the same key must be refused
 * (probe.h); a store that accepts it cannot keep writers apart and is not used.
 *
 * The lease thread proves every TTL/3 that writer/<epoch + 1> is absent and
 * renews lease/<epoch>. When the epoch is over it calls cache_fail().
 *
 * Order at open:   index and segments open, fence_open(), restore_run(),
 *                  committer_start().
 * Order at close:  committer_stop(), store_retry_stop() if the bucket must
 *                  not hold up the end, fence_close().
 *
 * Locks: COMMIT for its own fields, never across the network.
 */
#ifndef DRAY_CACHE_FENCE_H
#define DRAY_CACHE_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/id.h"

struct cache;
struct fence;

#define FENCE_TTL_NS_DEFAULT (30 * NS_PER_SECOND)

/*
 * Claims the next epoch for this cache (uses store, cache_id, conf.takeover,
 * conf.lease_ttl_ns, conf.progress) and starts the lease thread.
 * -ERR_volume_in_use names the host that has the volume;
 * -ERR_store_unsupported when the store ignores put-if-absent.
 */
int fence_open(struct cache *cache, struct fence **out);
/* Ends the thread. released: a clean stop, the next mount need not wait. */
void fence_close(struct fence *fence, bool released);

uint64_t fence_epoch(const struct fence *fence);
/* Drawn at this mount. */
const struct id *fence_session(const struct fence *fence);
/* A reader of the log must not end below this seq. */
uint64_t fence_floor(struct fence *fence);
/* As of the claim, the newest checkpoint had at least this seq; 0: none. */
uint64_t fence_root_floor(struct fence *fence);
/* The newest commit or checkpoint, to be told by the next renewal. */
void fence_note_commit(struct fence *fence, uint64_t seq);
void fence_note_root(struct fence *fence, uint64_t seq);

/*
 * 0 when the epoch was still ours at most TTL/2 before the call, asking the
 * store if need be; -ERR_fenced with a sentence that names the one who took
 * over. To be called when a put came back and before its effect is relied on.
 */
int fence_verify(struct fence *fence);
/* Records who has an epoch greater than ours: returns -ERR_fenced. */
int fence_explain(struct fence *fence, uint64_t epoch);

#endif
