/* SPDX-License-Identifier: Apache-2.0 */
/* copy_file_range(2): bytes that are in packs are shared, not copied. */
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/content_change.h"
#include "cache/io.h"

/* Bytes without chunk references are copied in parts of this size. */
#define COPY_BYTES_MAX (1u << 20)

struct copy {
	struct cache *cache;
	uint64_t from;
	uint64_t from_offset;
	uint64_t to;
	uint64_t to_offset;
	uint64_t left;
};

/* What lies at the source's offset. */
struct source_part {
	uint64_t length;
	bool is_hole;
	bool is_local; /* its bytes are in no chunk */
	struct extent extent;
};

/* The source's part at from_offset, at most `left` bytes; length 0: the end. */
static int find_part(struct copy *copy, struct source_part *part)
{
	struct node *node = node_get(copy->cache->nodes, copy->from);
	struct extent_cursor cursor;
	struct content_row content;
	uint64_t until;
	int result;

	part->length = 0;
	rwlock_acquire_read(&node->lock);
	result = extent_content_get(copy->cache->index, copy->from, &content);
	if (result || copy->from_offset >= content.size)
		goto out;
	until = content.size - copy->from_offset < copy->left ? content.size
							      : copy->from_offset + copy->left;
	result = extent_cursor_open(&cursor, copy->cache->index, copy->from, content.generation,
				    copy->from_offset);
	if (result)
		goto out;
	result = extent_cursor_next(&cursor, &part->extent);
	part->is_hole = !result || part->extent.offset > copy->from_offset;
	part->is_local = !part->is_hole && !part->extent.row.refs_count;
	if (result > 0 && part->is_hole && part->extent.offset < until)
		until = part->extent.offset;
	if (result > 0 && !part->is_hole && part->extent.end < until)
		until = part->extent.end;
	part->length = until - copy->from_offset;
	extent_cursor_close(&cursor);
	result = result < 0 ? result : 0;
out:
	rwlock_release(&node->lock);
	node_put(copy->cache->nodes, node);
	return result;
}

/* Puts a hole, or the source's chunk references, into the target; of a hole
 * as much as one batch takes. */
static int share_part(struct copy *copy, struct source_part *part)
{
	uint64_t end = copy->to_offset + part->length;
	struct content_change change;
	struct extent extent;
	uint64_t done = copy->to_offset;
	int result = content_change_begin(&change, copy->cache, copy->to);

	if (result)
		return result;
	do {
		result = content_change_cut(&change, done, end, &done);
	} while (!result && done < end && !part->is_hole);
	if (result) {
		content_change_abort(&change);
		return result;
	}
	if (part->is_hole) {
		end = done;
		part->length = end - copy->to_offset;
	} else {
		extent_slice(&part->extent, copy->from_offset, copy->from_offset + part->length,
			     &extent);
		extent.offset = copy->to_offset;
		extent.end = end;
		extent.row.segment = 0;
		extent.row.record = 0;
		extent.row.delta = 0;
		content_change_put(&change, &extent);
	}
	if (end > change.content.size)
		change.content.size = end;
	return content_change_commit(&change, NULL, 0);
}

static int copy_bytes(struct copy *copy, struct source_part *part)
{
	CLEANUP_FREE void *bytes = NULL;
	size_t got;
	int result;

	if (part->length > COPY_BYTES_MAX)
		part->length = COPY_BYTES_MAX;
	bytes = xmalloc(part->length);
	result = io_read(copy->cache, copy->from, NULL, copy->from_offset, part->length, 0, bytes,
			 &got);
	if (!result)
		result = io_write(copy->cache, copy->to, copy->to_offset, bytes, got);
	part->length = got;
	return result;
}

/* The source ends where it ends now, also when the copy makes it longer. */
static int clip_to_source(struct copy *copy)
{
	struct node *node = node_get(copy->cache->nodes, copy->from);
	struct content_row content;
	int result;

	rwlock_acquire_read(&node->lock);
	result = extent_content_get(copy->cache->index, copy->from, &content);
	rwlock_release(&node->lock);
	node_put(copy->cache->nodes, node);
	if (result)
		return result;
	if (copy->from_offset >= content.size)
		copy->left = 0;
	else if (copy->left > content.size - copy->from_offset)
		copy->left = content.size - copy->from_offset;
	return 0;
}

int io_copy_range(struct cache *cache, uint64_t from, uint64_t from_offset, uint64_t to,
		  uint64_t to_offset, uint64_t length, uint64_t *copied_out)
{
	struct copy copy = { cache, from, from_offset, to, to_offset, length };
	struct source_part part;
	int result;

	*copied_out = 0;
	if (to_offset > INT64_MAX || length > INT64_MAX - to_offset || from_offset > INT64_MAX)
		return -EFBIG;
	result = clip_to_source(&copy);
	if (!result && from == to && from_offset < to_offset + copy.left &&
	    to_offset < from_offset + copy.left)
		return -EINVAL;
	while (!result && copy.left) {
		result = find_part(&copy, &part);
		if (result || !part.length)
			break;
		result = part.is_local ? copy_bytes(&copy, &part) : share_part(&copy, &part);
		if (result)
			break;
		copy.from_offset += part.length;
		copy.to_offset += part.length;
		copy.left -= part.length;
		*copied_out += part.length;
	}
	return *copied_out ? 0 : result;
}
