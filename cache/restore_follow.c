/* SPDX-License-Identifier: Apache-2.0 */
/* A cache that has a state: its own commits from the outbox, and those that
 * another gateway made while this one was away. */
#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/commit_settle.h"
#include "cache/log_put.h"
#include "cache/restore.h"
#include "cache/restore_int.h"

#define BATCH_ROWS_MAX 512

/* 1 when the index has rows that the cloud lacks, 0 when not, or an error. */
static int has_dirty_rows(struct index *index)
{
	struct row_key start = { .length = 1, .bytes = { TABLE_DIRTY } };
	struct index_cursor *cursor;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result = index_cursor_open(index, &start, &cursor);

	if (result)
		return result;
	result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
	if (result > 0)
		result = key_table(key, key_length) == TABLE_DIRTY;
	index_cursor_close(cursor);
	return result;
}

/* What the row here had of segments is no longer used. */
static int forget_place(struct restore_applier *applier, const struct row_key *key)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row extent;
	int result = index_get(applier->cache->index, key, &value);

	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_extent(value.data, value.length, &extent);
	if (!result && extent.segment)
		batch_segment_use(&applier->batch, extent.segment, -(int64_t)extent.length,
				  extent.refs_count ? 0 : -(int64_t)extent.length);
	return result;
}

/* A chunk that is gone must not be found by its content any more. */
static int forget_chunk(struct restore_applier *applier, const struct row_key *key)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct chunk_row chunk;
	struct row_key dedup;
	int result = index_get(applier->cache->index, key, &value);

	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_chunk(value.data, value.length, &chunk);
	if (result)
		return result;
	key_dedup(&dedup, chunk.digest);
	batch_delete(&applier->batch, &dedup, ROW_LOCAL);
	return 0;
}

void restore_applier_init(struct restore_applier *applier, struct cache *cache)
{
	applier->cache = cache;
	batch_init(&applier->batch, BATCH_ROWS, 0);
}

void restore_applier_release(struct restore_applier *applier)
{
	batch_release(&applier->batch);
}

int restore_apply_flush(struct restore_applier *applier)
{
	int result = index_commit(applier->cache->index, &applier->batch, NULL);

	batch_reset(&applier->batch, BATCH_ROWS, 0);
	return result;
}

int restore_apply_row(const struct row_run_row *row, void *arg)
{
	struct restore_applier *applier = arg;
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result = 0;

	if (!table_is_cloud(key_table(row->key, row->key_length)) ||
	    row->key_length > sizeof(key.bytes))
		return err_set(-ERR_commit_corrupt, "the log carries a row that no commit may");
	key.length = (uint16_t)row->key_length;
	memcpy(key.bytes, row->key, row->key_length);
	if (key_table(key.bytes, key.length) == TABLE_EXTENT)
		result = forget_place(applier, &key);
	else if (row->removed && key_table(key.bytes, key.length) == TABLE_CHUNK)
		result = forget_chunk(applier, &key);
	if (result)
		return result;
	if (row->removed) {
		batch_delete(&applier->batch, &key, ROW_LOCAL);
	} else {
		buffer_append(&value, row->value, row->value_length);
		batch_put(&applier->batch, &key, &value, ROW_LOCAL);
	}
	return applier->batch.count < BATCH_ROWS_MAX ? 0 : restore_apply_flush(applier);
}

/* Rows of another gateway, over ours, all of which the cloud has. */
static int apply_rows(struct restore *restore, const struct log_entry *entry)
{
	struct restore_applier applier;
	int result;

	restore_applier_init(&applier, restore->cache);
	result = log_each_row(restore->cache, NULL, entry, restore_apply_row, &applier);
	if (!result)
		result = restore_apply_flush(&applier);
	CRASH_POINT(restore_applied);
	restore_applier_release(&applier);
	return result;
}

static int put_record(struct restore *restore, const struct commit_record *record)
{
	struct batch batch;
	int result =
		index_counters_raise(restore->cache->index, record->least_ino, record->least_chunk);

	if (result)
		return result;
	batch_init(&batch, BATCH_ROWS, 0);
	commit_record_put(&batch, record);
	result = index_commit(restore->cache->index, &batch, NULL);
	batch_release(&batch);
	return result;
}

static int record_foreign(struct restore *restore, const struct log_entry *entry)
{
	const struct commit_head *head = &entry->commit.head;
	struct commit_record record = {
		.seq = head->seq,
		.hash = entry->hash,
		.epoch = head->epoch,
		.cut_real_ns = head->cut_real_ns,
		.least_ino = head->next_ino,
		.least_chunk = head->next_chunk_id,
	};

	if (head->epoch != restore->epoch) {
		record.least_ino += RESTORE_SKIP;
		record.least_chunk += RESTORE_SKIP;
	}
	return put_record(restore, &record);
}

int restore_record_position(struct restore *restore)
{
	const struct log_position *position = &restore->position;
	struct commit_record record = {
		.seq = position->seq,
		.hash = position->hash,
		.epoch = position->epoch,
		.cut_real_ns = restore->cut_real_ns,
		.least_ino = position->next_ino + RESTORE_SKIP,
		.least_chunk = position->next_chunk_id + RESTORE_SKIP,
	};

	return put_record(restore, &record);
}

int restore_check_clean(struct restore *restore, uint64_t seq, uint64_t epoch)
{
	int result = has_dirty_rows(restore->cache->index);

	if (result <= 0)
		return result;
	return err_set(-ERR_diverged,
		       "%s was changed by another gateway (commit %" PRIu64 ", epoch %" PRIu64
		       ") while this cache had changes that were not in it: nothing was merged or "
		       "dropped, they are kept in %s; mount with another --cache, then copy from "
		       "this one what is missing (dray export)",
		       restore->cache->url, seq, epoch, restore->cache->directory);
}

static bool has_rows(const struct log_entry *entry)
{
	uint32_t i;

	for (i = 0; i < entry->commit.part_count; i++)
		if (entry->commit.parts[i].part.role == PART_BODY)
			return true;
	return false;
}

int restore_follow_entry(struct restore *restore, const struct log_entry *entry)
{
	uint64_t seq = entry->commit.head.seq;
	struct log_entry ours;
	int result = log_get_outbox(restore->cache, restore->outbox, seq, &ours);

	if (!result) {
		if (digest_equal(&ours.hash, &entry->hash)) {
			result = commit_settle(restore->cache, restore->outbox, &ours, 0, true);
			log_entry_release(&ours);
			return result;
		}
		log_entry_release(&ours);
	} else if (result != -ENOENT) {
		return result;
	}
	if (has_rows(entry)) {
		result = restore_check_clean(restore, seq, entry->commit.head.epoch);
		if (!result)
			result = apply_rows(restore, entry);
		if (result)
			return result;
	}
	result = record_foreign(restore, entry);
	/* A commit of ours that lost its place: all it carried is still dirty. */
	return result ? result : outbox_remove(restore->outbox, seq);
}

int restore_follow_outbox(struct restore *restore)
{
	uint64_t seq = restore->position.seq + 1;
	struct log_entry ours;
	int result = log_get_outbox(restore->cache, restore->outbox, seq, &ours);

	if (result)
		return result == -ENOENT ? 0 : result;
	log_info("commit %" PRIu64 " was on its way when drayfs stopped: it is put again", seq);
	result = log_put_outbox(restore->cache, restore->outbox, &ours);
	log_entry_release(&ours);
	return result && result != -EEXIST ? result : 1;
}

/* Is the commit one that we made? 1, 0 or an error. */
static int is_ours(struct restore *restore, const struct log_entry *entry)
{
	struct log_entry ours;
	int result = log_get_outbox(restore->cache, restore->outbox, entry->commit.head.seq, &ours);

	if (result)
		return result == -ENOENT ? 0 : result;
	result = digest_equal(&ours.hash, &entry->hash);
	log_entry_release(&ours);
	return result;
}

/* 1 when nothing is left to ask; 0: the next commit. */
static int check_parted(struct restore *restore, uint64_t seq)
{
	struct log_entry entry;
	int result = log_get(restore->cache, seq, &entry);

	if (result)
		return result == -ENOENT ? 1 : result;
	/* What is dirty may be in it: that is seen when it is settled. */
	result = is_ours(restore, &entry);
	if (!result && has_rows(&entry))
		result = restore_check_clean(restore, seq, entry.commit.head.epoch);
	log_entry_release(&entry);
	return result;
}

int restore_check_parted(struct cache *cache)
{
	struct restore restore = { .cache = cache };
	struct commit_record record;
	int result = commit_record_get(cache->index, &record);

	if (!result)
		result = has_dirty_rows(cache->index);
	if (result <= 0)
		return result == -ENOENT ? 0 : result;
	result = outbox_open(cache->directory, &restore.outbox);
	while (!result)
		result = check_parted(&restore, ++record.seq);
	outbox_close(restore.outbox);
	return result > 0 ? 0 : result;
}
