/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/readahead.h"
#include "tests/lib/unit.h"

#define MIB   (1ull << 20)
#define BLOCK (128ull << 10)
#define SIZE  (2000 * MIB)
#define ROOM  (1000 * MIB)

static struct readahead_wish wish;

static bool read_at(struct readahead *file, uint64_t offset, uint64_t length)
{
	return readahead_note(file, offset, length, SIZE, ROOM, &wish);
}

/* What was asked for on behalf of one reader, which must be one run. */
struct asked {
	uint64_t low;
	uint64_t high;
	uint64_t largest;
};

static void note_wish(struct asked *asked)
{
	ck_assert_uint_lt(wish.from, wish.until);
	ck_assert_uint_le(wish.until, SIZE);
	if (asked->high)
		ck_assert(wish.from == asked->high || wish.until == asked->low);
	else
		asked->low = wish.from;
	if (wish.from < asked->low)
		asked->low = wish.from;
	if (wish.until > asked->high)
		asked->high = wish.until;
	if (wish.until - wish.from > asked->largest)
		asked->largest = wish.until - wish.from;
}

static void read_and_note(struct readahead *file, uint64_t offset, struct asked *asked)
{
	if (read_at(file, offset, BLOCK))
		note_wish(asked);
}

START_TEST(test_a_reader_from_the_begin_is_read_ahead_at_once_and_to_the_end)
{
	struct readahead file = { 0 };
	struct asked asked = { 0 };
	uint64_t offset;

	read_and_note(&file, 0, &asked);
	ck_assert_uint_eq(asked.low, BLOCK);
	ck_assert_uint_eq(asked.high, BLOCK + MIB);
	for (offset = BLOCK; offset < SIZE; offset += BLOCK) {
		read_and_note(&file, offset, &asked);
		if (offset + MIB / 2 + BLOCK < SIZE)
			ck_assert_uint_ge(asked.high, offset + MIB / 2);
		ck_assert_uint_le(asked.high, offset + BLOCK + READAHEAD_WINDOW_MAX);
	}
	ck_assert_uint_eq(asked.low, BLOCK);
	ck_assert_uint_eq(asked.high, SIZE);
	ck_assert_uint_ge(asked.largest, READAHEAD_WINDOW_MAX / 2);
}
END_TEST

START_TEST(test_a_reader_from_the_middle_is_trusted_when_it_has_gone_on_twice)
{
	struct readahead file = { 0 };

	ck_assert(!read_at(&file, 500 * MIB, BLOCK));
	ck_assert(!read_at(&file, 500 * MIB + BLOCK, BLOCK));
	/* The same once more is not going on. */
	ck_assert(!read_at(&file, 500 * MIB + BLOCK, BLOCK));
	ck_assert(read_at(&file, 500 * MIB + 2 * BLOCK, BLOCK));
	ck_assert_uint_eq(wish.from, 500 * MIB + 3 * BLOCK);
	ck_assert_uint_eq(wish.until, 501 * MIB + 3 * BLOCK);
}
END_TEST

START_TEST(test_nothing_is_asked_for_beyond_the_end)
{
	struct readahead file = { 0 };

	ck_assert(!readahead_note(&file, 0, 4096, 4096, ROOM, &wish));
	file = (struct readahead){ 0 };
	ck_assert(readahead_note(&file, 0, 4096, 10000, ROOM, &wish));
	ck_assert_uint_eq(wish.from, 4096);
	ck_assert_uint_eq(wish.until, 10000);
}
END_TEST

START_TEST(test_parts_out_of_order_are_one_reader)
{
	static const unsigned int order[] = { 1, 0, 3, 2, 5, 4, 7, 6 };
	struct readahead file = { 0 };
	struct asked asked = { 0 };
	unsigned int round, i;

	for (round = 0; round < 100; round++)
		for (i = 0; i < 8; i++)
			read_and_note(&file, 100 * MIB + (round * 8 + order[i]) * BLOCK, &asked);
	ck_assert_uint_ge(asked.largest, READAHEAD_WINDOW_MAX / 2);
	ck_assert_uint_ge(asked.high, 200 * MIB + READAHEAD_WINDOW_MAX / 2);
}
END_TEST

START_TEST(test_several_readers_of_one_file_are_each_read_ahead)
{
	struct readahead file = { 0 };
	struct asked asked[6] = { 0 };
	unsigned int round, i;

	for (round = 0; round < 400; round++)
		for (i = 0; i < 6; i++)
			read_and_note(&file, i * 300 * MIB + round * BLOCK, &asked[i]);
	for (i = 0; i < 6; i++) {
		ck_assert_uint_ge(asked[i].high, i * 300 * MIB + 50 * MIB + MIB / 2);
		ck_assert_uint_ge(asked[i].largest, READAHEAD_WINDOW_MAX / 2);
	}
}
END_TEST

START_TEST(test_a_reader_survives_random_reads_in_between)
{
	struct readahead file = { 0 };
	struct asked asked = { 0 };
	unsigned int round, i;

	for (round = 0; round < 100; round++) {
		read_and_note(&file, round * BLOCK, &asked);
		for (i = 0; i < 20; i++)
			ck_assert(!read_at(&file, (100 + (round * 20 + i) * 7919 % 1800) * MIB,
					   4096));
	}
	ck_assert_uint_ge(asked.high, 100 * BLOCK + MIB / 2);
}
END_TEST

START_TEST(test_random_reads_are_not_read_ahead)
{
	struct readahead file = { 0 };
	uint64_t i;

	for (i = 1; i < 5000; i++)
		ck_assert(!read_at(&file, (i * 7919 % 1999) * MIB + 5000, 4096));
}
END_TEST

START_TEST(test_a_reader_that_jumps_begins_small_again)
{
	struct readahead file = { 0 };
	uint64_t i;

	for (i = 0; i < 400; i++)
		read_at(&file, i * BLOCK, BLOCK);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(read_at(&file, 1000 * MIB + i * BLOCK, BLOCK), i == 2);
	ck_assert_uint_eq(wish.until - wish.from, READAHEAD_WINDOW_MIN);
}
END_TEST

START_TEST(test_going_backward_is_read_ahead_backward)
{
	struct readahead file = { 0 };
	struct asked asked = { 0 };
	uint64_t offset;

	for (offset = 1000 * MIB; offset; offset -= 4096) {
		if (read_at(&file, offset - 4096, 4096))
			note_wish(&asked);
	}
	ck_assert_uint_eq(asked.low, 0);
	ck_assert_uint_eq(asked.high, 1000 * MIB - 3 * 4096);
	ck_assert_uint_ge(asked.largest, READAHEAD_WINDOW_MAX / 2);
}
END_TEST

START_TEST(test_going_backward_in_blocks_is_read_ahead_backward)
{
	struct readahead file = { 0 };
	struct asked asked = { 0 };
	uint64_t block;
	uint64_t part;

	for (block = 1000; block > 900; block--)
		for (part = 0; part < 8; part++)
			if (read_at(&file, (block - 1) * MIB + part * BLOCK, BLOCK) && block < 1000)
				note_wish(&asked);
	ck_assert_uint_le(asked.low, 900 * MIB - READAHEAD_WINDOW_MAX / 2);
	ck_assert_uint_ge(asked.high, 990 * MIB);
}
END_TEST

START_TEST(test_a_long_run_is_not_turned_by_a_read_before_it)
{
	struct readahead file = { 0 };
	uint64_t i;

	for (i = 0; i < 400; i++)
		read_at(&file, 100 * MIB + i * BLOCK, BLOCK);
	ck_assert(!read_at(&file, 100 * MIB - BLOCK, BLOCK));
	for (i = 400; !read_at(&file, 100 * MIB + i * BLOCK, BLOCK); i++)
		ck_assert_uint_lt(i, 600);
	ck_assert_uint_gt(wish.until - wish.from, READAHEAD_WINDOW_MIN);
}
END_TEST

START_TEST(test_a_wish_keeps_to_the_room)
{
	struct readahead file = { 0 };

	ck_assert(!readahead_note(&file, 0, BLOCK, SIZE, MIB - 1, &wish));
	ck_assert(readahead_note(&file, BLOCK, BLOCK, SIZE, MIB, &wish));
	ck_assert_uint_eq(wish.from, 2 * BLOCK);
	ck_assert_uint_le(wish.until - wish.from, MIB);
	/* What there was no room for is asked for later. */
	ck_assert(readahead_note(&file, MIB, BLOCK, SIZE, MIB, &wish));
	ck_assert_uint_eq(wish.from, 2 * BLOCK + MIB);
	ck_assert_uint_le(wish.until - wish.from, MIB);
}
END_TEST

UNIT_MAIN("cache_readahead", test_a_reader_from_the_begin_is_read_ahead_at_once_and_to_the_end,
	  test_a_reader_from_the_middle_is_trusted_when_it_has_gone_on_twice,
	  test_nothing_is_asked_for_beyond_the_end, test_parts_out_of_order_are_one_reader,
	  test_several_readers_of_one_file_are_each_read_ahead,
	  test_a_reader_survives_random_reads_in_between, test_random_reads_are_not_read_ahead,
	  test_a_reader_that_jumps_begins_small_again, test_going_backward_is_read_ahead_backward,
	  test_going_backward_in_blocks_is_read_ahead_backward,
	  test_a_long_run_is_not_turned_by_a_read_before_it, test_a_wish_keeps_to_the_room)
