/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/attach.h"

#include <assert.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/extent_map.h"

/* Rows changed under one hold of the lock. */
#define BATCH_ROWS_MAX 256

struct attach {
	struct cache *cache;
	struct batch batch;
	uint64_t stored;
};

static void put_row(struct attach *attach, const struct attach_item *item, uint64_t end,
		    const struct extent_row *row, unsigned int flags)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;

	key_extent(&key, item->ino, item->generation, end);
	row_put_extent(&value, row);
	batch_put(&attach->batch, &key, &value, flags);
}

/* Do the row's bytes lie where the item's do, byte by byte? */
static bool same_place(const struct attach_item *item, uint64_t end, const struct extent_row *row)
{
	uint64_t start = end - row->length;

	return row->segment && row->segment == item->segment && row->record == item->record &&
	       !row->refs_count && start >= item->offset &&
	       start - item->offset == (uint64_t)row->delta - item->delta;
}

/* The row ends behind what was uploaded: its first part becomes a row. */
static void split_row(struct attach *attach, const struct attach_item *item, uint64_t end,
		      const struct extent_row *row)
{
	uint64_t cut = item->offset + item->length;
	uint32_t head_length = (uint32_t)(cut - (end - row->length));
	struct extent_row head = *row;
	struct extent_row tail = *row;

	head.length = head_length;
	head.refs_count = (uint8_t)extent_refs_slice(
		item->refs, item->refs_count, item->length - head_length, head_length, head.refs);
	tail.length -= head_length;
	tail.delta += head_length;
	put_row(attach, item, cut, &head, ROW_CLOUD);
	put_row(attach, item, end, &tail, ROW_CLOUD);
	batch_segment_use(&attach->batch, row->segment, 0, -(int64_t)head_length);
	attach->stored += head_length;
}

static void attach_row(struct attach *attach, const struct attach_item *item, uint64_t end,
		       struct extent_row *row)
{
	uint64_t start = end - row->length;

	if (!same_place(item, end, row) || start >= item->offset + item->length)
		return;
	if (end > item->offset + item->length) {
		split_row(attach, item, end, row);
		return;
	}
	row->refs_count = (uint8_t)extent_refs_slice(item->refs, item->refs_count,
						     (uint32_t)(start - item->offset), row->length,
						     row->refs);
	put_row(attach, item, end, row, ROW_LOCAL);
	batch_segment_use(&attach->batch, row->segment, 0, -(int64_t)row->length);
	attach->stored += row->length;
}

/* The usual case: the extent is as it was. 1 when it was so. */
static int attach_whole(struct attach *attach, const struct attach_item *item)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	uint64_t end = item->offset + item->length;
	struct extent_row row;
	struct row_key key;
	int result;

	key_extent(&key, item->ino, item->generation, end);
	result = index_get(attach->cache->index, &key, &value);
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_extent(value.data, value.length, &row);
	if (result)
		return result;
	if (row.length != item->length || !same_place(item, end, &row))
		return 0;
	attach_row(attach, item, end, &row);
	return 1;
}

/* The rows that overlap the item's range. */
static int attach_parts(struct attach *attach, const struct attach_item *item)
{
	struct index_cursor *cursor;
	struct extent_row row;
	struct row_key start;
	uint32_t generation;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t ino;
	uint64_t end;
	int result;

	key_extent(&start, item->ino, item->generation, item->offset + 1);
	result = index_cursor_open(attach->cache->index, &start, &cursor);
	if (result)
		return result;
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0) {
		if (!key_extent_parse(key, key_length, &ino, &generation, &end) ||
		    ino != item->ino || generation != item->generation) {
			result = 0;
			break;
		}
		result = row_get_extent(value, value_length, &row);
		if (result || end - row.length >= item->offset + item->length)
			break;
		attach_row(attach, item, end, &row);
	}
	index_cursor_close(cursor);
	return result;
}

/* Some items of one inode under one hold of its lock; *done_out of them. */
static int attach_some(struct attach *attach, const struct attach_item *items, size_t count,
		       size_t *done_out)
{
	struct cache *cache = attach->cache;
	struct node *node = node_get(cache->nodes, items[0].ino);
	uint64_t lsn = 0;
	size_t i = 0;
	int result = 0;

	batch_reset(&attach->batch, BATCH_CONTENT, items[0].ino);
	rwlock_acquire_write(&node->lock);
	while (result >= 0 && i < count && items[i].ino == items[0].ino &&
	       attach->batch.count < BATCH_ROWS_MAX) {
		result = attach_whole(attach, &items[i]);
		if (!result)
			result = attach_parts(attach, &items[i]);
		i++;
	}
	if (result >= 0)
		result = index_commit_begin(cache->index, &attach->batch, &lsn);
	rwlock_release(&node->lock);
	node_put(cache->nodes, node);
	*done_out = i;
	return result ? result : index_written(cache->index, lsn);
}

int attach_refs(struct cache *cache, const struct attach_item *items, size_t count,
		uint64_t *stored_out)
{
	struct attach attach = { .cache = cache };
	int result = 0;

	batch_init(&attach.batch, BATCH_CONTENT, 0);
	while (!result && count) {
		size_t done;

		result = attach_some(&attach, items, count, &done);
		items += done;
		count -= done;
	}
	batch_release(&attach.batch);
	*stored_out += attach.stored;
	return result;
}
