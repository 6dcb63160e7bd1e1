/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetched chunks on the cache disk: a CACHED row each, which points to a
 * record of a FETCHED segment. evict_segment.h takes them away again.
 *
 * A chunk has one row: who puts one looks under the lock `cached` whether it
 * has one by now; the flights (flight.h) see to it that this is rare.
 *
 * Nothing of it needs to survive a crash: without its row it is fetched again.
 */
#ifndef DRAY_CACHE_CACHED_CHUNK_H
#define DRAY_CACHE_CACHED_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/chunk_memory.h"
#include "cache/row_format.h"

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
/* The same without asking for room, in a segment of the class (FETCHED, KEPT). */
int cached_chunk_put(struct cache *cache, enum segment_class class, uint64_t chunk,
		     const void *bytes, uint32_t length);

#endif
