/* SPDX-License-Identifier: Apache-2.0 */
/* Writing, truncating, allocating and punching (io.h). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/error.h"
#include "cache/content_change.h"
#include "cache/flusher.h"
#include "cache/io.h"

/* A write becomes records of at most this size. */
#define RECORD_BYTES_MAX (1u << 20)

static int check_range(uint64_t offset, uint64_t length)
{
	return offset > INT64_MAX || length > INT64_MAX - offset ? -EFBIG : 0;
}

/* The bytes are in the segment; makes them the file's. */
static int map_record(struct cache *cache, uint64_t ino, uint64_t offset, uint32_t length,
		      const struct segment_place *place)
{
	struct content_change change;
	struct extent extent;
	uint64_t done = offset;
	int result = content_change_begin(&change, cache, ino);

	if (result)
		return result;
	/* All of it in one batch: nobody may see half of a write. */
	while (!result && done < offset + length)
		result = content_change_cut(&change, done, offset + length, &done);
	if (result) {
		content_change_abort(&change);
		return result;
	}
	extent.offset = offset;
	extent.end = offset + length;
	extent.row.length = length;
	extent.row.segment = place->segment;
	extent.row.record = place->record;
	extent.row.delta = 0;
	extent.row.refs_count = 0;
	content_change_put(&change, &extent);
	if (extent.end > change.content.size)
		change.content.size = extent.end;
	return content_change_commit(&change, place, segment_record_bytes(offset, length));
}

static int write_record(struct cache *cache, uint64_t ino, uint64_t offset, const void *bytes,
			uint32_t length)
{
	struct segment_tag tag = {
		.class = SEGMENT_CLASS_WRITTEN,
		.number = ino,
		.offset = offset,
	};
	struct segment_place place;
	int result = segments_append(cache->segments, &tag, bytes, length, &place);

	if (result)
		return result;
	result = map_record(cache, ino, offset, length, &place);
	segment_unpin(cache->segments, place.segment);
	flusher_note_written(cache->flusher, length);
	return result;
}

int io_write(struct cache *cache, uint64_t ino, uint64_t offset, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	uint32_t part;
	int result = check_range(offset, length);

	if (!result)
		result = cache_check_writable(cache);
	while (!result && length) {
		part = length < RECORD_BYTES_MAX ? (uint32_t)length : RECORD_BYTES_MAX;
		result = write_record(cache, ino, offset, from, part);
		offset += part;
		from += part;
		length -= part;
	}
	return result;
}

/* What a shrinking truncate takes away, in the caller's batch. */
static int cut_behind(struct cache *cache, struct node *node, struct content_row *content,
		      uint64_t size, struct batch *batch)
{
	struct extent_change map = {
		.batch = batch,
		.ino = node->ino,
		.generation = content->generation,
	};
	struct extent_cursor cursor;
	struct extent extent;
	int result =
		extent_cursor_open(&cursor, cache->index, node->ino, content->generation, size);

	if (result)
		return result;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0)
		extent_map_cut(&map, &extent, size, UINT64_MAX);
	extent_cursor_close(&cursor);
	content->mapped += (uint64_t)map.mapped;
	return result;
}

int io_truncate_locked(struct cache *cache, struct node *node, struct content_row *content,
		       uint64_t size, struct batch *batch)
{
	int result = check_range(size, 0);

	if (!result && size == 0 && content->mapped) {
		/* The extents are many, perhaps: they stop counting at once, and
		 * are removed later. */
		content->generation++;
		content->mapped = 0;
	} else if (!result && size < content->size) {
		result = cut_behind(cache, node, content, size, batch);
	}
	if (!result)
		content->size = size;
	return result;
}

/* Makes [from, until) a hole, batch by batch, and the file `size` long in the
 * last one (if it is shorter). */
static int punch(struct cache *cache, uint64_t ino, uint64_t from, uint64_t until, uint64_t size)
{
	struct content_change change;
	uint64_t done = from;
	bool grows;
	int result = 0;

	do {
		result = content_change_begin(&change, cache, ino);
		if (result)
			return result;
		if (from < until)
			result = content_change_cut(&change, from, until, &done);
		if (result) {
			content_change_abort(&change);
			return result;
		}
		grows = done == until && size > change.content.size;
		if (grows)
			change.content.size = size;
		if (batch_is_empty(&change.batch) && !grows)
			content_change_abort(&change);
		else
			result = content_change_commit(&change, NULL, 0);
		from = done;
	} while (!result && from < until);
	return result;
}

/* Space cannot be set aside in a store; but what it will never take is refused.
 * Bytes that the file has already need none. */
static int check_space(struct cache *cache, uint64_t ino, uint64_t length)
{
	struct attributes attributes;
	struct cache_space space;
	int result;

	cache_space_get(cache, &space);
	if (length <= space.free_bytes)
		return 0;
	result = attr_get(cache, ino, &attributes);
	if (result)
		return result;
	return length - space.free_bytes > attributes.blocks * ATTR_BLOCK_SIZE ? -ENOSPC : 0;
}

int io_fallocate(struct cache *cache, uint64_t ino, int mode, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;
	int result = length ? check_range(offset, length) : -EINVAL;

	if (!result && !(mode & ~FALLOC_FL_KEEP_SIZE))
		result = check_space(cache, ino, length);
	if (result)
		return result;
	switch (mode) {
	case 0: /* what is not written is a hole and reads as zeros */
		return punch(cache, ino, end, end, end);
	case FALLOC_FL_KEEP_SIZE:
		return cache_check_writable(cache);
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
	case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
		return punch(cache, ino, offset, end, 0);
	case FALLOC_FL_ZERO_RANGE:
		return punch(cache, ino, offset, end, end);
	default:
		return -EOPNOTSUPP;
	}
}

int io_reap_locked(struct cache *cache, uint64_t ino, uint32_t keep_generation, struct batch *batch)
{
	struct index_cursor *rows;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	struct extent_change map = { .batch = batch, .ino = ino };
	unsigned int count = 0;
	struct extent extent;
	uint64_t found;
	int result;

	key_extent(&start, ino, 0, 0);
	result = index_cursor_open(cache->index, &start, &rows);
	if (result)
		return result;
	index_cursor_bound(rows, &start, KEY_INODE_PREFIX);
	while ((result = index_cursor_next(rows, &key, &key_length, &value, &value_length)) > 0) {
		if (!key_extent_parse(key, key_length, &found, &map.generation, &extent.end) ||
		    map.generation >= keep_generation) {
			result = 0;
			break;
		}
		if (count++ == CONTENT_CUT_MAX)
			break;
		result = row_get_extent(value, value_length, &extent.row);
		if (result)
			break;
		extent.offset = extent.end - extent.row.length;
		extent_map_cut(&map, &extent, extent.offset, extent.end);
	}
	index_cursor_close(rows);
	return result;
}
