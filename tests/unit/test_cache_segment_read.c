/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "cache/segment.h"
#include "cache/segment_int.h"
#include "cache/segment_record.h"
#include "tests/lib/segment_table.h"

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

/* Reads check what they read. Replay checks the header as well, by which the
 * record is found when its segment is evicted. */
START_TEST(a_flipped_bit_in_the_header_is_found)
{
	struct segment_tag tag = tag_of(7, FLIP_OFFSET);
	struct segment_place place;
	uint64_t at;

	begin(0);
	append(7, 0, data, 100);
	place = append(7, FLIP_OFFSET, data, FLIP_LENGTH);
	for (at = 0; at < SEGMENT_HEADER_SIZE; at++) {
		flip(place.segment, place.record + at);
		ck_assert_int_eq(segments_verify(segments, place.segment, place.record, &tag, 0,
						 FLIP_LENGTH),
				 -ERR_segment_corrupt);
		ck_assert_int_eq(read_some(&place, 7, FLIP_OFFSET, 5000, 10), 0);
		flip(place.segment, place.record + at);
	}
	ck_assert_int_eq(
		segments_verify(segments, place.segment, place.record, &tag, 0, FLIP_LENGTH), 0);
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
	for (bad = 0; bad < 4 * 4; bad++) {
		uint32_t piece = bad / 4;
		uint64_t at = place.record + SEGMENT_HEADER_SIZE + SEGMENT_PIECE_HEAD * piece +
			      piece_starts[piece];

		/* Its CRC, its length, its first byte, its last byte. */
		if (bad % 4 == 0)
			at += piece;
		else if (bad % 4 == 1)
			at += 4;
		else if (bad % 4 == 2)
			at += SEGMENT_PIECE_HEAD;
		else
			at += SEGMENT_PIECE_HEAD + piece_starts[piece + 1] - piece_starts[piece] -
			      1;
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
	flip(place.segment, place.record + SEGMENT_HEADER_SIZE + 2 * SEGMENT_PIECE_HEAD + 5000);
	ck_assert_int_eq(read_some(&place, 77, 40960, 0, 8192), -ERR_segment_corrupt);
	message = err_message(-ERR_segment_corrupt);
	ck_assert_ptr_nonnull(strstr(message, "0000000000000001.seg"));
	ck_assert_ptr_nonnull(strstr(message, "record at 156"));
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

UNIT_MAIN("segment_read", any_part_of_a_record_can_be_read, the_largest_record_is_read_back,
	  a_flipped_bit_in_the_header_is_found, a_flipped_bit_costs_its_piece_and_no_other,
	  the_message_names_file_offset_and_owner, a_record_of_someone_else_is_refused,
	  a_torn_record_is_found_wherever_the_file_ends)
