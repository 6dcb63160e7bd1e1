/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops a segment of file data (WRITTEN), all of which is in acknowledged packs:
 * its extents lose their local place. Chunks of it that are to stay become cached
 * chunks before, in the open KEPT segment: their bytes are read from the file,
 * and match the chunk's digest. Where the file has not all of a chunk (small
 * files share one), its next fetch goes to KEPT instead. When most of the segment
 * was used, it stays as it is and becomes the newest in the order. Extents of
 * pinned files move to the open WRITTEN segment.
 *
 * Locks: NODE of each inode whose extents change.
 */
#ifndef DRAY_CACHE_EVICT_WRITTEN_H
#define DRAY_CACHE_EVICT_WRITTEN_H

#include "cache/cache_int.h"

/* The caller pins the segment. */
int evict_written(struct cache *cache, const struct segment_info *info);

#endif
