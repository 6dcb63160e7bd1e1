/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the kernel forget what a follower's new commit changed: attributes,
 * pages, listings, and names, also those that did not exist.
 *
 * Only what the kernel knows is told. An answer that was on its way when the
 * commit came may bring the old state once more, so that a follower's time-outs
 * are short (fs_init()): they bound what that costs.
 *
 * Telling waits for reads of the same pages under way. So it is done on the
 * follower's thread, and the loop that answers those reads ends after
 * invalidate_stop().
 */
#ifndef DRAY_FS_INVALIDATE_H
#define DRAY_FS_INVALIDATE_H

#include <stdbool.h>

#include "backend/base/lock.h"
#include "cache/cache.h"

struct fs;

struct invalidate {
	struct lock lock;
	struct condition idle;
	/* guarded by lock */
	bool busy;
	bool stopping;
};

void invalidate_init(struct invalidate *invalidate);
void invalidate_release(struct invalidate *invalidate);
/* Nothing is told any more; waits for what is being told, but not for long: it
 * may hang on a read that hangs on the network. */
void invalidate_stop(struct invalidate *invalidate);

/* A cache_changed_fn; arg is the struct fs. */
void invalidate_change(const struct cache_change *change, void *arg);

#endif
