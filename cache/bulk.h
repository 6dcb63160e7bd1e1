/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk: uploads the bytes of large contents ahead of the commits that will
 * carry them, also while the files are still being written. What it uploads
 * is STORED: out of the dirty budget and evictable, in no commit yet.
 *
 * The committer offers, with each capture, the contents that were too large
 * to be carried, in the order of choose.h; an offer replaces the one before. A content is
 * uploaded in slices of BULK_SLICE_BYTES, so that a new offer, the committer's
 * claim (upload_claims.h) or the end need not wait long. One slice follows the other
 * without waiting for its packs: a slow link is never idle meanwhile.
 *
 * The end of a run that was written just now, in a file that is open, is held
 * back at its last cut by content (plan.h): more will follow. Not so when
 * somebody waits (wanted).
 *
 * Thread: one. Locks: COMMIT for the offer, NODE (shared) to look at extents.
 */
#ifndef DRAY_CACHE_BULK_H
#define DRAY_CACHE_BULK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "cache/choose.h"
#include "cache/upload_claims.h"
#include "cache/upload_pool.h"

#define BULK_SLICE_BYTES  (64u << 20)
#define BULK_STREAM_BYTES (1u << 30) /* after so much a stream ends, for its memory */

struct bulk;

/* A content to be uploaded. */
struct bulk_work {
	uint64_t ino;
	uint64_t bytes; /* that it lacked when it was offered */
	bool wanted;	/* somebody waits for it */
	struct choose_rank rank;
};

/* The offered work is done or was given up; result: 0 or the error that ended
 * it, with its sentence. Called without locks, by the thread. */
typedef void bulk_done_fn(void *arg, int result);

struct bulk_conf {
	struct cache *cache;
	struct upload_pool *pool;
	struct upload_claims *claims;
	const _Atomic uint64_t *active_lsn; /* changes behind it are recent */
	bulk_done_fn *done;
	void *done_arg;
};

struct bulk *bulk_start(const struct bulk_conf *conf);
/* Waits for the slice under way (upload_pool_cancel() cuts it short). */
void bulk_stop(struct bulk *bulk);
/* Replaces the work; copies. */
void bulk_offer(struct bulk *bulk, const struct bulk_work *works, size_t count);
/* Nothing is left of the newest offer. */
bool bulk_is_idle(struct bulk *bulk);

#endif
