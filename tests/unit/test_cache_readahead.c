/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "cache/budget.h"
#include "cache/readahead.h"

#define MIB   (1ull << 20)
#define BLOCK (128ull << 10)

/* Reads [0, size) in order; returns how far it was read ahead in the end and
 * checks that what is asked for is one run without gaps or repeats. */
static uint64_t read_through(struct io_stream *stream, uint64_t size, uint64_t *largest)
{
	uint64_t asked = 0;
	uint64_t offset;
	uint64_t from;
	uint64_t until;

	*largest = 0;
	for (offset = 0; offset < size; offset += BLOCK) {
		if (!readahead_note(stream, offset, BLOCK, size, &from, &until))
			continue;
		ck_assert_uint_ge(from, asked);
		ck_assert_uint_le(from, offset + BLOCK > asked ? offset + BLOCK : asked);
		ck_assert_uint_gt(until, from);
		ck_assert_uint_le(until, size);
		if (until - offset > *largest)
			*largest = until - offset;
		asked = until;
	}
	return asked;
}

START_TEST(test_a_sequential_reader_is_read_ahead_to_the_end)
{
	struct io_stream stream = { 0 };
	uint64_t largest;

	ck_assert_uint_eq(read_through(&stream, 200 * MIB, &largest), 200 * MIB);
	ck_assert_uint_ge(largest, READAHEAD_WINDOW_MAX);
	ck_assert_uint_le(largest, READAHEAD_WINDOW_MAX + MIB);
}
END_TEST

START_TEST(test_a_small_file_is_not_read_beyond_its_end)
{
	struct io_stream stream = { 0 };
	uint64_t from;
	uint64_t until;

	ck_assert(!readahead_note(&stream, 0, 4096, 4096, &from, &until));
	stream = (struct io_stream){ 0 };
	ck_assert(readahead_note(&stream, 0, 4096, 10000, &from, &until));
	ck_assert_uint_eq(from, 4096);
	ck_assert_uint_eq(until, 10000);
}
END_TEST

START_TEST(test_random_reads_are_not_read_ahead)
{
	struct io_stream stream = { 0 };
	uint64_t from;
	uint64_t until;
	uint64_t i;

	for (i = 1; i < 50; i++)
		ck_assert(!readahead_note(&stream, (i * 7919 % 100) * 10 * MIB + 5 * MIB, 4096,
					  2000 * MIB, &from, &until));
	ck_assert_uint_eq(stream.window, READAHEAD_WINDOW_MIN);
}
END_TEST

START_TEST(test_a_delay_grows_with_the_fill_and_is_bounded)
{
	const uint64_t limit = 1000 * MIB;
	int64_t before = 0;
	uint64_t dirty;

	ck_assert_int_eq(budget_delay_ns(700 * MIB, limit, 10 * MIB, MIB), 0);
	for (dirty = 760 * MIB; dirty < 1100 * MIB; dirty += 10 * MIB) {
		int64_t delay = budget_delay_ns(dirty, limit, 10 * MIB, MIB);

		ck_assert_int_ge(delay, before);
		ck_assert_int_le(delay, BUDGET_DELAY_MAX_NS);
		before = delay;
	}
	ck_assert_int_eq(before, BUDGET_DELAY_MAX_NS);
	/* At 7/8 a writer of 1 MiB at 10 MiB/s waits a tenth of a second. */
	ck_assert_int_eq(budget_delay_ns(875 * MIB, limit, 10 * MIB, MIB), 100 * 1000 * 1000);
	ck_assert_int_gt(budget_delay_ns(900 * MIB, limit, 0, MIB), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache_readahead");
	TCase *tcase = tcase_create("policies");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, test_a_sequential_reader_is_read_ahead_to_the_end);
	tcase_add_test(tcase, test_a_small_file_is_not_read_beyond_its_end);
	tcase_add_test(tcase, test_random_reads_are_not_read_ahead);
	tcase_add_test(tcase, test_a_delay_grows_with_the_fill_and_is_bounded);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
