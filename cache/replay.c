/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/replay.h"

#include <stdlib.h>

#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/index_apply.h"

#define PROGRESS_STEP 1000

/* From which LSN on an inode's content records are dropped. */
struct verdict {
	uint64_t ino;
	uint64_t lsn;
};

/* An open-addressing table by inode; empty slots have ino 0. */
struct verdicts {
	struct verdict *slots;
	size_t capacity; /* a power of two */
	size_t count;
};

static struct verdict *slot_of(const struct verdicts *verdicts, uint64_t ino)
{
	size_t i = (size_t)(ino * 0x9e3779b97f4a7c15u >> 20) & (verdicts->capacity - 1);

	while (verdicts->slots[i].ino && verdicts->slots[i].ino != ino)
		i = (i + 1) & (verdicts->capacity - 1);
	return &verdicts->slots[i];
}

/* UINT64_MAX: none of the inode's records is dropped. */
static uint64_t verdict_of(const struct verdicts *verdicts, uint64_t ino)
{
	const struct verdict *slot;

	if (!verdicts->count)
		return UINT64_MAX;
	slot = slot_of(verdicts, ino);
	return slot->ino ? slot->lsn : UINT64_MAX;
}

static void grow(struct verdicts *verdicts)
{
	struct verdicts old = *verdicts;
	size_t i;

	verdicts->capacity = old.capacity ? old.capacity * 2 : 64;
	verdicts->slots = xcalloc(verdicts->capacity, sizeof(*verdicts->slots));
	for (i = 0; i < old.capacity; i++)
		if (old.slots[i].ino)
			*slot_of(verdicts, old.slots[i].ino) = old.slots[i];
	free(old.slots);
}

static void set_verdict(struct verdicts *verdicts, uint64_t ino, uint64_t lsn)
{
	struct verdict *slot;

	if (2 * verdicts->count >= verdicts->capacity)
		grow(verdicts);
	slot = slot_of(verdicts, ino);
	verdicts->count += !slot->ino;
	slot->ino = ino;
	slot->lsn = lsn;
}

static int redo(const struct index *index, const struct journal_record *record)
{
	const struct index_hooks *hooks = &index->conf.hooks;
	struct batch_item item;
	struct reader reader;
	int result;

	reader_init(&reader, record->body, record->body_length);
	while ((result = batch_next(&reader, &item)) == 1) {
		if (item.op != BATCH_OP_REDO || index->conf.read_only || !hooks->segment_redo)
			continue;
		result = hooks->segment_redo(hooks->arg, item.segment, item.offset, item.value,
					     (uint32_t)item.value_length);
		/* A segment that is gone was given up after this record. */
		if (result && result != -ENOENT)
			return result;
	}
	return result;
}

/* 0: the bytes of all its extents are there. */
static int verify(const struct index *index, const struct journal_record *record)
{
	const struct index_hooks *hooks = &index->conf.hooks;
	struct extent_row row;
	struct batch_item item;
	struct reader reader;
	uint32_t generation;
	uint64_t ino;
	uint64_t end;
	int result;

	reader_init(&reader, record->body, record->body_length);
	while ((result = batch_next(&reader, &item)) == 1) {
		if (item.op != BATCH_OP_ROW_PUT || !hooks->segment_verify ||
		    !key_extent_parse(item.key, item.key_length, &ino, &generation, &end))
			continue;
		result = row_get_extent(item.value, item.value_length, &row);
		if (!result && row.segment)
			result = hooks->segment_verify(hooks->arg, ino, end, &row);
		if (result)
			return result;
	}
	return result;
}

static int judge_record(const struct index *index, const struct journal_scan *scan,
			const struct journal_record *record, struct verdicts *verdicts)
{
	int result = redo(index, record);

	if (result)
		return result;
	if (record->kind == BATCH_SYNC && verdict_of(verdicts, record->ino) != UINT64_MAX)
		set_verdict(verdicts, record->ino, UINT64_MAX);
	if (record->kind != BATCH_CONTENT || record->lsn <= scan->content_lsn ||
	    verdict_of(verdicts, record->ino) != UINT64_MAX)
		return 0;
	result = verify(index, record);
	if (result != -ERR_segment_corrupt)
		return result;
	set_verdict(verdicts, record->ino, record->lsn);
	return 0;
}

static int judge(const struct index *index, struct journal_scan *scan, struct verdicts *verdicts)
{
	struct journal_record record;
	int result;

	while ((result = journal_scan_next(scan, &record)) == 1) {
		result = judge_record(index, scan, &record, verdicts);
		if (result)
			return result;
	}
	journal_scan_rewind(scan);
	return result;
}

static void report_progress(const struct index *index, const struct journal_scan *scan,
			    uint64_t lsn)
{
	if (index->conf.progress && (lsn % PROGRESS_STEP == 0 || lsn == scan->last_lsn))
		index->conf.progress(index->conf.progress_arg, lsn - scan->applied_lsn,
				     scan->last_lsn - scan->applied_lsn);
}

static int apply_record(struct index *index, const struct journal_record *record,
			const struct verdicts *verdicts)
{
	int result = 0;

	lock_acquire(&index->lock);
	if (record->kind == BATCH_CONTENT && record->lsn >= verdict_of(verdicts, record->ino)) {
		index->totals.dropped_records++;
		result = index_apply_attributes_locked(index, record);
	} else {
		result = index_apply_locked(index, record);
	}
	index->lsn = record->lsn;
	index->totals.replayed_records++;
	lock_release(&index->lock);
	return result;
}

static int apply(struct index *index, struct journal_scan *scan, const struct verdicts *verdicts)
{
	struct journal_record record;
	int result;

	while ((result = journal_scan_next(scan, &record)) == 1) {
		result = apply_record(index, &record, verdicts);
		CRASH_POINT(replay_applied);
		if (result)
			return result;
		report_progress(index, scan, record.lsn);
	}
	return result;
}

int replay_run(struct index *index, struct journal_scan *scan)
{
	struct verdicts verdicts = { 0 };
	int result = 0;

	if (scan->power_cut)
		result = judge(index, scan, &verdicts);
	CRASH_POINT(replay_judged);
	if (!result)
		result = apply(index, scan, &verdicts);
	free(verdicts.slots);
	CRASH_POINT(replay_done);
	if (!result && index->totals.dropped_records)
		log_warn("a power cut took file data that was never flushed: %llu changes of file "
			 "content were dropped",
			 (unsigned long long)index->totals.dropped_records);
	return result;
}
