/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a file, and finding its data and holes (io.h). */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/cached_chunk.h"
#include "cache/chunk_use.h"
#include "cache/evict_segment.h"
#include "cache/extent_cursor.h"
#include "cache/fetch.h"
#include "cache/inode.h"
#include "cache/io.h"
#include "cache/io_ahead.h"

/* One extent's part of a read. Its segment, if it has one, is pinned. */
struct read_piece {
	uint64_t offset; /* in the file */
	uint32_t length;
	uint32_t skip; /* of the extent's bytes before offset */
	struct extent *extent;
};

/* What a read needs, gathered under the node's lock. */
struct read_plan {
	struct cache *cache;
	uint64_t ino;
	uint64_t offset;
	uint64_t end; /* clipped at the end of the file */
	uint64_t size;
	unsigned int flags; /* of enum io_read_flags */
	struct read_piece *pieces;
	size_t count;
	size_t capacity;
	uint64_t missed; /* bytes, so far (read_stats.h) */
};

static void plan_release(struct read_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		if (plan->pieces[i].extent->row.segment)
			segment_unpin(plan->cache->segments, plan->pieces[i].extent->row.segment);
		free(plan->pieces[i].extent);
	}
	free(plan->pieces);
	plan->pieces = NULL;
	plan->count = plan->capacity = 0;
}

/* Keeps only what of the row is used: most have one reference of 255. */
static struct extent *copy_extent(const struct extent *extent)
{
	size_t size = offsetof(struct extent, row.refs) +
		      extent->row.refs_count * sizeof(extent->row.refs[0]);
	struct extent *copy = xmalloc(size);

	memcpy(copy, extent, size);
	return copy;
}

static int plan_add(struct read_plan *plan, struct extent *extent)
{
	uint64_t from = extent->offset > plan->offset ? extent->offset : plan->offset;
	uint64_t until = extent->end < plan->end ? extent->end : plan->end;
	struct read_piece *piece;
	int result = 0;

	if (extent->row.segment)
		result = segment_pin(plan->cache->segments, extent->row.segment);
	if (result == -ENOENT && extent->row.refs_count) {
		extent->row.segment = 0; /* dropped since the row was read */
		result = 0;
	}
	if (result)
		return result == -ENOENT
			       ? err_set(-ERR_segment_corrupt,
					 "segment %" PRIu64
					 " is missing, which holds bytes %" PRIu64 " to %" PRIu64
					 " of inode %" PRIu64 " that are nowhere else",
					 extent->row.segment, from, until, plan->ino)
			       : result;
	if (plan->count == plan->capacity) {
		plan->capacity = plan->capacity ? 2 * plan->capacity : 8;
		plan->pieces = xrealloc(plan->pieces, plan->capacity * sizeof(*plan->pieces));
	}
	piece = &plan->pieces[plan->count++];
	piece->offset = from;
	piece->length = (uint32_t)(until - from);
	piece->skip = (uint32_t)(from - extent->offset);
	piece->extent = copy_extent(extent);
	return 0;
}

/* A file without content is empty; on a follower it may be none any more. */
static int check_exists(struct read_plan *plan)
{
	struct inode inode = { 0 };
	int result = 0;

	if (plan->cache->conf.follow)
		result = inode_load(plan->cache, plan->ino, &inode);
	inode_release(&inode);
	return result;
}

/* The node is locked, shared. */
static int plan_fill(struct read_plan *plan)
{
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	int result = check_exists(plan);

	if (!result)
		result = extent_content_get(plan->cache->index, plan->ino, &content);
	if (result)
		return result;
	plan->size = content.size;
	if (plan->end > content.size)
		plan->end = content.size;
	if (plan->offset >= plan->end)
		return 0;
	result = extent_cursor_open(&cursor, plan->cache->index, plan->ino, content.generation,
				    plan->offset);
	if (result)
		return result;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0) {
		if (extent.offset >= plan->end) {
			result = 0;
			break;
		}
		result = plan_add(plan, &extent);
		if (result)
			break;
	}
	extent_cursor_close(&cursor);
	return result;
}

static int plan_build(struct read_plan *plan)
{
	struct node *node = inode_lock_shared(plan->cache, plan->ino);
	int result = plan_fill(plan);

	inode_unlock_shared(plan->cache, node);
	return result;
}

/* Bytes [from, from + length) of the extent, from its chunks. */
static int read_refs(struct read_plan *plan, const struct extent *extent, uint32_t from,
		     uint32_t length, uint8_t *out)
{
	struct cache *cache = plan->cache;
	uint32_t start = 0;
	unsigned int i;
	int result = 0;

	for (i = 0; !result && length && i < extent->row.refs_count; i++) {
		const struct extent_ref *ref = &extent->row.refs[i];
		uint32_t skip = from > start ? from - start : 0;
		uint32_t part;

		start += ref->length;
		if (skip >= ref->length)
			continue;
		part = ref->length - skip < length ? ref->length - skip : length;
		result = cache->fetch && !(plan->flags & IO_LOCAL)
				 ? fetch_read(cache->fetch, ref->chunk, ref->chunk_offset + skip,
					      part, plan->flags, out, &plan->missed)
				 : cached_chunk_read(cache, ref->chunk, ref->chunk_offset + skip,
						     part, out);
		out += part;
		from += part;
		length -= part;
	}
	return result;
}

/* A rotten copy of bytes that the cloud has: forgotten, and fetched. */
static void drop_rotten(const struct read_plan *plan, const struct read_piece *piece, int code)
{
	uint64_t dropped = 0;

	log_warn("%s; the bytes are in the cloud and are fetched again", err_message(code));
	if (evict_extents(plan->cache, plan->ino, piece->offset, piece->offset + piece->length,
			  piece->extent->row.segment, &dropped))
		log_warn("the place of the rotten bytes is still recorded");
}

static int read_piece(struct read_plan *plan, const struct read_piece *piece, uint8_t *out)
{
	const struct extent *extent = piece->extent;
	const struct extent_row *row = &extent->row;
	struct segment_tag tag = {
		.class = SEGMENT_CLASS_WRITTEN,
		.number = plan->ino,
		.offset = extent->offset - row->delta,
	};
	int result;

	if (row->segment) {
		result = segments_read(plan->cache->segments, row->segment, row->record, &tag,
				       row->delta + piece->skip, piece->length, out);
		if (result == -ERR_segment_corrupt && !row->refs_count)
			damage_note(plan->cache, result, plan->ino, piece->offset, piece->length,
				    row->segment, row->record);
		if (!result || !row->refs_count)
			return result;
		if (plan->cache->fetch)
			drop_rotten(plan, piece, result);
	}
	return read_refs(plan, extent, piece->skip, piece->length, out);
}

static int plan_read(struct read_plan *plan, uint8_t *out)
{
	uint64_t at = plan->offset;
	size_t i;
	int result = 0;

	for (i = 0; !result && i < plan->count; i++) {
		const struct read_piece *piece = &plan->pieces[i];

		memset(out + (at - plan->offset), 0, piece->offset - at);
		result = read_piece(plan, piece, out + (piece->offset - plan->offset));
		at = piece->offset + piece->length;
	}
	if (!result && plan->end > at)
		memset(out + (at - plan->offset), 0, plan->end - at);
	return result;
}

static void note_ahead(const struct read_plan *plan, struct readahead *readahead)
{
	struct io_ahead_read read = {
		.ino = plan->ino,
		.offset = plan->offset,
		.end = plan->end,
		.size = plan->size,
		.flags = plan->flags,
	};
	size_t i;

	for (i = 0; i < plan->count && !read.cold; i++)
		read.cold = !plan->pieces[i].extent->row.segment;
	io_ahead_note(plan->cache, readahead, &read);
}

/* The bytes were read: of chunks, that is a use. */
static void note_use(const struct read_plan *plan, const struct read_piece *piece)
{
	const struct extent_row *row = &piece->extent->row;
	uint32_t until = piece->skip + piece->length;
	uint32_t start = 0;
	unsigned int i;

	for (i = 0; i < row->refs_count && start < until; i++) {
		uint32_t end = start + row->refs[i].length;
		uint32_t first = start > piece->skip ? start : piece->skip;
		uint32_t last = end < until ? end : until;

		if (last > first)
			chunk_use_note_read(plan->cache->chunk_use, row->refs[i].chunk,
					    last - first);
		start = end;
	}
}

static void note_read(const struct read_plan *plan)
{
	bool bypass = plan->flags & IO_NO_CACHE;
	size_t i;

	if (plan->flags & IO_LOCAL)
		return;
	read_stats_note(&plan->cache->read_stats, plan->end - plan->offset, plan->missed, bypass);
	for (i = 0; !bypass && i < plan->count; i++)
		note_use(plan, &plan->pieces[i]);
}

int io_read(struct cache *cache, uint64_t ino, struct readahead *readahead, uint64_t offset,
	    size_t length, unsigned int flags, void *bytes, size_t *got_out)
{
	struct read_plan plan = { .cache = cache, .ino = ino, .offset = offset, .flags = flags };
	int result;

	*got_out = 0;
	if (length > INT64_MAX || offset > INT64_MAX - length)
		length = offset < INT64_MAX ? INT64_MAX - offset : 0;
	plan.end = offset + length;
	result = plan_build(&plan);
	if (!result && plan.offset < plan.end) {
		if (readahead && cache->fetch)
			note_ahead(&plan, readahead);
		result = plan_read(&plan, bytes);
		if (!result) {
			*got_out = (size_t)(plan.end - plan.offset);
			note_read(&plan);
		}
	}
	plan_release(&plan);
	return result;
}

/* The node is locked, shared. */
static int seek_locked(struct cache *cache, uint64_t ino, uint64_t offset, int whence,
		       uint64_t *out)
{
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	uint64_t hole = offset;
	int result = extent_content_get(cache->index, ino, &content);

	if (result)
		return result;
	if (offset >= content.size)
		return -ENXIO;
	result = extent_cursor_open(&cursor, cache->index, ino, content.generation, offset);
	if (result)
		return result;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0) {
		if (extent.offset > hole || whence == SEEK_DATA)
			break;
		hole = extent.end;
	}
	extent_cursor_close(&cursor);
	if (result < 0)
		return result;
	if (whence == SEEK_HOLE)
		*out = hole < content.size ? hole : content.size;
	else if (!result || extent.offset >= content.size)
		return -ENXIO;
	else
		*out = extent.offset > offset ? extent.offset : offset;
	return 0;
}

int io_seek(struct cache *cache, uint64_t ino, uint64_t offset, int whence, uint64_t *out)
{
	struct node *node;
	int result;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	node = inode_lock_shared(cache, ino);
	result = seek_locked(cache, ino, offset, whence, out);
	inode_unlock_shared(cache, node);
	return result;
}
