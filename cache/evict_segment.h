/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops one segment whose bytes are all in acknowledged packs: the rows that
 * point to it are found through its own records, in bounded batches. The file
 * goes when nobody reads it any more (segment.h). What of it is to stay is
 * written elsewhere before, or all of it stays (chunk_use.h).
 *
 *	evict_fetched.h   segments of chunks
 *	evict_written.h   segments of file data
 *
 * CACHED rows are looked up and deleted under the lock `cached`: two who evict
 * would both take the same bytes off the segment's count.
 */
#ifndef DRAY_CACHE_EVICT_SEGMENT_H
#define DRAY_CACHE_EVICT_SEGMENT_H

#include "cache/cache_int.h"

/* 0 also when all of it stays, or rows with dirty bytes kept some of it alive. */
int evict_segment(struct cache *cache, const struct segment_info *info);
/* The CACHED row of a chunk, or -ENOENT. */
int evict_get_cached(struct cache *cache, uint64_t chunk, struct cached_row *out);
/*
 * Removes the CACHED row of a chunk when it is equal to `only` (NULL: whatever
 * it is); *bytes_out is what that freed. 0 also when there was none.
 */
int evict_chunk(struct cache *cache, uint64_t chunk, const struct cached_row *only,
		uint64_t *bytes_out);
/*
 * Takes the local place from the extents of a file in [offset, end) that have
 * chunk references; segment 0: whatever segment they point to. Adds the bytes
 * to *bytes_out.
 */
int evict_extents(struct cache *cache, uint64_t ino, uint64_t offset, uint64_t end,
		  uint64_t segment, uint64_t *bytes_out);

#endif
