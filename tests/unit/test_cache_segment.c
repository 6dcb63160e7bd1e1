/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "cache/segment.h"
#include "cache/segment_int.h"
#include "cache/segment_record.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define SMALL (64u << 10) /* bytes of a segment */

static char *directory;
static struct segments *segments;
static uint8_t data[1 << 20];
static uint8_t got[1 << 20];

static void open_started(uint64_t segment_bytes)
{
	struct segments_conf conf = { .directory = directory, .segment_bytes = segment_bytes };

	ck_assert_int_eq(segments_open(&conf, &segments), 0);
	ck_assert_int_eq(segments_start(segments), 0);
}

static void begin(uint64_t segment_bytes)
{
	directory = scratch_make();
	noise_fill(1, data, sizeof(data));
	open_started(segment_bytes);
}

static void end(void)
{
	segments_close(segments);
	scratch_remove(directory);
}

static struct segment_tag tag_of(uint64_t ino, uint64_t offset)
{
	return (struct segment_tag){ .class = SEGMENT_CLASS_WRITTEN,
				     .number = ino,
				     .offset = offset };
}

/* Appends and counts as live; the pin is dropped. */
static struct segment_place append(uint64_t ino, uint64_t offset, const void *bytes,
				   uint32_t length)
{
	struct segment_tag tag = tag_of(ino, offset);
	struct segment_place place;

	ck_assert_int_eq(segments_append(segments, &tag, bytes, length, &place), 0);
	segments_use(segments, place.segment, length, length);
	segment_unpin(segments, place.segment);
	return place;
}

static int read_some(const struct segment_place *place, uint64_t ino, uint64_t offset,
		     uint32_t delta, uint32_t length)
{
	struct segment_tag tag = tag_of(ino, offset);

	return segments_read(segments, place->segment, place->record, &tag, delta, length, got);
}

static char *path_of(uint64_t number)
{
	char name[SEGMENT_NAME_BYTES];

	segment_file_name(number, name);
	return xasprintf("%s/%s", directory, name);
}

static bool file_exists(uint64_t number)
{
	char *path = path_of(number);
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

static void flip(uint64_t number, uint64_t at)
{
	char *path = path_of(number);
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1u << (at % 8);
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
	free(path);
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

START_TEST(any_part_of_a_record_can_be_read)
{
	static const uint64_t offsets[] = { 0, 1, 4095, 4096, 10000, (1ull << 40) + 77 };
	static const uint32_t lengths[] = { 1, 100, 4095, 4096, 4097, 12288, 50000 };
	uint64_t state = 3;
	size_t i, k;
	int round;

	begin(0);
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		for (k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			struct segment_place place = append(7, offsets[i], data + k, lengths[k]);

			ck_assert_int_eq(read_some(&place, 7, offsets[i], 0, lengths[k]), 0);
			ck_assert_mem_eq(got, data + k, lengths[k]);
			for (round = 0; round < 20; round++) {
				uint32_t delta = (uint32_t)(noise_next(&state) % lengths[k]);
				uint32_t part =
					1 + (uint32_t)(noise_next(&state) % (lengths[k] - delta));

				memset(got, 0xee, part + 1);
				ck_assert_int_eq(read_some(&place, 7, offsets[i], delta, part), 0);
				ck_assert_mem_eq(got, data + k + delta, part);
				ck_assert_uint_eq(got[part], 0xee);
			}
		}
	end();
}
END_TEST

START_TEST(the_largest_record_is_read_back)
{
	uint8_t *large = xmalloc(2 * SEGMENT_DATA_MAX);
	struct segment_tag tag = tag_of(7, 5);
	struct segment_place place;

	begin(SMALL);
	noise_fill(5, large, SEGMENT_DATA_MAX);
	place = append(7, 5, large, SEGMENT_DATA_MAX);
	ck_assert_int_eq(segments_read(segments, place.segment, place.record, &tag, 0,
				       SEGMENT_DATA_MAX, large + SEGMENT_DATA_MAX),
			 0);
	ck_assert_mem_eq(large, large + SEGMENT_DATA_MAX, SEGMENT_DATA_MAX);
	ck_assert_int_eq(read_some(&place, 7, 5, SEGMENT_DATA_MAX - 10, 10), 0);
	ck_assert_mem_eq(got, large + SEGMENT_DATA_MAX - 10, 10);
	free(large);
	end();
}
END_TEST

/* Offset 1000: pieces of 3096, 4096, 4096 and 1000 bytes. */
#define FLIP_OFFSET 1000
#define FLIP_LENGTH 12288

static const uint32_t piece_starts[] = { 0, 3096, 7192, 11288, FLIP_LENGTH };

START_TEST(a_flipped_bit_in_the_header_is_found)
{
	struct segment_place place;
	uint64_t at;

	begin(0);
	append(7, 0, data, 100);
	place = append(7, FLIP_OFFSET, data, FLIP_LENGTH);
	for (at = 0; at < SEGMENT_HEADER_SIZE; at++) {
		flip(place.segment, place.record + at);
		ck_assert_int_eq(read_some(&place, 7, FLIP_OFFSET, 0, FLIP_LENGTH),
				 -ERR_segment_corrupt);
		ck_assert_int_eq(read_some(&place, 7, FLIP_OFFSET, 5000, 10), -ERR_segment_corrupt);
		flip(place.segment, place.record + at);
	}
	ck_assert_int_eq(read_some(&place, 7, FLIP_OFFSET, 0, FLIP_LENGTH), 0);
	end();
}
END_TEST

START_TEST(a_flipped_bit_costs_its_piece_and_no_other)
{
	struct segment_tag tag = tag_of(7, FLIP_OFFSET);
	struct segment_place place;
	uint32_t bad, i;

	begin(0);
	append(7, 0, data, 100);
	place = append(7, FLIP_OFFSET, data, FLIP_LENGTH);
	for (bad = 0; bad < 4 * 3; bad++) {
		uint64_t at = place.record + SEGMENT_HEADER_SIZE;
		uint32_t piece = bad / 3;

		/* Its CRC, its first byte, its last byte. */
		if (bad % 3 == 0)
			at += 4 * piece + piece;
		else
			at += 4 * 4 +
			      (bad % 3 == 1 ? piece_starts[piece] : piece_starts[piece + 1] - 1);
		flip(place.segment, at);
		for (i = 0; i < 4; i++) {
			uint32_t length = piece_starts[i + 1] - piece_starts[i];
			int expected = i == piece ? -ERR_segment_corrupt : 0;

			ck_assert_int_eq(read_some(&place, 7, FLIP_OFFSET, piece_starts[i], length),
					 expected);
			ck_assert_int_eq(read_some(&place, 7, FLIP_OFFSET, piece_starts[i] + 9, 1),
					 expected);
			ck_assert_int_eq(segments_verify(segments, place.segment, place.record,
							 &tag, piece_starts[i], length),
					 expected);
		}
		ck_assert_int_eq(read_some(&place, 7, FLIP_OFFSET, 0, FLIP_LENGTH),
				 -ERR_segment_corrupt);
		flip(place.segment, at);
	}
	end();
}
END_TEST

START_TEST(the_message_names_file_offset_and_owner)
{
	struct segment_place place;
	const char *message;

	begin(0);
	append(7, 0, data, 100);
	place = append(77, 40960, data, 8192);
	flip(place.segment, place.record + SEGMENT_HEADER_SIZE + 2 * SEGMENT_CRC_SIZE + 5000);
	ck_assert_int_eq(read_some(&place, 77, 40960, 0, 8192), -ERR_segment_corrupt);
	message = err_message(-ERR_segment_corrupt);
	ck_assert_ptr_nonnull(strstr(message, "0000000000000001.seg"));
	ck_assert_ptr_nonnull(strstr(message, "record at 152"));
	ck_assert_ptr_nonnull(strstr(message, "inode 77, offset 45056"));
	end();
}
END_TEST

START_TEST(a_record_of_someone_else_is_refused)
{
	struct segment_place place;
	struct segment_tag tag;

	begin(0);
	place = append(7, 4096, data, 8192);
	tag = tag_of(8, 4096);
	ck_assert_int_eq(read_some(&place, 8, 4096, 0, 10), -ERR_segment_corrupt);
	ck_assert_int_eq(read_some(&place, 7, 8192, 0, 10), -ERR_segment_corrupt);
	ck_assert_int_eq(read_some(&place, 7, 4096, 8000, 193), -ERR_segment_corrupt);
	ck_assert_int_eq(read_some(&place, 7, 4096, 8000, 192), 0);
	ck_assert_int_eq(read_some(&place, 7, 4096, 4000000000u, 4000000000u),
			 -ERR_segment_corrupt);
	tag = tag_of(7, 4096);
	tag.class = SEGMENT_CLASS_FETCHED;
	ck_assert_int_eq(segments_read(segments, place.segment, place.record, &tag, 0, 10, got),
			 -ERR_segment_corrupt);
	place.record = 48;
	ck_assert_int_eq(read_some(&place, 7, 4096, 0, 10), -ERR_segment_corrupt);
	place.segment = 99;
	ck_assert_int_eq(read_some(&place, 7, 4096, 0, 10), -ENOENT);
	end();
}
END_TEST

START_TEST(a_torn_record_is_found_wherever_the_file_ends)
{
	struct segment_place place;
	char *path;
	off_t cut;

	begin(0);
	place = append(7, 0, data, 12288);
	path = path_of(place.segment);
	for (cut = 48 + 12 + 12287; cut >= 0; cut -= cut > 100 ? 997 : 1) {
		ck_assert_int_eq(truncate(path, cut), 0);
		ck_assert_int_eq(read_some(&place, 7, 0, 0, 12288), -ERR_segment_corrupt);
		ck_assert_int_eq(read_some(&place, 7, 0, 8192, 4096), -ERR_segment_corrupt);
		ck_assert_int_eq(read_some(&place, 7, 0, 0, 4096),
				 cut >= 48 + 12 + 4096 ? 0 : -ERR_segment_corrupt);
	}
	free(path);
	end();
}
END_TEST

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
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_cache_full), "5056 bytes"));
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

START_TEST(reading_and_appending_make_a_segment_the_last_used)
{
	struct segment_place first, second;

	begin(SMALL);
	first = append(7, 0, data, 40000);
	second = append(7, 40000, data, 40000);
	ck_assert_uint_lt(segments->table[0]->last_used,
			  segment_get(segments, second.segment)->last_used);
	ck_assert_int_eq(read_some(&first, 7, 0, 0, 10), 0);
	ck_assert_uint_gt(segments->table[0]->last_used,
			  segment_get(segments, second.segment)->last_used);
	end();
}
END_TEST

UNIT_MAIN("segment", any_part_of_a_record_can_be_read, the_largest_record_is_read_back,
	  a_flipped_bit_in_the_header_is_found, a_flipped_bit_costs_its_piece_and_no_other,
	  the_message_names_file_offset_and_owner, a_record_of_someone_else_is_refused,
	  a_torn_record_is_found_wherever_the_file_ends,
	  a_full_segment_is_sealed_and_goes_with_its_last_byte,
	  what_is_doomed_after_the_mark_waits_for_the_next_flush,
	  a_pin_keeps_a_segment_without_rows, an_append_is_not_doomed_before_its_row_is_there,
	  the_classes_never_share_a_segment, a_torn_segment_has_the_class_of_its_first_use,
	  a_restart_keeps_what_rows_point_to, numbers_are_never_used_again,
	  a_missing_file_was_reclaimed_for_replay_and_is_lost_for_readers,
	  redo_restores_a_lost_record_and_leaves_a_good_one_alone,
	  a_scan_finds_all_records_and_goes_on_behind_a_bad_one,
	  only_what_is_not_flushed_is_flushed,
	  bytes_that_a_killed_process_wrote_are_flushed_after_the_restart,
	  a_failed_flush_is_never_forgotten, a_full_disk_is_told_and_the_place_is_used_again,
	  a_partial_write_is_continued_and_then_fails, more_segments_than_descriptors_can_be_read,
	  reading_and_appending_make_a_segment_the_last_used)
