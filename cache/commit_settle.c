/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/commit_settle.h"

#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/commit_record.h"

/* Rows of one batch: small enough not to be felt by other commits. */
#define BATCH_ROWS_MAX 512

struct settle {
	struct cache *cache;
	uint64_t cut_lsn;
	int64_t cut_real_ns;

	/* pass 1 and 3 */
	struct batch batch;
	struct row_key *keys; /* to be marked clean */
	size_t keys_count;

	/* pass 2: the inode whose node is locked; NULL: none */
	struct node *node;
	struct batch content;
};

static int record_commit(struct cache *cache, const struct log_entry *entry, uint64_t pending_files)
{
	const struct commit_head *head = &entry->commit.head;
	struct commit_record record;
	struct batch batch;
	int result = commit_record_get(cache->index, &record);

	if (result == -ENOENT)
		memset(&record, 0, sizeof(record));
	else if (result)
		return result;
	if (record.seq >= head->seq)
		return 0;
	record.seq = head->seq;
	record.hash = entry->hash;
	record.epoch = head->epoch;
	record.cut_lsn = head->cut_lsn;
	record.cut_real_ns = head->cut_real_ns;
	record.pending_files = pending_files;
	batch_init(&batch, BATCH_ROWS, 0);
	commit_record_put(&batch, &record);
	result = index_commit(cache->index, &batch, NULL);
	batch_release(&batch);
	return result;
}

static int flush_batch(struct settle *settle)
{
	int result = index_commit(settle->cache->index, &settle->batch, NULL);

	batch_reset(&settle->batch, BATCH_ROWS, 0);
	return result;
}

/* Pass 1: what an inline pack holds. */
static int put_places(const struct row_run_row *row, void *arg)
{
	struct settle *settle = arg;
	enum row_table table = key_table(row->key, row->key_length);
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;

	if (row->removed || (table != TABLE_CHUNK && table != TABLE_PACK))
		return 0;
	key.length = (uint16_t)row->key_length;
	memcpy(key.bytes, row->key, row->key_length);
	buffer_append(&value, row->value, row->value_length);
	batch_put(&settle->batch, &key, &value, ROW_LOCAL);
	return settle->batch.count < BATCH_ROWS_MAX ? 0 : flush_batch(settle);
}

/* Pass 2: where extents are. */

static int unlock_node(struct settle *settle)
{
	uint64_t lsn = 0;
	int result;

	if (!settle->node)
		return 0;
	result = index_commit_begin(settle->cache->index, &settle->content, &lsn);
	rwlock_release(&settle->node->lock);
	node_put(settle->cache->nodes, settle->node);
	settle->node = NULL;
	return result ? result : index_written(settle->cache->index, lsn);
}

static int lock_node(struct settle *settle, uint64_t ino)
{
	int result;

	if (settle->node && settle->node->ino == ino && settle->content.count < BATCH_ROWS_MAX)
		return 0;
	result = unlock_node(settle);
	if (result)
		return result;
	settle->node = node_get(settle->cache->nodes, ino);
	rwlock_acquire_write(&settle->node->lock);
	batch_reset(&settle->content, BATCH_CONTENT, ino);
	return 0;
}

/* Has the row not been changed since the cut? */
static int is_unchanged(struct settle *settle, const struct row_key *key, bool *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key dirty_key;
	struct dirty_row dirty;
	int result;

	*out = false;
	key_dirty(&dirty_key, key->bytes, key->length);
	result = index_get(settle->cache->index, &dirty_key, &value);
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_dirty(value.data, value.length, &dirty);
	*out = !result && dirty.lsn <= settle->cut_lsn;
	return result;
}

static int attach_extent(const struct row_run_row *row, void *arg)
{
	struct settle *settle = arg;
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row committed;
	struct extent_row live;
	struct row_key key;
	bool unchanged;
	int result;

	if (row->removed || key_table(row->key, row->key_length) != TABLE_EXTENT)
		return 0;
	key.length = (uint16_t)row->key_length;
	memcpy(key.bytes, row->key, row->key_length);
	result = lock_node(settle, key_number(key.bytes, key.length));
	if (!result)
		result = index_get(settle->cache->index, &key, &value);
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_extent(value.data, value.length, &live);
	if (!result)
		result = row_get_extent(row->value, row->value_length, &committed);
	if (!result)
		result = is_unchanged(settle, &key, &unchanged);
	if (result || !unchanged || live.refs_count || live.length != committed.length)
		return result;
	live.refs_count = committed.refs_count;
	memcpy(live.refs, committed.refs, committed.refs_count * sizeof(live.refs[0]));
	buffer_clear(&value);
	row_put_extent(&value, &live);
	batch_put(&settle->content, &key, &value, ROW_LOCAL);
	batch_segment_use(&settle->content, live.segment, 0, -(int64_t)live.length);
	return 0;
}

/* Pass 3: what is clean. */

static int flush_marks(struct settle *settle)
{
	int result = 0;

	if (settle->keys_count)
		result = index_mark_clean(settle->cache->index, settle->keys, settle->keys_count,
					  settle->cut_lsn, settle->cut_real_ns);
	settle->keys_count = 0;
	CRASH_POINT(settle_marked_some);
	return result ? result : flush_batch(settle);
}

static int mark_row(const struct row_run_row *row, void *arg)
{
	struct settle *settle = arg;
	enum row_table table = key_table(row->key, row->key_length);
	struct row_key stored;

	if (table == TABLE_PACK)
		return 0;
	if (table == TABLE_CHUNK) {
		key_stored(&stored, key_number(row->key, row->key_length));
		batch_delete(&settle->batch, &stored, ROW_LOCAL);
	} else {
		struct row_key *key = &settle->keys[settle->keys_count++];

		key->length = (uint16_t)row->key_length;
		memcpy(key->bytes, row->key, row->key_length);
	}
	if (settle->keys_count < BATCH_ROWS_MAX && settle->batch.count < BATCH_ROWS_MAX)
		return 0;
	return flush_marks(settle);
}

static int run_passes(struct settle *settle, struct outbox *outbox, const struct log_entry *entry,
		      bool attach)
{
	struct cache *cache = settle->cache;
	int result = 0;
	int unlocked;

	if (attach) {
		result = log_each_row(cache, outbox, entry, put_places, settle);
		if (!result)
			result = flush_batch(settle);
		CRASH_POINT(settle_places);
		if (!result)
			result = log_each_row(cache, outbox, entry, attach_extent, settle);
		unlocked = unlock_node(settle);
		result = result ? result : unlocked;
		CRASH_POINT(settle_attached);
	}
	if (!result)
		result = log_each_row(cache, outbox, entry, mark_row, settle);
	return result ? result : flush_marks(settle);
}

int commit_settle(struct cache *cache, struct outbox *outbox, const struct log_entry *entry,
		  uint64_t pending_files, bool recovered)
{
	struct settle settle = { .cache = cache,
				 .cut_lsn = entry->commit.head.cut_lsn,
				 .cut_real_ns = entry->commit.head.cut_real_ns };
	int result;

	CRASH_POINT(settle_begin);
	result = record_commit(cache, entry, pending_files);
	CRASH_POINT(settle_recorded);
	if (result)
		return result;
	settle.keys = xcalloc(BATCH_ROWS_MAX, sizeof(*settle.keys));
	batch_init(&settle.batch, BATCH_ROWS, 0);
	batch_init(&settle.content, BATCH_CONTENT, 0);
	result = run_passes(&settle, outbox, entry, recovered || entry->commit.pack_length > 0);
	batch_release(&settle.content);
	batch_release(&settle.batch);
	free(settle.keys);
	if (!result)
		result = index_flush(cache->index, index_lsn(cache->index));
	CRASH_POINT(settle_flushed);
	if (!result)
		result = outbox_remove(outbox, entry->commit.head.seq);
	CRASH_POINT(settle_removed);
	return result;
}
