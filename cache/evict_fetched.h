/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops a segment of chunks (FETCHED, KEPT). Chunks that are to stay are written
 * once more, to the open KEPT segment; when that are most, the segment becomes
 * the newest of KEPT as it is.
 *
 * Rows change in batches under the lock `cached`, each only if it is still what
 * it was when its chunk was looked at. A killed process leaves the old row or
 * the new one. What cannot be read is not kept: it is in the store.
 */
#ifndef DRAY_CACHE_EVICT_FETCHED_H
#define DRAY_CACHE_EVICT_FETCHED_H

#include "cache/cache_int.h"

/* The caller pins the segment. */
int evict_fetched(struct cache *cache, const struct segment_info *info);

#endif
