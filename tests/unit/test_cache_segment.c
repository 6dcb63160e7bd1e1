/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/segment.h"
#include "cache/segment_int.h"
#include "cache/segment_record.h"
#include "tests/lib/segment_table.h"

static bool file_exists(uint64_t number)
{
	char *path = path_of(number);
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

/* What the flusher does, once. */
static void reclaim(void)
{
	uint64_t mark = segments_doomed_mark(segments);

	ck_assert_int_eq(segments_flush(segments), 0);
	segments_unlink_doomed(segments, mark);
}

/* The descriptor of a segment becomes one of another file. */
static void replace_descriptor(uint64_t number, const char *path, int flags)
{
	struct segment *segment = segment_get_file(segments, number);
	int fd = open(path, flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(segment->fd, 0);
	ck_assert_int_eq(dup2(fd, segment->fd), segment->fd);
	close(fd);
	segment_put(segments, segment);
}

START_TEST(a_full_segment_is_sealed_and_goes_with_its_last_byte)
{
	struct segment_place first, second;
	struct segments_stats stats;

	begin(SMALL);
	first = append(7, 0, data, 40000);
	second = append(7, 40000, data, 40000);
	ck_assert_uint_eq(first.segment, 1);
	ck_assert_uint_gt(second.segment, 1);
	segments_use(segments, first.segment, -39999, -39999);
	reclaim();
	ck_assert_int_eq(read_some(&first, 7, 0, 0, 10), 0);
	segments_use(segments, first.segment, -1, -1);
	ck_assert_int_eq(read_some(&first, 7, 0, 0, 10), -ENOENT);
	ck_assert_int_eq(segment_pin(segments, first.segment), -ENOENT);
	ck_assert(segments_have_doomed(segments));
	/* Not before its death is durable. */
	ck_assert(file_exists(first.segment));
	reclaim();
	ck_assert(!file_exists(first.segment));
	ck_assert(!segments_have_doomed(segments));
	ck_assert_int_eq(read_some(&second, 7, 40000, 0, 10), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.live_bytes, 40000);
	ck_assert_uint_eq(stats.dirty_bytes, 40000);
	ck_assert_uint_eq(stats.written_bytes, segment_record_bytes(40000, 40000));
	end();
}
END_TEST

START_TEST(what_is_doomed_after_the_mark_waits_for_the_next_flush)
{
	struct segment_place place;
	uint64_t mark;

	begin(SMALL);
	place = append(7, 0, data, 40000);
	append(7, 40000, data, 40000);
	mark = segments_doomed_mark(segments);
	segments_use(segments, place.segment, -40000, 0);
	segments_unlink_doomed(segments, mark);
	ck_assert(file_exists(place.segment));
	reclaim();
	ck_assert(!file_exists(place.segment));
	end();
}
END_TEST

START_TEST(a_pin_keeps_a_segment_without_rows)
{
	struct segment_place place;

	begin(SMALL);
	place = append(7, 0, data, 40000);
	append(7, 40000, data, 40000);
	ck_assert_int_eq(segment_pin(segments, place.segment), 0);
	segments_use(segments, place.segment, -40000, 0);
	reclaim();
	ck_assert_int_eq(read_some(&place, 7, 0, 0, 40000), 0);
	ck_assert_mem_eq(got, data, 40000);
	segment_unpin(segments, place.segment);
	reclaim();
	ck_assert(!file_exists(place.segment));
	end();
}
END_TEST

START_TEST(an_append_is_not_doomed_before_its_row_is_there)
{
	struct segment_tag tag = tag_of(7, 0);
	struct segment_place place;

	begin(SMALL);
	ck_assert_int_eq(segments_append(segments, &tag, data, 40000, &place), 0);
	segments_seal(segments, SEGMENT_CLASS_WRITTEN);
	reclaim();
	segments_use(segments, place.segment, 40000, 40000);
	segment_unpin(segments, place.segment);
	reclaim();
	ck_assert_int_eq(read_some(&place, 7, 0, 0, 40000), 0);
	end();
}
END_TEST

START_TEST(the_classes_never_share_a_segment)
{
	struct segment_tag chunk = { .class = SEGMENT_CLASS_FETCHED, .number = 5 };
	struct segment_place written, fetched;

	begin(SMALL);
	written = append(7, 0, data, 100);
	ck_assert_int_eq(segments_append(segments, &chunk, data, 100, &fetched), 0);
	ck_assert_uint_ne(written.segment, fetched.segment);
	ck_assert_int_eq(
		segments_read(segments, fetched.segment, fetched.record, &chunk, 0, 100, got), 0);
	segment_unpin(segments, fetched.segment);
	end();
}
END_TEST

/* Keeps the rows that segments_put_rows() puts. */
static struct segment_row saved[64];

static void save_rows(void)
{
	struct batch_item item;
	struct batch batch;
	struct reader reader;

	batch_init(&batch, BATCH_ROWS, 0);
	segments_put_rows(segments, &batch);
	reader_init(&reader, batch.body.data, batch.body.length);
	while (batch_next(&reader, &item) == 1) {
		uint64_t number = key_number(item.key, item.key_length);

		ck_assert_uint_lt(number, 64);
		memset(&saved[number], 0, sizeof(saved[number]));
		if (item.op == BATCH_OP_ROW_PUT)
			ck_assert_int_eq(
				row_get_segment(item.value, item.value_length, &saved[number]), 0);
	}
	batch_release(&batch);
}

static void reopen(bool start)
{
	struct segments_conf conf = { .directory = directory, .segment_bytes = SMALL };
	uint64_t number;

	segments_close(segments);
	ck_assert_int_eq(segments_open(&conf, &segments), 0);
	for (number = 1; number < 64; number++)
		if (saved[number].live)
			segments_load(segments, number, &saved[number]);
	if (start)
		ck_assert_int_eq(segments_start(segments), 0);
}

START_TEST(a_restart_keeps_what_rows_point_to)
{
	struct segment_tag chunk = { .class = SEGMENT_CLASS_FETCHED, .number = 5 };
	struct segment_place dead, saved_one, replayed, fetched, next;
	struct segments_stats stats;

	begin(SMALL);
	dead = append(7, 0, data, 40000);
	saved_one = append(7, 40000, data, 40000);
	segments_use(segments, saved_one.segment, 0, -30000);
	save_rows();
	ck_assert_uint_eq(saved[saved_one.segment].live, 40000);
	ck_assert_uint_eq(saved[saved_one.segment].dirty, 10000);
	segments_use(segments, dead.segment, -40000, -40000);
	save_rows();
	ck_assert_uint_eq(saved[dead.segment].live, 0);
	/* Made after the last checkpoint: the journal tells their use. */
	replayed = append(7, 80000, data, 40000);
	ck_assert_int_eq(segments_append(segments, &chunk, data, 300, &fetched), 0);
	segment_unpin(segments, fetched.segment);
	reopen(false);
	segments_use(segments, replayed.segment, 40000, 40000);
	segments_use(segments, fetched.segment, 300, 0);
	ck_assert_int_eq(segments_start(segments), 0);
	reclaim();
	ck_assert(!file_exists(dead.segment));
	ck_assert_int_eq(read_some(&saved_one, 7, 40000, 0, 40000), 0);
	ck_assert_int_eq(read_some(&replayed, 7, 80000, 0, 40000), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.live_bytes, 80300);
	ck_assert_uint_eq(stats.dirty_bytes, 50000);
	ck_assert_uint_eq(stats.fetched_bytes, segment_record_bytes(0, 300));
	/* Nothing is appended to the files of the last run. */
	next = append(7, 0, data, 10);
	ck_assert_uint_gt(next.segment, replayed.segment);
	ck_assert_uint_gt(next.segment, fetched.segment);
	end();
}
END_TEST

START_TEST(numbers_are_never_used_again)
{
	uint64_t highest = 0;
	int round;

	begin(SMALL);
	for (round = 0; round < 5; round++) {
		struct segment_place place = append(7, 0, data, 40000);

		ck_assert_uint_gt(place.segment, highest);
		highest = place.segment;
		segments_use(segments, place.segment, -40000, -40000);
		save_rows();
		reopen(true);
		reclaim();
		reclaim();
	}
	end();
}
END_TEST

START_TEST(a_missing_file_was_reclaimed_for_replay_and_is_lost_for_readers)
{
	struct segment_place place, other;
	struct segment_tag tag = tag_of(7, 0);
	char *path;

	begin(SMALL);
	place = append(7, 0, data, 40000);
	other = append(7, 40000, data, 40000);
	save_rows();
	path = path_of(place.segment);
	unlink(path);
	free(path);
	reopen(false);
	ck_assert_int_eq(segments_verify(segments, place.segment, place.record, &tag, 0, 40000), 0);
	ck_assert_int_eq(segments_redo(segments, place.segment, 0, data, 100), 0);
	ck_assert(!file_exists(place.segment));
	ck_assert_int_eq(segments_start(segments), 0);
	ck_assert_int_eq(read_some(&place, 7, 0, 0, 10), -ENOENT);
	ck_assert_int_eq(segments_read_raw(segments, place.segment, 0, got, 10), -ENOENT);
	ck_assert_int_eq(segments_flush(segments), 0);
	segments_use(segments, place.segment, -40000, -40000);
	save_rows();
	ck_assert_uint_eq(saved[place.segment].live, 0);
	ck_assert_int_eq(read_some(&other, 7, 40000, 0, 40000), 0);
	end();
}
END_TEST

START_TEST(redo_restores_a_lost_record_and_leaves_a_good_one_alone)
{
	struct segment_place place;
	uint32_t bytes = segment_record_bytes(0, 5000);
	uint8_t raw[6000];
	struct stat before, after;
	char *path;

	begin(SMALL);
	place = append(7, 0, data, 5000);
	ck_assert_int_eq(segments_read_raw(segments, place.segment, place.record, raw, bytes), 0);
	ck_assert_int_eq(segments_read_raw(segments, place.segment, place.record, raw, bytes + 1),
			 -ERR_segment_corrupt);
	save_rows();
	path = path_of(place.segment);
	ck_assert_int_eq(truncate(path, 3000), 0);
	reopen(false);
	ck_assert_int_eq(segments_redo(segments, place.segment, place.record, raw, bytes), 0);
	ck_assert_int_eq(segments_start(segments), 0);
	ck_assert_int_eq(read_some(&place, 7, 0, 0, 5000), 0);
	ck_assert_mem_eq(got, data, 5000);
	ck_assert_int_eq(segments_flush(segments), 0);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(segments_redo(segments, place.segment, place.record, raw, bytes), 0);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_mem_eq(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	free(path);
	end();
}
END_TEST

static int count_record(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	uint64_t *sum = arg;

	(void)record;
	*sum = *sum * 1000 + tag->number * 10 + length % 10;
	return 0;
}

/* A power cut took the first record of each class's segment; replay counts. */
START_TEST(a_torn_segment_has_the_class_of_its_first_use)
{
	struct segment_tag tags[] = { tag_of(1, 0),
				      { .class = SEGMENT_CLASS_FETCHED, .number = 5 } };
	struct segments_conf conf = { .segment_bytes = SMALL };
	struct segment_place places[2];
	struct segments_stats stats;
	uint8_t zeros[100] = { 0 };
	char path[4096];
	int fd, i;

	begin(SMALL);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(segments_append(segments, &tags[i], data, 1000, &places[i]), 0);
		segment_unpin(segments, places[i].segment);
		snprintf(path, sizeof(path), "%s/%016" PRIx64 ".seg", directory, places[i].segment);
		fd = open(path, O_WRONLY);
		ck_assert_int_eq(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
		close(fd);
	}
	segments_close(segments);
	conf.directory = directory;
	ck_assert_int_eq(segments_open(&conf, &segments), 0);
	segments_use(segments, places[0].segment, 1000, 1000);
	segments_use(segments, places[1].segment, 1000, 0);
	ck_assert_int_eq(segments_start(segments), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_gt(stats.written_bytes, 1000);
	ck_assert_uint_gt(stats.fetched_bytes, 1000);
	end();
}
END_TEST

START_TEST(a_scan_finds_all_records_and_goes_on_behind_a_bad_one)
{
	struct segment_place bad;
	uint64_t sum = 0;

	begin(0);
	append(11, 0, data, 100001);
	bad = append(12, 0, data, 70002);
	append(13, 0, data, 3);
	ck_assert_int_eq(segment_scan(segments, 1, count_record, &sum), 0);
	ck_assert_uint_eq(sum, 111122133);
	flip(bad.segment, bad.record + 20);
	sum = 0;
	ck_assert_int_eq(segment_scan(segments, 1, count_record, &sum), 0);
	ck_assert_uint_eq(sum, 111133);
	ck_assert_int_eq(segment_scan(segments, 9, count_record, &sum), -ENOENT);
	end();
}
END_TEST

START_TEST(only_what_is_not_flushed_is_flushed)
{
	struct segments_stats stats;
	struct segment_place first;

	begin(SMALL);
	first = append(7, 0, data, 40000);
	append(7, 40000, data, 40000);
	ck_assert_int_eq(segments_flush(segments), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.flushes_total, 2);
	ck_assert_int_eq(segments_flush(segments), 0);
	append(7, 80000, data, 10);
	ck_assert_int_eq(segment_flush(segments, first.segment), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.flushes_total, 2);
	ck_assert_int_eq(segments_flush(segments), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.flushes_total, 3);
	/* Dead bytes too: replay checks the records that name them. */
	first = append(7, 0, data, 40000);
	append(7, 0, data, 40000);
	segments_use(segments, first.segment, -40000, -40000);
	ck_assert_int_eq(segments_flush(segments), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.flushes_total, 5);
	end();
}
END_TEST

START_TEST(bytes_that_a_killed_process_wrote_are_flushed_after_the_restart)
{
	struct segments_stats stats;
	struct segment_place place;

	begin(SMALL);
	place = append(7, 0, data, 40000);
	reopen(false);
	segments_use(segments, place.segment, 40000, 40000);
	ck_assert_int_eq(segments_start(segments), 0);
	ck_assert_int_eq(segments_flush(segments), 0);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.flushes_total, 1);
	end();
}
END_TEST

START_TEST(a_failed_flush_is_never_forgotten)
{
	struct segment_place place;

	begin(SMALL);
	place = append(7, 0, data, 40000);
	/* fdatasync(2) of a device without storage is EINVAL. */
	replace_descriptor(place.segment, "/dev/null", O_RDWR);
	ck_assert_int_eq(segments_flush(segments), -ERR_local_io);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_local_io), "0000000000000001.seg durable"));
	append(7, 40000, data, 40000);
	err_clear();
	ck_assert_int_eq(segment_flush(segments, 2), -ERR_local_io);
	ck_assert_int_eq(segments_flush(segments), -ERR_local_io);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_local_io), "0000000000000001.seg durable"));
	end();
}
END_TEST

START_TEST(a_full_disk_is_told_and_the_place_is_used_again)
{
	struct segment_tag tag = tag_of(7, 100);
	struct segment_place first, place;
	struct segments_stats stats;
	char *path;

	begin(SMALL);
	first = append(7, 0, data, 100);
	replace_descriptor(first.segment, "/dev/full", O_RDWR);
	ck_assert_int_eq(segments_append(segments, &tag, data, 5000, &place), -ERR_cache_full);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_cache_full), directory));
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_cache_full), "5064 bytes"));
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_cache_full), "make room"));
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.written_bytes, segment_record_bytes(0, 100));
	path = path_of(first.segment);
	replace_descriptor(first.segment, path, O_RDWR);
	free(path);
	place = append(7, 100, data, 5000);
	ck_assert_uint_eq(place.record, segment_record_bytes(0, 100));
	ck_assert_int_eq(read_some(&place, 7, 100, 0, 5000), 0);
	end();
}
END_TEST

START_TEST(a_partial_write_is_continued_and_then_fails)
{
	struct rlimit limit = { .rlim_cur = 3000, .rlim_max = RLIM_INFINITY };
	struct segment_tag tag = tag_of(7, 100);
	struct segment_place first, place;

	begin(SMALL);
	first = append(7, 0, data, 100);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(segments_append(segments, &tag, data, 5000, &place), -ERR_local_io);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	place = append(7, 100, data, 5000);
	ck_assert_int_eq(read_some(&place, 7, 100, 0, 5000), 0);
	ck_assert_int_eq(read_some(&first, 7, 0, 0, 100), 0);
	end();
}
END_TEST

START_TEST(more_segments_than_descriptors_can_be_read)
{
	struct segment_place places[SEGMENT_FILES_MAX + 40];
	size_t count = sizeof(places) / sizeof(places[0]);
	size_t i;

	begin(4096);
	for (i = 0; i < count; i++)
		places[i] = append(7, i * 4096, data + i, 4096);
	ck_assert_int_eq(segments_flush(segments), 0);
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(read_some(&places[i], 7, i * 4096, 0, 4096), 0);
		ck_assert_mem_eq(got, data + i, 4096);
	}
	ck_assert_uint_le(segments->open_files, SEGMENT_FILES_MAX);
	end();
}
END_TEST

START_TEST(a_requeued_segment_is_the_newest_and_kept)
{
	CLEANUP_FREE struct segment_info *list = NULL;
	struct segments_stats stats;
	struct segment_place first, second;

	begin(SMALL);
	ck_assert_int_eq(
		segments_append_chunk(segments, SEGMENT_CLASS_FETCHED, 7, data, 40000, &first), 0);
	ck_assert_int_eq(
		segments_append_chunk(segments, SEGMENT_CLASS_FETCHED, 8, data, 40000, &second), 0);
	ck_assert_uint_lt(first.segment, second.segment);
	segments_requeue(segments, first.segment);
	segments_requeue(segments, second.segment);
	ck_assert_uint_eq(segments_list(segments, &list), 2);
	ck_assert_uint_ge(list[0].position, second.segment);
	ck_assert_int_eq(list[0].class, SEGMENT_CLASS_KEPT);
	/* One that is still appended to keeps its class. */
	ck_assert_int_eq(list[1].class, SEGMENT_CLASS_FETCHED);
	ck_assert(list[0].kept && list[1].kept);
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.fetched_bytes, list[0].size + list[1].size);
	end();
}
END_TEST

UNIT_MAIN("segment", a_full_segment_is_sealed_and_goes_with_its_last_byte,
	  what_is_doomed_after_the_mark_waits_for_the_next_flush,
	  a_pin_keeps_a_segment_without_rows, an_append_is_not_doomed_before_its_row_is_there,
	  the_classes_never_share_a_segment, a_restart_keeps_what_rows_point_to,
	  numbers_are_never_used_again,
	  a_missing_file_was_reclaimed_for_replay_and_is_lost_for_readers,
	  redo_restores_a_lost_record_and_leaves_a_good_one_alone,
	  a_torn_segment_has_the_class_of_its_first_use,
	  a_scan_finds_all_records_and_goes_on_behind_a_bad_one,
	  only_what_is_not_flushed_is_flushed,
	  bytes_that_a_killed_process_wrote_are_flushed_after_the_restart,
	  a_failed_flush_is_never_forgotten, a_full_disk_is_told_and_the_place_is_used_again,
	  a_partial_write_is_continued_and_then_fails, more_segments_than_descriptors_can_be_read,
	  a_requeued_segment_is_the_newest_and_kept)
