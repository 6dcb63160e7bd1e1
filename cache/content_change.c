/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/content_change.h"

#include "backend/base/error.h"
#include "cache/inode.h"

/* A file without a CONTENT row is empty and has the mtime of its inode. */
static int load_content(struct cache *cache, uint64_t ino, struct content_row *out)
{
	struct inode inode = { 0 };
	int result = inode_load_content(cache, ino, out);

	if (result != -ENOENT)
		return result;
	result = inode_load(cache, ino, &inode);
	*out = (struct content_row){ .mtime = inode.row.mtime };
	inode_release(&inode);
	return result;
}

static void end(struct content_change *change)
{
	rwlock_release(&change->node->lock);
	node_put(change->cache->nodes, change->node);
	batch_release(&change->batch);
}

int content_change_begin(struct content_change *change, struct cache *cache, uint64_t ino)
{
	int result = cache_check_writable(cache);

	if (result)
		return result;
	change->cache = cache;
	change->flags = 0;
	change->node = node_get(cache->nodes, ino);
	batch_init(&change->batch, BATCH_CONTENT, ino);
	rwlock_acquire_write(&change->node->lock);
	result = load_content(cache, ino, &change->content);
	if (result)
		end(change);
	change->refills = change->content.generation && !change->content.mapped;
	return result;
}

int content_change_cut(struct content_change *change, uint64_t from, uint64_t until,
		       uint64_t *done_out)
{
	struct extent_change map = {
		.batch = &change->batch,
		.ino = change->node->ino,
		.generation = change->content.generation,
	};
	struct extent_cursor cursor;
	struct extent extent;
	unsigned int count = 0;
	int result =
		extent_cursor_open(&cursor, change->cache->index, map.ino, map.generation, from);

	if (result)
		return result;
	*done_out = until;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0 && extent.offset < until) {
		if (count++ == CONTENT_CUT_MAX) {
			*done_out = extent.offset;
			break;
		}
		extent_map_cut(&map, &extent, from, until);
	}
	extent_cursor_close(&cursor);
	change->content.mapped += (uint64_t)map.mapped;
	return result < 0 ? result : 0;
}

void content_change_put(struct content_change *change, const struct extent *extent)
{
	struct extent_change map = {
		.batch = &change->batch,
		.ino = change->node->ino,
		.generation = change->content.generation,
	};

	extent_map_put(&map, extent);
	change->content.mapped += (uint64_t)map.mapped;
}

int content_change_commit(struct content_change *change, const struct segment_place *written,
			  uint32_t record_bytes)
{
	struct cache *cache = change->cache;
	struct node *node = change->node;
	uint64_t lsn;
	int result;

	batch_put_content(&change->batch, node->ino, &change->content, change->flags);
	result = index_commit_begin(cache->index, &change->batch, &lsn);
	node_drop_flushed(cache->nodes, node);
	if (!result && written) {
		node_note_unflushed(node, written, record_bytes, lsn);
		node->refilled |= change->refills;
	} else if (!result) {
		node->content_lsn = lsn;
	}
	end(change);
	if (!result)
		result = index_written(cache->index, lsn);
	if (result)
		cache_fail(cache, result);
	return result;
}

void content_change_abort(struct content_change *change)
{
	end(change);
}
