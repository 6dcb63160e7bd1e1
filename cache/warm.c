/* SPDX-License-Identifier: Apache-2.0 */
/* evict_file() and warm_file() of state.h: one file out of, into the cache. */
#include <assert.h>
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/cached_chunk.h"
#include "cache/evict_segment.h"
#include "cache/fetch.h"
#include "cache/fetch_job.h"
#include "cache/state.h"

struct chunk_list {
	uint64_t *ids;
	size_t count;
	size_t capacity;
};

static void list_add(struct chunk_list *list, uint64_t chunk)
{
	if (list->count && list->ids[list->count - 1] == chunk)
		return;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->ids = xrealloc(list->ids, list->capacity * sizeof(*list->ids));
	}
	list->ids[list->count++] = chunk;
}

static void list_extent(struct chunk_list *list, const struct extent_row *row)
{
	unsigned int i;

	if (row->segment)
		return; /* readable from its segment */
	for (i = 0; i < row->refs_count; i++)
		list_add(list, row->refs[i].chunk);
}

/* The chunks that a file's extents without a local place refer to, in the
 * order of the file. */
static int list_chunks(struct cache *cache, uint64_t ino, struct chunk_list *list)
{
	struct index_cursor *cursor;
	struct extent_row row;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_extent(&start, ino, 0, 0);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0) {
		if (key_table(key, key_length) != TABLE_EXTENT ||
		    key_number(key, key_length) != ino) {
			result = 0;
			break;
		}
		result = row_get_extent(value, value_length, &row);
		if (result)
			break;
		list_extent(list, &row);
	}
	index_cursor_close(cursor);
	return result;
}

int evict_file(struct cache *cache, uint64_t ino, uint64_t *bytes_out)
{
	struct chunk_list list = { 0 };
	uint64_t bytes;
	size_t i;
	int result;

	*bytes_out = 0;
	result = evict_extents(cache, ino, 0, UINT64_MAX, 0, bytes_out);
	if (!result)
		result = list_chunks(cache, ino, &list);
	for (i = 0; !result && i < list.count; i++) {
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
	int result = list_chunks(cache, ino, &list);

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
