/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on the content of files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "cache/attr.h"
#include "cache/cache_int.h"
#include "cache/clean_segment.h"
#include "cache/io.h"
#include "cache/rewrite.h"
#include "cache/state.h"
#include "tests/lib/noise.h"
#include "tests/model/operations.h"
#include "tests/model/pick.h"

void op_write(struct run *run)
{
	struct tree_file *file = pick(run, pick_regular);
	CLEANUP_FREE uint8_t *bytes = NULL;
	uint64_t offset;
	uint64_t length;

	if (!file)
		return;
	offset = pick_offset(run, file);
	length = pick_length(run);
	if (!pick_clip(offset, &length))
		return;
	bytes = xmalloc(length);
	noise_fill(run->operation, bytes, length);
	run_trace(run, "write %llu at %llu length %llu", (unsigned long long)file->ino,
		  (unsigned long long)offset, (unsigned long long)length);
	run_expect(run, io_write(run->cache, file->ino, offset, bytes, length),
		   tree_write(file, offset, bytes, length));
}

void op_truncate(struct run *run)
{
	struct tree_file *file = pick(run, run_random(run, 10) ? pick_regular : pick_any);
	struct attributes in = { 0 };

	if (!file)
		return;
	if (run_random(run, 3))
		in.size = pick_offset(run, file);
	run_trace(run, "truncate %llu to %llu", (unsigned long long)file->ino,
		  (unsigned long long)in.size);
	run_expect(run, attr_set(run->cache, file->ino, ATTR_SIZE, &in, NULL),
		   tree_truncate(file, in.size));
}

void op_fallocate(struct run *run)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_ZERO_RANGE,
				     FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE };
	int mode = modes[run_random(run, 5)];
	struct tree_file *file = pick(run, pick_regular);
	uint64_t offset;
	uint64_t length;

	if (!file)
		return;
	offset = pick_offset(run, file);
	length = pick_length(run);
	if (!pick_clip(offset, &length))
		return;
	run_trace(run, "fallocate %llu mode %x at %llu length %llu", (unsigned long long)file->ino,
		  (unsigned int)mode, (unsigned long long)offset, (unsigned long long)length);
	run->mixed_ino = file->ino;
	run_expect(run, io_fallocate(run->cache, file->ino, mode, offset, length), 0);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		tree_zero(file, offset, length, !(mode & FALLOC_FL_KEEP_SIZE));
	else if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + length > file->size)
		tree_zero(file, file->size, offset + length - file->size, true);
	file->touched |= TOUCH_CHECK;
}

void op_copy(struct run *run)
{
	struct tree_file *from = pick(run, pick_regular);
	struct tree_file *to = pick(run, pick_regular);
	uint64_t from_offset;
	uint64_t to_offset;
	uint64_t length;
	uint64_t copied = 0;
	int64_t want;
	int got;

	if (!from)
		return;
	from_offset = pick_offset(run, from);
	to_offset = pick_offset(run, to);
	length = pick_length(run);
	if (!pick_clip(to_offset, &length))
		return;
	run_trace(run, "copy %llu at %llu to %llu at %llu length %llu",
		  (unsigned long long)from->ino, (unsigned long long)from_offset,
		  (unsigned long long)to->ino, (unsigned long long)to_offset,
		  (unsigned long long)length);
	run->mixed_ino = to->ino;
	got = io_copy_range(run->cache, from->ino, from_offset, to->ino, to_offset, length,
			    &copied);
	want = tree_copy(from, from_offset, to, to_offset, length);
	if (run->history)
		history_blur(run->history, to->ino);
	run_expect(run, got, want < 0 ? (int)want : 0);
	/* It ended early: what was copied counts. */
	if (run_may_fail(run) && want >= 0 && copied != (uint64_t)want)
		run->unsure = true;
	if (!run->unsure && want >= 0 && copied != (uint64_t)want)
		run_fail(run, "copied %llu bytes, not %lld", (unsigned long long)copied,
			 (long long)want);
	to->touched |= TOUCH_CHECK;
}

void op_read(struct run *run)
{
	struct tree_file *file = pick(run, pick_regular);
	CLEANUP_FREE uint8_t *bytes = NULL;
	uint64_t offset;
	size_t length;
	size_t want;
	size_t got = 0;

	if (!file)
		return;
	offset = pick_offset(run, file);
	length = pick_length(run);
	bytes = xmalloc(length);
	run_trace(run, "read %llu at %llu length %zu", (unsigned long long)file->ino,
		  (unsigned long long)offset, length);
	run_expect(run, io_read(run->cache, file->ino, NULL, offset, length, 0, bytes, &got), 0);
	if (run->unsure)
		return;
	want = offset < file->size ? file->size - offset : 0;
	want = want < length ? want : length;
	if (got != want)
		run_fail(run, "read %zu bytes, not %zu", got, want);
	if (want && memcmp(bytes, file->data + offset, want))
		run_fail(run, "read wrong bytes");
}

void op_sync(struct run *run)
{
	struct tree_file *file = pick(run, pick_regular);
	bool lost;

	if (!file)
		return;
	run_trace(run, "fsync or flush %llu", (unsigned long long)file->ino);
	if (run_random(run, 2)) {
		run_expect(run, io_flush(run->cache, file->ino), 0);
		return;
	}
	lost = run->troubles && model_disk_lost_a_sync();
	run_expect(run, io_fsync(run->cache, file->ino), 0);
	if (lost && !run->unsure)
		run_fail(run, "an fsync succeeded after a sync had failed");
	if (run->history && !run->unsure)
		run_durable(run, file->ino);
}

/* As fsync of a directory: everything so far. */
void op_sync_all(struct run *run)
{
	const struct tree_file *file;

	run_trace(run, "sync");
	run_expect(run, cache_sync(run->cache), 0);
	if (!run->history || run->unsure)
		return;
	/* A barrier on this machine, none for commits. */
	for (file = run->tree.files; file && !run->cloud; file = file->next)
		if (S_ISREG(file->mode))
			run_durable(run, file->ino);
	run->durable_operation = run->operation;
}

void op_evict(struct run *run)
{
	struct tree_file *file = pick(run, pick_regular);
	uint64_t bytes;

	if (!file)
		return;
	run_trace(run, "evict %llu", (unsigned long long)file->ino);
	run_expect(run, evict_file(run->cache, file->ino, &bytes), 0);
}

/* The first part of a file is stored once more; nobody sees a difference. */
void op_rewrite(struct run *run)
{
	struct tree_file *file = pick(run, pick_regular);
	struct rewrite_range range = { .until = 1 + run_random(run, 1u << 20) };
	struct upload_pool *pool;
	uint64_t bytes = 0;

	if (!file)
		return;
	range.ino = file->ino;
	run_trace(run, "rewrite %llu up to %llu", (unsigned long long)range.ino,
		  (unsigned long long)range.until);
	pool = upload_pool_start(run->cache, 1);
	run_expect(run, rewrite_ranges(run->cache, pool, &range, 1, &bytes), 0);
	upload_pool_stop(pool);
}

void op_warm(struct run *run)
{
	struct tree_file *file = pick(run, pick_regular);
	uint64_t bytes;

	if (!file)
		return;
	run_trace(run, "warm %llu", (unsigned long long)file->ino);
	run_expect(run, warm_file(run->cache, file->ino, &bytes), 0);
}

/* Some segments lose what is in the cloud, of others all is moved. */
void op_clean(struct run *run)
{
	CLEANUP_FREE struct segment_info *list = NULL;
	size_t count = segments_list(run->cache->segments, &list);
	struct clean_stats stats = { 0 };
	size_t i;
	int result = 0;

	run_trace(run, "clean");
	for (i = 0; i < count && !result; i++)
		if (list[i].class == SEGMENT_CLASS_WRITTEN && !list[i].open)
			result = clean_segment(run->cache, list[i].number, run_random(run, 2),
					       &stats);
	run_expect(run, result, 0);
}
