/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay, with a segment store that is a table: which segments' bytes are
 * good, and how many bytes of each rows point to. One extent a segment.
 */
#include "tests/lib/index_box.h"
#include "tests/lib/unit.h"

#define SEGMENTS 32

struct fake {
	/* The disk. */
	bool bad[SEGMENTS];
	/* Memory of one session: what the rows say. */
	int64_t live[SEGMENTS];
	unsigned int verified;
	unsigned int redone;
	unsigned int flushes;
	int verify_error;
};

static struct fake fake;

static void fake_use(void *arg, uint64_t segment, int64_t live, int64_t dirty)
{
	ck_assert_ptr_eq(arg, &fake);
	ck_assert_int_eq(live, dirty);
	fake.live[segment] += live;
}

static void fake_rows(void *arg, struct batch *batch)
{
	struct buffer value = BUFFER_INIT;
	struct row_key key;
	uint64_t i;

	ck_assert_ptr_eq(arg, &fake);
	for (i = 1; i < SEGMENTS; i++) {
		struct segment_row row = { .class = SEGMENT_CLASS_WRITTEN,
					   .live = (uint64_t)fake.live[i],
					   .dirty = (uint64_t)fake.live[i] };

		if (!fake.live[i])
			continue;
		key_segment(&key, i);
		buffer_clear(&value);
		row_put_segment(&value, &row);
		batch_put(batch, &key, &value, ROW_LOCAL);
	}
	buffer_release(&value);
}

static int fake_flush(void *arg)
{
	ck_assert_ptr_eq(arg, &fake);
	fake.flushes++;
	return 0;
}

static int fake_verify(void *arg, uint64_t ino, uint64_t end, const struct extent_row *row)
{
	ck_assert_ptr_eq(arg, &fake);
	ck_assert_uint_gt(ino, 0);
	ck_assert_uint_ge(end, row->length);
	fake.verified++;
	if (fake.verify_error)
		return err_set(fake.verify_error, "the disk does not answer");
	return fake.bad[row->segment] ? err_set(-ERR_segment_corrupt, "bad") : 0;
}

static int fake_redo(void *arg, uint64_t segment, uint32_t offset, const void *bytes,
		     uint32_t length)
{
	ck_assert_ptr_eq(arg, &fake);
	ck_assert_uint_eq(offset, 4096);
	ck_assert_uint_eq(length, 4);
	ck_assert_mem_eq(bytes, "redo", 4);
	fake.bad[segment] = false;
	fake.redone++;
	return 0;
}

static void load_segments(struct index *index)
{
	struct buffer value = BUFFER_INIT;
	struct segment_row row;
	struct row_key key;
	uint64_t i;

	memset(fake.live, 0, sizeof(fake.live));
	for (i = 1; i < SEGMENTS; i++) {
		key_segment(&key, i);
		buffer_clear(&value);
		if (index_get(index, &key, &value))
			continue;
		ck_assert_int_eq(row_get_segment(value.data, value.length, &row), 0);
		fake.live[i] = (int64_t)row.live;
	}
	buffer_release(&value);
}

static void start(struct index_box *box)
{
	memset(&fake, 0, sizeof(fake));
	index_box_init(box);
	box->conf.hooks = (struct index_hooks){ .arg = &fake,
						.segment_use = fake_use,
						.segment_rows = fake_rows,
						.segments_flush = fake_flush,
						.segment_verify = fake_verify,
						.segment_redo = fake_redo };
	index_box_open(box);
}

static int try_open(struct index_box *box)
{
	int result;

	fake.verified = 0;
	fake.redone = 0;
	ck_assert_int_eq(index_open(&box->conf, &box->index), 0);
	load_segments(box->index);
	result = index_open_replay(box->index);
	if (result)
		index_box_kill(box);
	return result;
}

static void reopen(struct index_box *box)
{
	ck_assert_int_eq(try_open(box), 0);
}

/* A write of 100 bytes more to the file: an extent in this segment. */
static void add_write(struct batch *batch, uint64_t ino, uint64_t size, uint64_t segment)
{
	struct extent_row extent = { .length = 100, .segment = segment, .record = 64 };
	struct content_row content = { .size = size, .generation = 1, .mapped = size };
	struct buffer value = BUFFER_INIT;
	struct row_key key;

	row_put_extent(&value, &extent);
	key_extent(&key, ino, 1, size);
	batch_put(batch, &key, &value, ROW_CLOUD);
	batch_put_content(batch, ino, &content, 0);
	batch_segment_use(batch, segment, 100, 100);
	buffer_release(&value);
}

static void commit(struct index_box *box, struct batch *batch)
{
	ck_assert_int_eq(index_commit(box->index, batch, NULL), 0);
	batch_release(batch);
}

static void write_file(struct index_box *box, uint64_t ino, uint64_t size, uint64_t segment)
{
	struct batch batch;

	batch_init(&batch, BATCH_CONTENT, ino);
	add_write(&batch, ino, size, segment);
	commit(box, &batch);
}

static void sync_file(struct index_box *box, uint64_t ino, uint64_t redo_segment)
{
	struct batch batch;

	batch_init(&batch, BATCH_SYNC, ino);
	if (redo_segment)
		batch_redo(&batch, redo_segment, 4096, "redo", 4);
	commit(box, &batch);
}

/* UINT64_MAX when the file has no content. */
static uint64_t size_of(struct index_box *box, uint64_t ino)
{
	struct buffer value = BUFFER_INIT;
	struct content_row row = { .size = UINT64_MAX };
	struct row_key key;

	key_content(&key, ino);
	if (!index_get(box->index, &key, &value))
		ck_assert_int_eq(row_get_content(value.data, value.length, &row), 0);
	buffer_release(&value);
	return row.size;
}

static bool has_extent(struct index_box *box, uint64_t ino, uint64_t end)
{
	struct buffer value = BUFFER_INIT;
	struct row_key key;
	bool found;

	key_extent(&key, ino, 1, end);
	found = !index_get(box->index, &key, &value);
	buffer_release(&value);
	return found;
}

static uint64_t dropped(struct index_box *box)
{
	struct index_stats stats;

	index_stats_get(box->index, &stats);
	return stats.dropped_records;
}

START_TEST(after_a_kill_nothing_is_looked_at)
{
	struct index_box box;

	start(&box);
	write_file(&box, 5, 100, 1);
	sync_file(&box, 5, 1);
	fake.bad[1] = true;
	index_box_kill(&box);
	reopen(&box);
	ck_assert_uint_eq(fake.verified, 0);
	ck_assert_uint_eq(fake.redone, 0);
	ck_assert_uint_eq(size_of(&box, 5), 100);
	ck_assert_int_eq(fake.live[1], 100);
	index_box_release(&box);
}
END_TEST

/* The file is as it was before its first lost write; others are whole. */
START_TEST(after_a_power_cut_a_file_ends_before_its_first_lost_write)
{
	struct index_box box;

	start(&box);
	write_file(&box, 5, 100, 1);
	write_file(&box, 6, 100, 2);
	write_file(&box, 5, 200, 3);
	index_box_put_inode(&box, 5, 1);
	write_file(&box, 6, 200, 4);
	write_file(&box, 5, 300, 5);
	fake.bad[3] = true;
	index_box_power_cut(&box);
	reopen(&box);
	ck_assert_uint_eq(size_of(&box, 5), 100);
	ck_assert(has_extent(&box, 5, 100));
	ck_assert(!has_extent(&box, 5, 200));
	ck_assert(!has_extent(&box, 5, 300));
	ck_assert_uint_eq(size_of(&box, 6), 200);
	ck_assert_int_eq(index_box_get_inode(&box, 5), 0);
	ck_assert_uint_eq(dropped(&box), 2);
	/* What was dropped uses no segment, and nothing of it is dirty. */
	ck_assert_int_eq(fake.live[1], 100);
	ck_assert_int_eq(fake.live[3], 0);
	ck_assert_int_eq(fake.live[5], 0);
	ck_assert_int_eq(fake.live[4], 100);
	index_box_release(&box);
}
END_TEST

/* Bytes before a SYNC were durable: if they are bad now, the disk is, and
 * reading them says so. Dropping them would tear the file. */
START_TEST(what_was_synced_is_never_dropped)
{
	struct index_box box;

	start(&box);
	write_file(&box, 5, 100, 1);
	write_file(&box, 5, 200, 2);
	sync_file(&box, 5, 0);
	write_file(&box, 5, 300, 3);
	write_file(&box, 5, 400, 4);
	fake.bad[1] = true;
	fake.bad[4] = true;
	index_box_power_cut(&box);
	reopen(&box);
	ck_assert_uint_eq(size_of(&box, 5), 300);
	ck_assert(has_extent(&box, 5, 100));
	ck_assert_uint_eq(dropped(&box), 1);
	index_box_release(&box);
}
END_TEST

START_TEST(redo_makes_a_small_fsync_whole_again)
{
	struct index_box box;

	start(&box);
	write_file(&box, 5, 100, 1);
	sync_file(&box, 5, 1);
	fake.bad[1] = true;
	index_box_power_cut(&box);
	reopen(&box);
	ck_assert_uint_eq(fake.redone, 1);
	ck_assert(!fake.bad[1]);
	ck_assert_uint_eq(size_of(&box, 5), 100);
	ck_assert_uint_eq(dropped(&box), 0);
	index_box_release(&box);
}
END_TEST

/* index_flush_all() leaves a mark, so that content before it is trusted even
 * when its segment was superseded, flushed, and unlinked since. */
START_TEST(content_that_was_flushed_is_not_looked_at)
{
	struct index_box box;

	start(&box);
	write_file(&box, 5, 100, 1);
	ck_assert_int_eq(index_flush_all(box.index), 0);
	ck_assert_uint_ge(fake.flushes, 1);
	fake.bad[1] = true;
	index_box_power_cut(&box);
	reopen(&box);
	ck_assert_uint_eq(fake.verified, 0);
	ck_assert_uint_eq(size_of(&box, 5), 100);
	write_file(&box, 5, 200, 2);
	ck_assert_int_eq(index_flush_all(box.index), 0);
	write_file(&box, 5, 300, 3);
	fake.bad[2] = true;
	fake.bad[3] = true;
	index_box_power_cut(&box);
	reopen(&box);
	ck_assert_uint_eq(fake.verified, 1);
	ck_assert_uint_eq(size_of(&box, 5), 200);
	index_box_release(&box);
}
END_TEST

START_TEST(a_flush_of_nothing_new_adds_no_record)
{
	struct index_box box;
	uint64_t lsn;

	start(&box);
	write_file(&box, 5, 100, 1);
	ck_assert_int_eq(index_flush_all(box.index), 0);
	lsn = index_lsn(box.index);
	ck_assert_int_eq(index_flush_all(box.index), 0);
	ck_assert_int_eq(index_flush_all(box.index), 0);
	ck_assert_uint_eq(index_lsn(box.index), lsn);
	index_box_release(&box);
}
END_TEST

/* The segments may be given up once the gateway serves again: a second look
 * at the same records would drop what came after them. */
START_TEST(what_recovery_decided_is_durable_when_it_returns)
{
	struct index_stats stats;
	struct index_box box;

	start(&box);
	write_file(&box, 5, 100, 1);
	write_file(&box, 5, 200, 2);
	write_file(&box, 6, 100, 3);
	fake.bad[2] = true;
	index_box_power_cut(&box);
	reopen(&box);
	index_stats_get(box.index, &stats);
	ck_assert_uint_eq(stats.lsn_applied, stats.lsn);
	write_file(&box, 5, 200, 4);
	fake.bad[1] = true;
	fake.bad[3] = true;
	index_box_kill(&box);
	reopen(&box);
	ck_assert_uint_eq(size_of(&box, 5), 200);
	ck_assert_uint_eq(size_of(&box, 6), 100);
	index_box_power_cut(&box);
	reopen(&box);
	ck_assert_uint_eq(size_of(&box, 5), 200);
	ck_assert_uint_eq(size_of(&box, 6), 100);
	index_box_release(&box);
}
END_TEST

START_TEST(replaying_twice_is_replaying_once)
{
	struct index_counters before;
	struct index_counters after;
	struct index_box box;
	unsigned int i;

	start(&box);
	for (i = 1; i < 20; i++)
		write_file(&box, 4 + i % 3, i * 100, i);
	index_counters_get(box.index, &before);
	for (i = 0; i < 3; i++) {
		index_box_kill(&box);
		reopen(&box);
		index_counters_get(box.index, &after);
		ck_assert_uint_eq(after.dirty_files, 3);
		ck_assert_uint_eq(after.dirty_files, before.dirty_files);
		ck_assert_int_eq(fake.live[7], 100);
	}
	ck_assert_int_eq(index_checkpoint(box.index), 0);
	index_box_kill(&box);
	reopen(&box);
	ck_assert_int_eq(fake.live[7], 100);
	ck_assert_uint_eq(size_of(&box, 4), 1800);
	index_box_release(&box);
}
END_TEST

START_TEST(a_disk_that_does_not_answer_ends_replay_without_a_verdict)
{
	struct index_box box;

	start(&box);
	write_file(&box, 5, 100, 1);
	index_box_power_cut(&box);
	fake.verify_error = -ERR_local_io;
	ck_assert_int_eq(try_open(&box), -ERR_local_io);
	ck_assert_str_eq(err_message(-ERR_local_io), "the disk does not answer");
	fake.verify_error = 0;
	reopen(&box);
	ck_assert_uint_eq(size_of(&box, 5), 100);
	index_box_release(&box);
}
END_TEST

static uint64_t progress_done;
static uint64_t progress_total;

static void note_progress(void *arg, uint64_t done, uint64_t total)
{
	ck_assert_ptr_eq(arg, &fake);
	ck_assert_uint_gt(done, progress_done);
	progress_done = done;
	progress_total = total;
}

START_TEST(progress_ends_with_all_records_done)
{
	struct index_box box;
	unsigned int i;

	start(&box);
	for (i = 0; i < 2500; i++)
		index_box_put_inode(&box, 2 + i, 1);
	index_box_kill(&box);
	box.conf.progress = note_progress;
	box.conf.progress_arg = &fake;
	reopen(&box);
	ck_assert_uint_eq(progress_done, 2500);
	ck_assert_uint_eq(progress_total, 2500);
	index_box_release(&box);
}
END_TEST

UNIT_MAIN("cache/replay", after_a_kill_nothing_is_looked_at,
	  after_a_power_cut_a_file_ends_before_its_first_lost_write,
	  what_was_synced_is_never_dropped, redo_makes_a_small_fsync_whole_again,
	  content_that_was_flushed_is_not_looked_at, a_flush_of_nothing_new_adds_no_record,
	  what_recovery_decided_is_durable_when_it_returns, replaying_twice_is_replaying_once,
	  a_disk_that_does_not_answer_ends_replay_without_a_verdict,
	  progress_ends_with_all_records_done)
