/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index.h"

#include <assert.h>
#include <stdio.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/index_apply.h"
#include "cache/index_checkpoint.h"
#include "cache/index_int.h"
#include "cache/index_pace.h"

/* Sleeping for less costs more than it is worth: it adds up to this first. */
#define PACE_SLEEP_MIN_NS 200000
/* Rows in one batch of index_mark_clean(). */
#define MARK_CLEAN_BATCH 256

int index_fail_locked(struct index *index, int code)
{
	lock_assert_held(&index->lock);
	if (!index->failure) {
		snprintf(index->failure_text, sizeof(index->failure_text), "%s", err_message(code));
		index->failure = code;
		log_error("index: %s", index->failure_text);
	}
	condition_broadcast(&index->changed);
	return err_set(index->failure, "%s", index->failure_text);
}

int index_check_failure_locked(struct index *index)
{
	lock_assert_held(&index->lock);
	if (index->failure)
		return err_set(index->failure, "%s", index->failure_text);
	return index->journal ? journal_health(index->journal) : 0;
}

struct index_view *index_current_view(struct index *index)
{
	struct index_view *view;

	lock_acquire(&index->view_lock);
	view = index_view_get(index->view);
	lock_release(&index->view_lock);
	return view;
}

void index_swap_view_locked(struct index *index, struct index_view *view)
{
	struct index_view *before = index->view;

	lock_assert_held(&index->lock);
	lock_acquire(&index->view_lock);
	index->view = view;
	lock_release(&index->view_lock);
	index_view_put(before);
}

/* Committing. */

static size_t memory_used_locked(struct index *index)
{
	lock_assert_held(&index->lock);
	return index->frozen_bytes + memtable_bytes(index->view->tables[0].memtable);
}

/* The bound that the delay in index_written() keeps commits away from. */
static int wait_for_room_locked(struct index *index)
{
	int result = 0;

	lock_assert_held(&index->lock);
	while (!result && index->view->count > 1 && memory_used_locked(index) >= index->bytes_max) {
		result = index_check_failure_locked(index);
		if (!result)
			condition_wait(&index->changed, &index->lock);
	}
	return result;
}

static void charge_locked(struct index *index, size_t bytes)
{
	int64_t cost = index_pace_ns(memory_used_locked(index), index->bytes_max, bytes,
				     index->checkpoint_ns_per_byte);
	int64_t until;
	int64_t now;

	if (!cost)
		return;
	now = clock_boot_ns();
	until = atomic_load_explicit(&index->paced_until_ns, memory_order_relaxed);
	atomic_store_explicit(&index->paced_until_ns, (until > now ? until : now) + cost,
			      memory_order_relaxed);
}

static int refuse_locked(struct index *index)
{
	int result = index_check_failure_locked(index);
	char cause[600];

	if (index->conf.read_only)
		return err_set(-ERR_read_only, "the index in %s is open for inspection only",
			       index->index_directory);
	assert(index->journal);
	if (!result)
		return 0;
	snprintf(cause, sizeof(cause), "%s", err_message(result));
	return err_set(-ERR_read_only,
		       "the volume is read-only since its local journal or index failed (%s); "
		       "unmount, mend the cause and mount again",
		       cause);
}

static int commit_locked(struct index *index, struct batch *batch, uint64_t *lsn_out)
{
	struct journal_record record = {
		.kind = batch->kind,
		.lsn = index->lsn + 1,
		.ino = batch->ino,
		.content_lsn = index->content_lsn,
		.body = batch->body.data,
		.body_length = batch->body.length,
	};
	struct memtable *active = index->view->tables[0].memtable;
	size_t bytes_before = memtable_bytes(active);
	int result;

	lock_assert_held(&index->lock);
	if (!batch->time_ns)
		batch->time_ns = clock_real_ns();
	record.time_ns = batch->time_ns;
	result = journal_append(index->journal, &record);
	if (result)
		return result;
	index->lsn = record.lsn;
	*lsn_out = record.lsn;
	result = index_apply_locked(index, &record);
	CRASH_POINT(index_applied);
	if (result)
		return index_fail_locked(index, result);
	charge_locked(index, memtable_bytes(active) - bytes_before);
	if (memtable_bytes(active) >= index->conf.memtable_bytes)
		index_freeze_locked(index);
	return 0;
}

int index_commit_begin(struct index *index, struct batch *batch, uint64_t *lsn_out)
{
	int result;

	lock_acquire(&index->lock);
	*lsn_out = index->lsn;
	if (batch_is_empty(batch)) {
		lock_release(&index->lock);
		return 0;
	}
	result = refuse_locked(index);
	if (!result)
		result = wait_for_room_locked(index);
	if (!result)
		result = commit_locked(index, batch, lsn_out);
	lock_release(&index->lock);
	return result;
}

static void pace(struct index *index)
{
	int64_t until = atomic_load_explicit(&index->paced_until_ns, memory_order_relaxed);
	struct timespec delay;
	int64_t left;

	if (!until)
		return;
	left = until - clock_boot_ns();
	if (left < PACE_SLEEP_MIN_NS)
		return;
	delay = clock_to_timespec(left < INDEX_PACE_MAX_NS ? left : INDEX_PACE_MAX_NS);
	nanosleep(&delay, NULL);
}

int index_written(struct index *index, uint64_t lsn)
{
	int result;

	if (!index->journal)
		return 0;
	result = journal_write(index->journal, lsn);
	if (!result)
		pace(index);
	return result;
}

int index_commit(struct index *index, struct batch *batch, uint64_t *lsn_out)
{
	uint64_t lsn;
	int result = index_commit_begin(index, batch, &lsn);

	if (lsn_out)
		*lsn_out = lsn;
	return result ? result : index_written(index, lsn);
}

int index_flush(struct index *index, uint64_t lsn)
{
	return index->journal ? journal_flush(index->journal, lsn) : 0;
}

/*
 * A record that says so, unless one does or nothing was committed since. It
 * is made durable by the same flush as the records before it.
 */
static int note_content_locked(struct index *index, uint64_t lsn)
{
	struct batch batch;
	int result = 0;

	lock_assert_held(&index->lock);
	if (lsn <= index->content_lsn)
		return 0;
	index->content_lsn = lsn;
	batch_init(&batch, BATCH_SYNC, 0);
	result = refuse_locked(index);
	if (!result)
		result = commit_locked(index, &batch, &lsn);
	/* Nothing but this record: the next call must not add another. */
	if (!result && lsn == index->content_lsn + 1)
		index->content_lsn = lsn;
	batch_release(&batch);
	return result;
}

int index_flush_all(struct index *index)
{
	const struct index_hooks *hooks = &index->conf.hooks;
	uint64_t lsn = index_lsn(index);
	int result = 0;

	if (!index->journal)
		return 0;
	if (hooks->segments_flush)
		result = hooks->segments_flush(hooks->arg);
	if (result)
		return result;
	CRASH_POINT(segment_flushed);
	lock_acquire(&index->lock);
	result = note_content_locked(index, lsn);
	lsn = index->lsn;
	lock_release(&index->lock);
	return result ? result : index_flush(index, lsn);
}

uint64_t index_lsn(struct index *index)
{
	uint64_t lsn;

	lock_acquire(&index->lock);
	lsn = index->lsn;
	lock_release(&index->lock);
	return lsn;
}

int index_health(struct index *index)
{
	int result;

	lock_acquire(&index->lock);
	result = index_check_failure_locked(index);
	lock_release(&index->lock);
	return result;
}

/* Numbers. */

uint64_t index_new_ino(struct index *index)
{
	return atomic_fetch_add_explicit(&index->next_ino, 1, memory_order_relaxed);
}

uint64_t index_new_chunks(struct index *index, uint32_t count)
{
	return atomic_fetch_add_explicit(&index->next_chunk, count, memory_order_relaxed);
}

void index_counters_get(struct index *index, struct index_counters *out)
{
	lock_acquire(&index->lock);
	out->next_ino = atomic_load(&index->next_ino);
	out->next_chunk = atomic_load(&index->next_chunk);
	out->inodes = index->inodes;
	out->dirty_files = index->dirty_files;
	out->mapped = index->mapped;
	lock_release(&index->lock);
}

int index_counters_raise(struct index *index, uint64_t next_ino, uint64_t next_chunk)
{
	struct batch batch;
	int result;

	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_u64(&batch, META_NEXT_INO, next_ino);
	batch_put_u64(&batch, META_NEXT_CHUNK, next_chunk);
	result = index_commit(index, &batch, NULL);
	batch_release(&batch);
	return result;
}

/* Marking clean. */

/* A content that goes on changing is as old as the first change behind the cut,
 * which is not known: at most as old as the cut. */
static void renew(struct batch *batch, const struct row_key *dirty_key, struct dirty_row *row,
		  uint64_t cut_lsn, int64_t cut_real_ns)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;

	if (key_table(dirty_key->bytes + 1, dirty_key->length - 1) != TABLE_CONTENT ||
	    row->since_ns >= cut_real_ns)
		return;
	row->since_ns = cut_real_ns;
	if (row->barrier_lsn <= cut_lsn)
		row->flags = 0;
	row_put_dirty(&value, row);
	batch_put(batch, dirty_key, &value, ROW_LOCAL);
}

static int mark_clean_locked(struct index *index, const struct row_key *keys, size_t count,
			     uint64_t cut_lsn, int64_t cut_real_ns, struct batch *batch,
			     uint64_t *lsn_out)
{
	struct row_key dirty_key;
	struct dirty_row row;
	size_t i;
	int result;

	lock_assert_held(&index->lock);
	result = refuse_locked(index);
	for (i = 0; i < count && !result; i++) {
		key_dirty(&dirty_key, keys[i].bytes, keys[i].length);
		result = index_dirty_find_locked(index, &dirty_key, &row);
		if (!result && row.lsn <= cut_lsn)
			batch_delete(batch, &dirty_key, ROW_LOCAL);
		else if (!result)
			renew(batch, &dirty_key, &row, cut_lsn, cut_real_ns);
		else if (result == -ENOENT)
			result = 0;
	}
	if (!result)
		result = wait_for_room_locked(index);
	if (!result && !batch_is_empty(batch))
		result = commit_locked(index, batch, lsn_out);
	return result;
}

int index_mark_clean(struct index *index, const struct row_key *keys, size_t count,
		     uint64_t cut_lsn, int64_t cut_real_ns)
{
	struct batch batch;
	uint64_t lsn = 0;
	size_t done;
	int result = 0;

	batch_init(&batch, BATCH_ROWS, 0);
	for (done = 0; done < count && !result; done += MARK_CLEAN_BATCH) {
		size_t part = count - done < MARK_CLEAN_BATCH ? count - done : MARK_CLEAN_BATCH;

		batch_reset(&batch, BATCH_ROWS, 0);
		lock_acquire(&index->lock);
		result = mark_clean_locked(index, keys + done, part, cut_lsn, cut_real_ns, &batch,
					   &lsn);
		lock_release(&index->lock);
		if (!result)
			result = index_written(index, lsn);
	}
	batch_release(&batch);
	return result;
}

void index_stats_get(struct index *index, struct index_stats *out)
{
	struct journal_stats journal = { 0 };

	if (index->journal)
		journal_stats_get(index->journal, &journal);
	lock_acquire(&index->lock);
	*out = index->totals;
	out->lsn = index->lsn;
	out->lsn_applied = index->applied_lsn;
	out->memtable_bytes = memory_used_locked(index);
	lock_release(&index->lock);
	out->lsn_durable = journal.durable_lsn;
	out->journal_bytes = journal.bytes;
	out->flushes_total = journal.flushes_total;
	out->lmdb_bytes = index_lmdb_bytes(index->lmdb);
}
