/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cleaner: dead bytes of overwrites lie in segments that a few dirty
 * bytes keep, so eviction cannot drop them. Two rules say when such segments
 * are emptied (clean_segment.h):
 *
 *	bound   All segments that hold dirty bytes take at most twice what is
 *		alive in them, and 8 segments more. Above that the emptiest go
 *		first, if at most half of one is alive.
 *	room    When nothing is left to evict and the cache is over its target,
 *		those with least dirty bytes go first, if that is at most half
 *		of one; what is in the cloud is dropped on the way.
 *
 * Segments that are pinned (uploaded from, just now) are left for later. When
 * cleaning gains nothing, because the records are so small that most of a
 * segment are headers, it pauses for a minute.
 *
 * Used by the thread of evict.c only; no locks.
 */
#ifndef DRAY_CACHE_CLEANER_H
#define DRAY_CACHE_CLEANER_H

#include <stddef.h>
#include <stdint.h>

#include "cache/clean_segment.h"
#include "cache/segment.h"

#define CLEANER_SPARE_SEGMENTS 8

struct cleaner {
	int64_t paused_until_ns; /* clock_boot_ns() */
	struct clean_stats stats;
	uint64_t segments_total; /* emptied so far */
};

/* The first rule. An error ends it early. */
int cleaner_keep_bound(struct cleaner *cleaner, struct cache *cache);
/* The second rule; 0 also when the target is not reached. */
int cleaner_make_room(struct cleaner *cleaner, struct cache *cache, uint64_t target);

/*
 * Pure: how many bytes of segments are to be emptied by the first rule. The
 * list is sorted so that those to be emptied come first, in their order, and
 * *count becomes their number (candidates, whether needed or not).
 */
uint64_t cleaner_choose(struct segment_info *list, size_t *count, uint64_t segment_bytes);

#endif
