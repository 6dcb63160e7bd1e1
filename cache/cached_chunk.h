/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetched chunks on the cache disk: a CACHED row each, which points to a
 * record of a FETCHED segment. evict_segment.h takes them away again.
 *
 * A chunk is kept by its flight only (flight.h), so never twice at a time.
 * Nothing of it needs to survive a crash: without its row it is fetched again.
 */
#ifndef DRAY_CACHE_CACHED_CHUNK_H
#define DRAY_CACHE_CACHED_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/chunk_memory.h"

struct cache;

bool cached_chunk_exists(struct cache *cache, uint64_t chunk);
/*
 * Bytes [offset, offset + length) of the chunk. -ENOENT when it is not on the
 * disk, or not readable there: it is then forgotten, with a line in the log.
 */
int cached_chunk_read(struct cache *cache, uint64_t chunk, uint32_t offset, uint32_t length,
		      void *bytes);
/* Keeps a chunk that has come, unless it is there or the cache has no room. */
void cached_chunk_keep(struct cache *cache, const struct chunk_bytes *bytes);

#endif
