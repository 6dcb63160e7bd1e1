/* SPDX-License-Identifier: Apache-2.0 */
/* Making a file's content durable on this machine (io.h). */
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/content_change.h"
#include "cache/inode.h"
#include "cache/io.h"

/* The commit that carries this content is not to pass it by: once per
 * content that the cloud lacks. */
static int add_barrier(struct cache *cache, struct node *node, struct batch *batch)
{
	struct content_row content;
	struct dirty_row dirty;
	struct row_key key;
	int result;

	key_content(&key, node->ino);
	result = inode_load_dirty(cache, &key, &dirty);
	if (result == -ENOENT || (!result && dirty.flags & DIRTY_BARRIER))
		return 0;
	if (!result)
		result = inode_load_content(cache, node->ino, &content);
	if (!result)
		batch_put_content(batch, node->ino, &content, ROW_BARRIER);
	return result == -ENOENT ? 0 : result;
}

/* Copies the records not yet flushed into the batch, so that one flush of the
 * journal is all it takes. */
static int add_redo(struct cache *cache, const struct node *node, struct batch *batch)
{
	unsigned int i;
	int result = 0;

	for (i = 0; !result && i < node->unflushed_count; i++) {
		const struct unflushed_record *record = &node->unflushed[i];
		CLEANUP_FREE void *bytes = xmalloc(record->bytes);

		result = segments_read_raw(cache->segments, record->segment, record->record, bytes,
					   record->bytes);
		if (!result)
			batch_redo(batch, record->segment, record->record, bytes, record->bytes);
		else if (result == -ENOENT)
			result = 0; /* overwritten since: no row points there */
	}
	return result;
}

/* Flushes the segments that hold the node's bytes; the node is not locked. */
static int flush_range(struct cache *cache, uint64_t first, uint64_t last)
{
	uint64_t segment;
	int result = 0;

	for (segment = first; !result && segment <= last; segment++)
		result = segment_flush(cache->segments, segment);
	return result;
}

/*
 * The node is locked; the lock is dropped. Few unflushed bytes: puts them in
 * the journal and returns 0 with *lsn_out. Many: flushes what there was and
 * returns 1, to be called again, since more may have come meanwhile.
 */
static int sync_step(struct cache *cache, struct node *node, uint64_t *lsn_out)
{
	uint64_t first = node->unflushed_segment_min;
	uint64_t last = node->unflushed_segment_max;
	uint64_t content_lsn = node->content_lsn;
	struct batch batch;
	int result;

	if (!node_can_redo(node)) {
		rwlock_release(&node->lock);
		result = flush_range(cache, first, last);
		if (result)
			return result;
		rwlock_acquire_write(&node->lock);
		if (node->content_lsn == content_lsn)
			node_clear_unflushed(node);
		rwlock_release(&node->lock);
		return 1;
	}
	batch_init(&batch, BATCH_SYNC, node->ino);
	result = add_redo(cache, node, &batch);
	if (!result)
		result = add_barrier(cache, node, &batch);
	if (!result)
		result = index_commit_begin(cache->index, &batch, lsn_out);
	if (!result)
		node_clear_unflushed(node);
	rwlock_release(&node->lock);
	batch_release(&batch);
	return result;
}

int io_fsync(struct cache *cache, uint64_t ino)
{
	struct node *node;
	uint64_t lsn = 0;
	int result = cache_check_writable(cache);

	if (result)
		return result;
	node = node_get(cache->nodes, ino);
	do {
		rwlock_acquire_write(&node->lock);
		node_drop_flushed(cache->nodes, node);
		result = sync_step(cache, node, &lsn);
	} while (result > 0);
	node_put(cache->nodes, node);
	if (!result)
		result = index_flush(cache->index, lsn);
	if (result)
		cache_fail(cache, result);
	return result;
}

int io_flush(struct cache *cache, uint64_t ino)
{
	struct node *node = node_get(cache->nodes, ino);

	rwlock_acquire_write(&node->lock);
	node->version_lsn = node->content_lsn;
	rwlock_release(&node->lock);
	node_put(cache->nodes, node);
	return index_health(cache->index);
}
