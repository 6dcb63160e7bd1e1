/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/clean_segment.h"

#include <assert.h>
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/evict_segment.h"
#include "cache/extent_cursor.h"
#include "cache/pins.h"

/* Extents that change in one batch, and under one hold of the node lock. */
#define CLEAN_EXTENTS_MAX 64

/* An extent on its way from one place to another. */
struct move {
	struct extent extent;
	struct segment_place place; /* pinned when `written` */
	bool written;
};

struct clean {
	struct cache *cache;
	uint64_t segment;
	bool drop_clean;
	struct clean_stats *stats;
	struct move *moves;
	size_t count;
	struct buffer bytes;
};

static struct segment_tag tag_of(uint64_t ino, uint64_t offset)
{
	return (struct segment_tag){
		.class = SEGMENT_CLASS_WRITTEN,
		.number = ino,
		.offset = offset,
	};
}

/* The file offset of the record that an extent points into. */
static uint64_t record_offset(const struct extent *extent)
{
	return extent->offset - extent->row.delta;
}

/* Gathers the extents in [*from, until) that lie in the segment; *from becomes
 * the end of the last one that was looked at. */
static int gather(struct clean *clean, uint64_t ino, uint32_t generation, uint64_t *from,
		  uint64_t until)
{
	struct extent_cursor cursor;
	struct extent extent;
	int result = extent_cursor_open(&cursor, clean->cache->index, ino, generation, *from);

	clean->count = 0;
	if (result)
		return result;
	*from = until;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0 && extent.offset < until) {
		if (extent.row.segment != clean->segment)
			continue;
		if (clean->count == CLEAN_EXTENTS_MAX) {
			*from = extent.offset;
			break;
		}
		clean->moves[clean->count++] = (struct move){ .extent = extent };
	}
	extent_cursor_close(&cursor);
	return result < 0 ? result : 0;
}

/* Writes the extent's bytes once more. Bytes that cannot be read are left to
 * who reads the file: the move is not `written`. */
static int write_again(struct clean *clean, uint64_t ino, struct move *move)
{
	struct segments *segments = clean->cache->segments;
	struct segment_tag old = tag_of(ino, record_offset(&move->extent));
	struct segment_tag tag = tag_of(ino, move->extent.offset);
	uint32_t length = move->extent.row.length;
	int result;

	buffer_clear(&clean->bytes);
	result =
		segments_read(segments, clean->segment, move->extent.row.record, &old,
			      move->extent.row.delta, length, buffer_extend(&clean->bytes, length));
	if (result == -ERR_segment_corrupt || result == -ERR_local_io) {
		log_error("%s", err_message(result));
		clean->stats->rotten_bytes += length;
		return 0;
	}
	if (result)
		return result;
	result = segments_append(segments, &tag, clean->bytes.data, length, &move->place);
	move->written = !result;
	return result;
}

/* Is the row still as it was gathered? Its references may have come since. */
static bool read_same_row(struct cache *cache, const struct row_key *key, const struct extent *was,
			  struct extent_row *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;

	return !index_get(cache->index, key, &value) &&
	       !row_get_extent(value.data, value.length, out) && out->segment == was->row.segment &&
	       out->record == was->row.record && out->delta == was->row.delta &&
	       out->length == was->row.length;
}

/* Points the row to its new place, in the caller's batch. */
static bool put_moved(struct clean *clean, uint64_t ino, uint32_t generation,
		      const struct move *move, struct batch *batch)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row row;
	struct row_key key;
	int64_t length = move->extent.row.length;
	int64_t dirty;

	key_extent(&key, ino, generation, move->extent.end);
	if (!move->written || !read_same_row(clean->cache, &key, &move->extent, &row))
		return false;
	dirty = row.refs_count ? 0 : length;
	row.segment = move->place.segment;
	row.record = move->place.record;
	row.delta = 0;
	row_put_extent(&value, &row);
	batch_put(batch, &key, &value, dirty ? ROW_CLOUD : ROW_LOCAL);
	batch_segment_use(batch, clean->segment, -length, -dirty);
	batch_segment_use(batch, row.segment, length, dirty);
	clean->stats->moved_bytes += (uint64_t)length;
	clean->stats->record_bytes +=
		segment_record_bytes(move->extent.offset, move->extent.row.length);
	return true;
}

/* Changes the rows of the gathered extents that were written again. */
static int change_rows(struct clean *clean, uint64_t ino, uint32_t generation)
{
	struct cache *cache = clean->cache;
	struct node *node = node_get(cache->nodes, ino);
	struct content_row content;
	struct batch batch;
	uint64_t lsn = 0;
	size_t i;
	int result;

	batch_init(&batch, BATCH_CONTENT, ino);
	rwlock_acquire_write(&node->lock);
	result = extent_content_get(cache->index, ino, &content);
	for (i = 0; !result && i < clean->count; i++) {
		struct move *move = &clean->moves[i];

		if (content.generation != generation ||
		    !put_moved(clean, ino, generation, move, &batch)) {
			if (move->written)
				segment_unpin(cache->segments, move->place.segment);
			move->written = false;
		}
	}
	if (!result && !batch_is_empty(&batch))
		result = index_commit_begin(cache->index, &batch, &lsn);
	node_drop_flushed(cache->nodes, node);
	for (i = 0; !result && i < clean->count; i++) {
		const struct move *move = &clean->moves[i];

		if (move->written)
			node_note_unflushed(
				node, &move->place,
				segment_record_bytes(move->extent.offset, move->extent.row.length),
				lsn);
	}
	rwlock_release(&node->lock);
	node_put(cache->nodes, node);
	batch_release(&batch);
	if (!result && lsn)
		result = index_written(cache->index, lsn);
	return result;
}

static int move_gathered(struct clean *clean, uint64_t ino, uint32_t generation)
{
	size_t i;
	int result = 0;

	for (i = 0; !result && i < clean->count; i++)
		result = write_again(clean, ino, &clean->moves[i]);
	if (!result)
		result = change_rows(clean, ino, generation);
	for (i = 0; i < clean->count; i++) {
		if (clean->moves[i].written)
			segment_unpin(clean->cache->segments, clean->moves[i].place.segment);
	}
	return result;
}

/* What is alive of one record. A generation that does not count any more is
 * reaped by those who made it so. */
static int clean_record(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	struct clean *clean = arg;
	uint64_t from = tag->offset;
	uint64_t until = tag->offset + length;
	struct content_row content;
	int result = 0;

	(void)record;
	if (clean->drop_clean && !pins_has_file(clean->cache->pins, tag->number))
		result = evict_extents(clean->cache, tag->number, from, until, clean->segment,
				       &clean->stats->dropped_bytes);
	while (!result && from < until) {
		result = extent_content_get(clean->cache->index, tag->number, &content);
		if (!result)
			result = gather(clean, tag->number, content.generation, &from, until);
		if (!result && clean->count)
			result = move_gathered(clean, tag->number, content.generation);
	}
	return result;
}

int clean_range(struct cache *cache, uint64_t segment, const struct segment_tag *tag,
		uint32_t length)
{
	struct clean_stats stats = { 0 };
	struct clean clean = {
		.cache = cache,
		.segment = segment,
		.stats = &stats,
		.moves = xcalloc(CLEAN_EXTENTS_MAX, sizeof(*clean.moves)),
		.bytes = BUFFER_INIT,
	};
	int result = clean_record(tag, 0, length, &clean);

	free(clean.moves);
	buffer_release(&clean.bytes);
	return result;
}

int clean_segment(struct cache *cache, uint64_t segment, bool drop_clean, struct clean_stats *stats)
{
	struct clean clean = {
		.cache = cache,
		.segment = segment,
		.drop_clean = drop_clean,
		.stats = stats,
		.bytes = BUFFER_INIT,
	};
	int result = segment_pin(cache->segments, segment);

	if (result)
		return result == -ENOENT ? 0 : result;
	clean.moves = xcalloc(CLEAN_EXTENTS_MAX, sizeof(*clean.moves));
	result = segment_scan(cache->segments, segment, clean_record, &clean);
	free(clean.moves);
	buffer_release(&clean.bytes);
	segment_unpin(cache->segments, segment);
	return result;
}
