/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/evict_segment.h"

#include <assert.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/evict_fetched.h"
#include "cache/evict_written.h"

int evict_get_cached(struct cache *cache, uint64_t chunk, struct cached_row *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result;

	key_cached(&key, chunk);
	result = index_get(cache->index, &key, &value);
	return result ? result : row_get_cached(value.data, value.length, out);
}

static int get_chunk_length(struct cache *cache, uint64_t chunk, uint32_t *length_out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct chunk_row row;
	struct row_key key;
	int result;

	key_chunk(&key, chunk);
	result = index_get(cache->index, &key, &value);
	if (!result)
		result = row_get_chunk(value.data, value.length, &row);
	if (!result)
		*length_out = row.raw_length;
	return result;
}

static int evict_chunk_locked(struct cache *cache, uint64_t chunk, const struct cached_row *only,
			      uint64_t *bytes_out)
{
	struct cached_row row;
	struct row_key key;
	struct batch batch;
	uint32_t length = 0;
	int result = evict_get_cached(cache, chunk, &row);

	lock_assert_held(&cache->cached);
	if (!result && only && (row.segment != only->segment || row.record != only->record))
		return 0;
	if (!result)
		result = get_chunk_length(cache, chunk, &length);
	if (result)
		return result == -ENOENT ? 0 : result;
	key_cached(&key, chunk);
	batch_init(&batch, BATCH_ROWS, 0);
	batch_delete(&batch, &key, ROW_LOCAL);
	batch_segment_use(&batch, row.segment, -(int64_t)length, 0);
	result = index_commit(cache->index, &batch, NULL);
	batch_release(&batch);
	if (!result)
		*bytes_out = length;
	return result;
}

int evict_chunk(struct cache *cache, uint64_t chunk, const struct cached_row *only,
		uint64_t *bytes_out)
{
	int result;

	*bytes_out = 0;
	lock_acquire(&cache->cached);
	result = evict_chunk_locked(cache, chunk, only, bytes_out);
	lock_release(&cache->cached);
	return result;
}

static int current_generation(struct cache *cache, uint64_t ino, uint32_t *generation_out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct content_row content;
	struct row_key key;
	int result;

	key_content(&key, ino);
	result = index_get(cache->index, &key, &value);
	if (!result)
		result = row_get_content(value.data, value.length, &content);
	if (!result)
		*generation_out = content.generation;
	return result;
}

/* Adds the extent without its local place to the batch, if it may lose it. */
static void detach_extent(struct batch *batch, const struct row_key *key, struct extent_row *row,
			  uint64_t segment, uint64_t *bytes)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;

	if (!row->segment || !row->refs_count || (segment && row->segment != segment))
		return;
	batch_segment_use(batch, row->segment, -(int64_t)row->length, 0);
	*bytes += row->length;
	row->segment = 0;
	row->record = 0;
	row->delta = 0;
	row_put_extent(&value, row);
	batch_put(batch, key, &value, ROW_LOCAL);
}

/* The node is locked. */
static int detach_range(struct cache *cache, uint64_t ino, uint64_t offset, uint64_t end,
			uint64_t segment, struct batch *batch, uint64_t *bytes)
{
	struct index_cursor *cursor;
	struct extent_row row;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t found_ino;
	uint64_t found_end;
	uint32_t found_generation;
	uint32_t generation;
	int result = current_generation(cache, ino, &generation);

	if (result)
		return result == -ENOENT ? 0 : result;
	key_extent(&start, ino, generation, offset + 1);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0) {
		if (!key_extent_parse(key, key_length, &found_ino, &found_generation, &found_end) ||
		    found_ino != ino || found_generation != generation) {
			result = 0;
			break;
		}
		result = row_get_extent(value, value_length, &row);
		if (result || found_end - row.length >= end)
			break;
		key_extent(&start, ino, generation, found_end);
		detach_extent(batch, &start, &row, segment, bytes);
	}
	index_cursor_close(cursor);
	return result;
}

int evict_extents(struct cache *cache, uint64_t ino, uint64_t offset, uint64_t end,
		  uint64_t segment, uint64_t *bytes_out)
{
	struct node *node = node_get(cache->nodes, ino);
	uint64_t bytes = 0;
	struct batch batch;
	uint64_t lsn;
	int result;

	/* A content record: should replay after a power cut drop a change of
	 * this file before it, the rows are not those that it found here. */
	batch_init(&batch, BATCH_CONTENT, ino);
	rwlock_acquire_write(&node->lock);
	result = detach_range(cache, ino, offset, end, segment, &batch, &bytes);
	if (!result)
		result = index_commit_begin(cache->index, &batch, &lsn);
	CRASH_POINT(evict_detached);
	rwlock_release(&node->lock);
	node_put(cache->nodes, node);
	batch_release(&batch);
	if (!result)
		*bytes_out += bytes;
	return result;
}

int evict_segment(struct cache *cache, const struct segment_info *info)
{
	int result = segment_pin(cache->segments, info->number);

	if (result)
		return result == -ENOENT ? 0 : result;
	if (info->class == SEGMENT_CLASS_WRITTEN)
		result = evict_written(cache, info);
	else
		result = evict_fetched(cache, info);
	segment_unpin(cache->segments, info->number);
	return result;
}
