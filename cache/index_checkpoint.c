/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_checkpoint.h"

#include <assert.h>

#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/index_apply.h"
#include "cache/index_pace.h"
#include "cache/memtable_merge.h"

#define RETRY_NS NS_PER_SECOND

/* What the memtable must hold to be one instant, see index.h. */
static void put_counters_locked(struct index *index)
{
	const struct index_hooks *hooks = &index->conf.hooks;
	struct batch batch;

	lock_assert_held(&index->lock);
	batch_init(&batch, BATCH_ROWS, 0);
	if (hooks->segment_rows)
		hooks->segment_rows(hooks->arg, &batch);
	batch_put_u64(&batch, META_NEXT_INO, atomic_load(&index->next_ino));
	batch_put_u64(&batch, META_NEXT_CHUNK, atomic_load(&index->next_chunk));
	batch_put_u64(&batch, META_INODES, index->inodes);
	batch_put_u64(&batch, META_MAPPED, index->mapped);
	batch_put_u64(&batch, META_DIRTY_FILES, index->dirty_files);
	index_apply_raw_locked(index, &batch);
	batch_release(&batch);
}

void index_freeze_locked(struct index *index)
{
	struct memtable *active = index->view->tables[0].memtable;

	lock_assert_held(&index->lock);
	if (!memtable_count(active))
		return;
	put_counters_locked(index);
	index->frozen_bytes += memtable_bytes(active);
	index_swap_view_locked(index, index_view_freeze(index->view, index->lsn));
	CRASH_POINT(index_frozen);
	condition_broadcast(&index->changed);
}

static int write_rows(struct lmdb_write *write, struct memtable_merge *merge)
{
	const struct memtable_value *value;
	const uint8_t *key;
	size_t length;
	int result = 0;

	while (!result && (value = memtable_merge_next(merge, &key, &length))) {
		if (value->deleted)
			result = lmdb_write_delete(write, key, length);
		else
			result = lmdb_write_put(write, key, length, value->bytes, value->length);
	}
	return result;
}

static int write_tables(struct index *index, struct memtable_merge *merge, uint64_t last_lsn)
{
	struct lmdb_write *write;
	int result = lmdb_write_begin(index->lmdb, &write);

	if (result)
		return result;
	result = write_rows(write, merge);
	if (!result)
		result = lmdb_write_meta(write, META_APPLIED_LSN, last_lsn);
	CRASH_POINT(index_rows);
	if (result) {
		lmdb_write_abort(write);
		return result;
	}
	return lmdb_write_commit(write);
}

/*
 * The oldest frozen tables that one checkpoint takes: two full ones, because LMDB
 * holds the pages that a transaction changes in memory. tables[first] is the
 * newest of them.
 */
static size_t choose_first(const struct index *index, const struct index_view *view,
			   size_t *bytes_out)
{
	size_t first = view->count - 1;
	size_t bytes = memtable_bytes(view->tables[first].memtable);

	while (first > 1 && 2 * bytes < 3 * index->conf.memtable_bytes)
		bytes += memtable_bytes(view->tables[--first].memtable);
	*bytes_out = bytes;
	return first;
}

static void drop_applied_locked(struct index *index, uint64_t last_lsn, size_t count, size_t bytes)
{
	lock_assert_held(&index->lock);
	index->applied_lsn = last_lsn;
	index->frozen_bytes -= bytes;
	index->totals.checkpoints_total++;
	index_swap_view_locked(index, index_view_drop_oldest(index->view, count));
	condition_broadcast(&index->changed);
}

/* Commits are to settle at this speed, see index_pace.h. */
static void learn_speed_locked(struct index *index, size_t bytes, int64_t elapsed_ns)
{
	lock_assert_held(&index->lock);
	if (bytes >= index->conf.memtable_bytes / 2)
		index->checkpoint_ns_per_byte =
			index_pace_learn(index->checkpoint_ns_per_byte, bytes, elapsed_ns);
}

static int apply_tables(struct index *index, const struct index_view *view, size_t first)
{
	uint64_t last_lsn = view->tables[first].last_lsn;
	struct memtable_merge *merge;
	size_t i;
	int result = 0;

	if (index->conf.hooks.segments_flush)
		result = index->conf.hooks.segments_flush(index->conf.hooks.arg);
	CRASH_POINT(index_segments);
	if (!result)
		result = journal_flush(index->journal, last_lsn);
	CRASH_POINT(index_journal);
	if (result)
		return result;
	merge = memtable_merge_new();
	for (i = first; i < view->count; i++)
		memtable_merge_add(merge, view->tables[i].memtable);
	result = write_tables(index, merge, last_lsn);
	CRASH_POINT(index_committed);
	memtable_merge_free(merge);
	return result;
}

int index_checkpoint_frozen(struct index *index)
{
	struct index_view *view = index_current_view(index);
	int64_t start_ns = clock_boot_ns();
	uint64_t last_lsn;
	size_t count;
	size_t first;
	size_t bytes;
	int result;

	assert(view->count > 1);
	first = choose_first(index, view, &bytes);
	last_lsn = view->tables[first].last_lsn;
	count = view->count - first;
	result = apply_tables(index, view, first);
	index_view_put(view);
	if (result)
		return result;
	lock_acquire(&index->lock);
	if (last_lsn > index->content_lsn)
		index->content_lsn = last_lsn;
	learn_speed_locked(index, bytes, clock_boot_ns() - start_ns);
	drop_applied_locked(index, last_lsn, count, bytes);
	lock_release(&index->lock);
	CRASH_POINT(index_dropped);
	journal_recycle(index->journal, last_lsn);
	return 0;
}

/* After a failure: waits to try again, or gives up. */
static void handle_failure_locked(struct index *index, int result, bool *warned)
{
	int64_t retry = clock_boot_ns() + RETRY_NS;

	lock_assert_held(&index->lock);
	if (result != -ERR_cache_full || index->closing || journal_health(index->journal)) {
		index_fail_locked(index, result);
		return;
	}
	if (!*warned)
		log_warn("checkpoint: %s; trying again each second", err_message(result));
	*warned = true;
	while (!index->stopping && !index->closing &&
	       condition_wait_until(&index->changed, &index->lock, retry))
		continue;
}

static void *checkpointer(void *arg)
{
	struct index *index = arg;
	bool warned = false;
	int result;

	lock_acquire(&index->lock);
	while (!index->stopping) {
		if (index->view->count == 1 || index->failure) {
			condition_wait(&index->changed, &index->lock);
			continue;
		}
		lock_release(&index->lock);
		result = index_checkpoint_frozen(index);
		lock_acquire(&index->lock);
		if (result)
			handle_failure_locked(index, result, &warned);
		else
			warned = false;
	}
	lock_release(&index->lock);
	return NULL;
}

void index_checkpointer_start(struct index *index)
{
	int result = pthread_create(&index->thread, NULL, checkpointer, index);

	assert(!result);
	(void)result;
	index->thread_started = true;
}

void index_checkpointer_stop(struct index *index)
{
	if (!index->thread_started)
		return;
	lock_acquire(&index->lock);
	index->stopping = true;
	condition_broadcast(&index->changed);
	lock_release(&index->lock);
	pthread_join(index->thread, NULL);
	index->thread_started = false;
}

/* Waits until everything up to lsn is in LMDB. */
static int wait_applied_locked(struct index *index, uint64_t lsn)
{
	int result = 0;

	lock_assert_held(&index->lock);
	while (!result && index->applied_lsn < lsn) {
		result = index_check_failure_locked(index);
		if (!result)
			condition_wait(&index->changed, &index->lock);
	}
	return result;
}

int index_checkpoint(struct index *index)
{
	uint64_t lsn;
	int result;

	if (!index->thread_started)
		return err_set(-ERR_read_only, "the index in %s is open for inspection only",
			       index->index_directory);
	lock_acquire(&index->lock);
	index_freeze_locked(index);
	lsn = index->view->count > 1 ? index->view->tables[1].last_lsn : index->applied_lsn;
	result = wait_applied_locked(index, lsn);
	lock_release(&index->lock);
	return result;
}
