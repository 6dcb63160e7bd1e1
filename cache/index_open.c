/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the index, recovery, and closing it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/boot_id.h"
#include "cache/index_apply.h"
#include "cache/index_checkpoint.h"
#include "cache/index_int.h"
#include "cache/index_pace.h"
#include "cache/replay.h"

#define MEMTABLE_BYTES_DEFAULT (16u << 20)
#define FROZEN_MAX_DEFAULT     4
#define CHUNK_BLOCK	       ((uint64_t)1 << 32)

static int make_journal_directory(const struct index *index)
{
	if (mkdir(index->journal_directory, 0700) && errno != EEXIST)
		return err_set_errno(-ERR_local_io, errno, "cannot create directory %s",
				     index->journal_directory);
	return 0;
}

static struct index *index_alloc(const struct index_conf *conf)
{
	struct index *index = xcalloc(1, sizeof(*index));

	index->conf = *conf;
	if (!index->conf.memtable_bytes)
		index->conf.memtable_bytes = MEMTABLE_BYTES_DEFAULT;
	if (!index->conf.frozen_max)
		index->conf.frozen_max = FROZEN_MAX_DEFAULT;
	index->bytes_max = (uint64_t)index->conf.memtable_bytes * (index->conf.frozen_max + 1);
	index->checkpoint_ns_per_byte = INDEX_PACE_NS_PER_BYTE_FIRST;
	index->index_directory = xstrdup(conf->index_directory);
	index->journal_directory = xstrdup(conf->journal_directory);
	index->conf.index_directory = index->index_directory;
	index->conf.journal_directory = index->journal_directory;
	index->conf.boot_id = NULL;
	lock_init(&index->lock, LOCK_RANK_INDEX);
	lock_init(&index->view_lock, LOCK_RANK_INDEX_VIEW);
	condition_init(&index->changed);
	index->view = index_view_new();
	return index;
}

static void index_free(struct index *index)
{
	if (index->journal)
		journal_close(index->journal);
	index_view_put(index->view);
	if (index->lmdb)
		index_lmdb_close(index->lmdb);
	buffer_release(&index->scratch);
	condition_destroy(&index->changed);
	lock_destroy(&index->view_lock);
	lock_destroy(&index->lock);
	free(index->index_directory);
	free(index->journal_directory);
	free(index);
}

/* The number of the last key below `table` + 1 that begins with `prefix`. */
static int last_number(struct lmdb_cursor *cursor, const uint8_t *prefix, size_t prefix_length,
		       uint64_t *number_out)
{
	uint8_t after[2];
	const uint8_t *key;
	size_t length;
	int result;

	assert(prefix_length <= sizeof(after));
	memcpy(after, prefix, prefix_length);
	after[prefix_length - 1]++;
	result = lmdb_cursor_before(cursor, after, prefix_length);
	*number_out = 0;
	if (result <= 0)
		return result;
	key = lmdb_cursor_key(cursor, &length);
	if (length > prefix_length && !memcmp(key, prefix, prefix_length))
		*number_out = key_number(key + prefix_length - 1, length - prefix_length + 1);
	return 0;
}

static int read_highest(struct index *index, struct lmdb_read *read)
{
	static const uint8_t inodes[] = { TABLE_INODE };
	static const uint8_t contents[] = { TABLE_CONTENT };
	static const uint8_t dirty_contents[] = { TABLE_DIRTY, TABLE_CONTENT };
	struct lmdb_cursor *cursor;
	uint64_t dirty_content = 0;
	int result = lmdb_cursor_open(read, &cursor);

	if (result)
		return result;
	result = last_number(cursor, inodes, 1, &index->highest_inode);
	if (!result)
		result = last_number(cursor, contents, 1, &index->highest_content);
	if (!result)
		result = last_number(cursor, dirty_contents, 2, &dirty_content);
	if (dirty_content > index->highest_content)
		index->highest_content = dirty_content;
	lmdb_cursor_close(cursor);
	return result;
}

static int read_counters(struct index *index, struct lmdb_read *read)
{
	uint64_t next_ino;
	uint64_t next_chunk;
	int result = lmdb_read_meta(read, META_APPLIED_LSN, 0, &index->applied_lsn);

	if (!result)
		result = lmdb_read_meta(read, META_NEXT_INO, ROOT_INO + 1, &next_ino);
	if (!result)
		result = lmdb_read_meta(read, META_NEXT_CHUNK, 1, &next_chunk);
	if (!result)
		result = lmdb_read_meta(read, META_INODES, 0, &index->inodes);
	if (!result)
		result = lmdb_read_meta(read, META_MAPPED, 0, &index->mapped);
	if (!result)
		result = lmdb_read_meta(read, META_DIRTY_FILES, 0, &index->dirty_files);
	if (!result)
		result = read_highest(index, read);
	if (result)
		return result;
	atomic_store(&index->next_ino, next_ino);
	atomic_store(&index->next_chunk, next_chunk);
	index->lsn = index->applied_lsn;
	return 0;
}

/* Deletes what a bulk load left that never came to its end. */
static int drop_unfinished_load(struct index *index)
{
	if (index->conf.read_only)
		return err_set(
			-ERR_try_again,
			"the index in %s was not restored to its end; mount the volume first",
			index->index_directory);
	log_info("the restore into %s did not come to its end: it starts over",
		 index->index_directory);
	return index_load_clear(index);
}

static int read_state(struct index *index)
{
	struct lmdb_read *read;
	uint64_t loading;
	int result = lmdb_read_begin(index->lmdb, &read);

	if (result)
		return result;
	result = lmdb_read_meta(read, META_LOADING, 0, &loading);
	if (!result && !loading)
		result = read_counters(index, read);
	lmdb_read_end(read);
	if (result || !loading)
		return result;
	result = drop_unfinished_load(index);
	return result ? result : read_state(index);
}

int index_open(const struct index_conf *conf, struct index **out)
{
	struct index *index = index_alloc(conf);
	int result = index_lmdb_open(index->index_directory, conf->read_only, &index->lmdb);

	if (conf->boot_id)
		index->boot_id = *conf->boot_id;
	else if (!result)
		result = boot_id_read(index->index_directory, &index->boot_id);
	if (!result && !conf->read_only)
		result = make_journal_directory(index);
	if (!result)
		result = read_state(index);
	if (result) {
		index_free(index);
		return result;
	}
	*out = index;
	return 0;
}

static int start_journal(struct index *index, const struct journal_scan *scan)
{
	struct journal_conf conf = {
		.directory = index->journal_directory,
		.file_bytes = index->conf.journal_file_bytes,
		.boot_id = index->boot_id,
		.io = index->conf.journal_io,
	};

	return journal_start(&conf, scan, &index->journal);
}

/*
 * What replay found out about segment bytes after a power cut holds for the
 * segments as they are now: it goes into LMDB before anything changes them.
 * Also when every record was dropped: applied_lsn has to pass them, or the next
 * replay would bring them back.
 */
static int settle(struct index *index)
{
	struct batch batch;
	bool frozen;

	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_u64(&batch, META_NEXT_INO, atomic_load(&index->next_ino));
	lock_acquire(&index->lock);
	if (index->lsn > index->applied_lsn)
		index_apply_raw_locked(index, &batch);
	index_freeze_locked(index);
	frozen = index->view->count > 1;
	lock_release(&index->lock);
	batch_release(&batch);
	return frozen ? index_checkpoint_frozen(index) : 0;
}

/*
 * Ids of chunks get into packs before any row has them. So this session takes
 * a block of its own, and the next one will: durable before the first is used.
 */
static int reserve_chunks(struct index *index)
{
	uint64_t block = (atomic_load(&index->next_chunk) / CHUNK_BLOCK + 1) * CHUNK_BLOCK;
	struct lmdb_write *write;
	int result = lmdb_write_begin(index->lmdb, &write);

	if (result)
		return result;
	result = lmdb_write_meta(write, META_NEXT_CHUNK, block);
	if (result) {
		lmdb_write_abort(write);
		return result;
	}
	result = lmdb_write_commit(write);
	if (!result)
		atomic_store(&index->next_chunk, block);
	return result;
}

int index_open_replay(struct index *index)
{
	struct journal_scan scan;
	int result;

	result = journal_scan_open(index->journal_directory, index->applied_lsn, &index->boot_id,
				   &scan);
	if (result)
		return result;
	result = replay_run(index, &scan);
	if (!result && !index->conf.read_only)
		result = start_journal(index, &scan);
	CRASH_POINT(open_journal);
	if (!result && !index->conf.read_only && scan.power_cut)
		result = settle(index);
	CRASH_POINT(open_settled);
	journal_scan_release(&scan);
	if (result || index->conf.read_only)
		return result;
	result = reserve_chunks(index);
	CRASH_POINT(open_chunks);
	if (!result)
		index_checkpointer_start(index);
	return result;
}

void index_abandon(struct index *index)
{
	index_checkpointer_stop(index);
	index_free(index);
}

void index_close(struct index *index)
{
	int result = 0;

	if (index->thread_started) {
		lock_acquire(&index->lock);
		index->closing = true;
		condition_broadcast(&index->changed);
		lock_release(&index->lock);
		result = index_checkpoint(index);
	}
	if (result)
		log_warn("index: closed without a checkpoint, the journal has the rest: %s",
			 err_message(result));
	index_abandon(index);
}
