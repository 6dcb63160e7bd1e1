/* SPDX-License-Identifier: Apache-2.0 */
/* Making a file's content durable on this machine (io.h). */
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/content_change.h"
#include "cache/inode.h"
#include "cache/io.h"

/* The next commit is not to pass this content by, as it is now: once for each
 * version of it. */
static int add_barrier(struct cache *cache, struct node *node, struct batch *batch)
{
	struct content_row content;
	struct dirty_row dirty;
	struct row_key key;
	int result;

	key_content(&key, node->ino);
	result = inode_load_dirty(cache, &key, &dirty);
	if (result == -ENOENT || (!result && dirty.flags && dirty.barrier_lsn == dirty.lsn))
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
			result = 0; /* reclaimed, and so durable before (segment.h) */
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
 * Few unflushed bytes: the record is a SYNC, which says that all content of the
 * file up to here is durable, and it holds what makes that true. Others may be
 * written while segments are flushed; then nothing of the kind can be said.
 */
static int fill(struct cache *cache, struct node *node, struct batch *batch, bool barrier)
{
	bool synced = node->unflushed_bytes > 0 && node_can_redo(node);
	int result = 0;

	batch_reset(batch, synced ? BATCH_SYNC : BATCH_CONTENT, node->ino);
	if (synced)
		result = add_redo(cache, node, batch);
	return result || !barrier ? result : add_barrier(cache, node, batch);
}

/* Commits what the flush of the journal is to make durable. */
static int commit(struct cache *cache, struct node *node, bool barrier, uint64_t *lsn_out)
{
	struct batch batch;
	int result;

	batch_init(&batch, BATCH_CONTENT, node->ino);
	rwlock_acquire_write(&node->lock);
	node_drop_flushed(cache->nodes, node);
	result = fill(cache, node, &batch, barrier);
	if (!result)
		result = index_commit_begin(cache->index, &batch, lsn_out);
	if (!result && batch.kind == BATCH_SYNC)
		node_clear_unflushed(node);
	node->version_lsn = node->content_lsn;
	rwlock_release(&node->lock);
	batch_release(&batch);
	return result;
}

/* Makes the bytes durable that are too many for the journal. */
static int flush_many(struct cache *cache, struct node *node)
{
	uint64_t content_lsn;
	uint64_t first;
	uint64_t last;
	bool many;
	int result;

	rwlock_acquire_write(&node->lock);
	node_drop_flushed(cache->nodes, node);
	many = !node_can_redo(node);
	content_lsn = node->content_lsn;
	first = node->unflushed_segment_min;
	last = node->unflushed_segment_max;
	rwlock_release(&node->lock);
	if (!many)
		return 0;
	result = flush_range(cache, first, last);
	if (result)
		return result;
	rwlock_acquire_write(&node->lock);
	/* What was written meanwhile is not durable, and not asked for. */
	if (node->content_lsn == content_lsn)
		node_clear_unflushed(node);
	rwlock_release(&node->lock);
	return 0;
}

int io_fsync(struct cache *cache, uint64_t ino)
{
	struct node *node;
	uint64_t lsn = 0;
	int result = cache_check_writable(cache);

	if (result)
		return result;
	node = node_get(cache->nodes, ino);
	result = flush_many(cache, node);
	if (!result)
		result = commit(cache, node, true, &lsn);
	node_put(cache->nodes, node);
	CRASH_POINT(sync_appended);
	if (!result)
		result = index_flush(cache->index, lsn);
	if (result)
		cache_fail(cache, result);
	return result;
}

/*
 * The journal that says that the old bytes are gone is not durable without the
 * new ones: what makes them good follows in it, or they are durable already.
 */
static int put_in_order(struct cache *cache, struct node *node)
{
	uint64_t lsn;
	int result = flush_many(cache, node);

	if (!result)
		result = commit(cache, node, false, &lsn);
	if (!result)
		result = index_written(cache->index, lsn);
	if (result)
		cache_fail(cache, result);
	return result;
}

int io_flush(struct cache *cache, uint64_t ino)
{
	struct node *node = node_get(cache->nodes, ino);
	int result = 0;
	bool refilled;

	rwlock_acquire_write(&node->lock);
	node->version_lsn = node->content_lsn;
	node_drop_flushed(cache->nodes, node);
	refilled = node->refilled;
	rwlock_release(&node->lock);
	if (refilled)
		result = put_in_order(cache, node);
	node_put(cache->nodes, node);
	return result ? result : index_health(cache->index);
}
