/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evict_policy.h for the threads of the cache, behind a lock: readers tell
 * what they use, fetches ask where a chunk goes, eviction asks what stays.
 *
 * A NULL chunk_use is one of a cache that nothing is evicted from (a dead one,
 * tests): nothing is noted, and nothing counts as used.
 */
#ifndef DRAY_CACHE_CHUNK_USE_H
#define DRAY_CACHE_CHUNK_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/row_format.h"

struct chunk_use;

struct chunk_use *chunk_use_new(uint64_t cache_bytes);
void chunk_use_free(struct chunk_use *use);
/* The cache may hold so much now. */
void chunk_use_resize(struct chunk_use *use, uint64_t cache_bytes);

void chunk_use_note_read(struct chunk_use *use, uint64_t chunk, uint64_t bytes);
/* A chunk that was fetched: the class of segment that takes it. */
enum segment_class chunk_use_admit(struct chunk_use *use, uint64_t chunk);
/* These are as those of the policy; kept is that of the segment that goes. */
bool chunk_use_is_used(struct chunk_use *use, uint64_t chunk);
bool chunk_use_judge(struct chunk_use *use, uint64_t chunk, uint64_t bytes, bool kept);
void chunk_use_expect(struct chunk_use *use, uint64_t chunk);

#endif
