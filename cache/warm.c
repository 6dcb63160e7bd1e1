/* SPDX-License-Identifier: Apache-2.0 */
/* The part of state.h that brings files into the cache, or out of it. */
#include <assert.h>
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/cached_chunk.h"
#include "cache/evict_segment.h"
#include "cache/fetch.h"
#include "cache/fetch_job.h"
#include "cache/file_chunks.h"
#include "cache/pins.h"
#include "cache/state.h"

int evict_file(struct cache *cache, uint64_t ino, uint64_t *bytes_out)
{
	struct chunk_list list = { 0 };
	uint64_t bytes;
	size_t i;
	int result;

	*bytes_out = 0;
	if (pins_has_file(cache->pins, ino))
		return -EBUSY;
	result = evict_extents(cache, ino, 0, UINT64_MAX, 0, bytes_out);
	if (!result)
		result = file_chunks_list(cache, ino, &list);
	for (i = 0; !result && i < list.count; i++) {
		if (pins_has_chunk(cache->pins, list.ids[i]))
			continue; /* another file has it too */
		result = evict_chunk(cache, list.ids[i], NULL, &bytes);
		*bytes_out += bytes;
	}
	free(list.ids);
	return result;
}

/* Chunks asked for ahead of the one that is waited for. */
#define WARM_AHEAD 64

int warm_file(struct cache *cache, uint64_t ino, uint64_t *bytes_out)
{
	struct chunk_list list = { 0 };
	struct chunk_row chunk;
	struct pack_row pack;
	size_t i;
	int result = file_chunks_list(cache, ino, &list);

	*bytes_out = 0;
	for (i = 0; !result && i < list.count; i++) {
		size_t left = list.count - i;

		if (cached_chunk_exists(cache, list.ids[i]))
			continue;
		if (i % (WARM_AHEAD / 2) == 0)
			fetch_ahead(cache->fetch, &list, list.ids + i,
				    left < WARM_AHEAD ? left : WARM_AHEAD, 0);
		result = fetch_warm(cache->fetch, list.ids[i]);
		if (!result)
			result = fetch_locate(cache->index, list.ids[i], &chunk, &pack);
		if (!result)
			*bytes_out += chunk.raw_length;
	}
	free(list.ids);
	return result;
}

int pin_path(struct cache *cache, const char *path)
{
	return pins_add(cache->pins, path);
}

int unpin_path(struct cache *cache, const char *path)
{
	return pins_remove(cache->pins, path);
}
