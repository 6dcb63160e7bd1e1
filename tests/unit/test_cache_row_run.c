/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/row_run.h"
#include "tests/lib/noise.h"

static struct row_run_writer writer;

static void setup(void)
{
	row_run_writer_init(&writer);
}

static void teardown(void)
{
	row_run_writer_release(&writer);
}

static void put(const char *key, const char *value)
{
	row_run_writer_put(&writer, key, strlen(key), value, strlen(value));
}

static void assert_row(struct row_run_reader *reader, const char *key, const char *value)
{
	struct row_run_row row;

	ck_assert_int_eq(row_run_reader_next(reader, &row), 1);
	ck_assert_uint_eq(row.key_length, strlen(key));
	ck_assert_mem_eq(row.key, key, row.key_length);
	ck_assert_int_eq(row.removed, value == NULL);
	ck_assert_uint_eq(row.value_length, value ? strlen(value) : 0);
	if (value)
		ck_assert_mem_eq(row.value, value, row.value_length);
}

START_TEST(rows_come_back_in_order_with_their_values)
{
	struct row_run_reader reader;
	struct row_run_row row;

	put("a", "first");
	put("aa", "");
	row_run_writer_remove(&writer, "ab", 2);
	put("abcdef", "x");
	put("abcdeg", "y");
	put("b", "last");
	ck_assert_uint_eq(writer.rows, 6);
	row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "a run");
	assert_row(&reader, "a", "first");
	assert_row(&reader, "aa", "");
	assert_row(&reader, "ab", NULL);
	assert_row(&reader, "abcdef", "x");
	assert_row(&reader, "abcdeg", "y");
	assert_row(&reader, "b", "last");
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 0);
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 0);
	ck_assert_uint_eq(reader.rows, 6);
}
END_TEST

START_TEST(an_empty_run_has_no_rows)
{
	struct row_run_reader reader;
	struct row_run_row row;

	row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "a run");
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 0);
}
END_TEST

START_TEST(the_bytes_are_as_documented)
{
	static const uint8_t expected[] = { 0, 2, 'a', 'b', 2, 'x', 1, 1, 'c', 1, 2, 1, 'd', 0 };

	put("ab", "x");
	put("ac", "");
	row_run_writer_remove(&writer, "acd", 3);
	ck_assert_uint_eq(writer.bytes.length, sizeof(expected));
	ck_assert_mem_eq(writer.bytes.data, expected, sizeof(expected));
}
END_TEST

START_TEST(a_cleared_writer_starts_another_run)
{
	struct row_run_reader reader;

	put("z", "1");
	row_run_writer_clear(&writer);
	put("a", "2");
	row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "a run");
	assert_row(&reader, "a", "2");
	ck_assert_uint_eq(writer.rows, 1);
}
END_TEST

START_TEST(keys_and_values_of_any_bytes_and_the_longest_ones_fit)
{
	uint8_t key[ROW_RUN_KEY_MAX];
	uint8_t *value = xmalloc(ROW_RUN_VALUE_MAX);
	struct row_run_reader reader;
	struct row_run_row row;

	memset(key, 0, sizeof(key));
	noise_fill(1, value, ROW_RUN_VALUE_MAX);
	row_run_writer_put(&writer, key, 1, value, ROW_RUN_VALUE_MAX);
	row_run_writer_put(&writer, key, sizeof(key), value, 1);
	memset(key, 0xff, sizeof(key));
	row_run_writer_put(&writer, key, sizeof(key), value, 0);
	row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "a run");
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 1);
	ck_assert_uint_eq(row.value_length, ROW_RUN_VALUE_MAX);
	ck_assert_mem_eq(row.value, value, ROW_RUN_VALUE_MAX);
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 1);
	ck_assert_uint_eq(row.key_length, ROW_RUN_KEY_MAX);
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 1);
	ck_assert_mem_eq(row.key, key, sizeof(key));
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 0);
	free(value);
}
END_TEST

/* Many rows of numbered keys, as tables have them. */
START_TEST(many_rows_survive_a_round_trip)
{
	struct row_run_reader reader;
	struct row_run_row row;
	uint8_t key[9] = { 0x20 };
	uint64_t i;

	for (i = 0; i < 100000; i++) {
		store_be64(key + 1, i * 3);
		if (i % 7 == 0)
			row_run_writer_remove(&writer, key, sizeof(key));
		else
			row_run_writer_put(&writer, key, sizeof(key), &i, i % 9);
	}
	/* prefix compression: about 4 bytes a row are not values */
	ck_assert_uint_lt(writer.bytes.length, 100000 * 9);
	row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "a run");
	for (i = 0; i < 100000; i++) {
		ck_assert_int_eq(row_run_reader_next(&reader, &row), 1);
		ck_assert_uint_eq(load_be64(row.key + 1), i * 3);
		ck_assert_int_eq(row.removed, i % 7 == 0);
		ck_assert_uint_eq(row.value_length, row.removed ? 0 : i % 9);
	}
	ck_assert_int_eq(row_run_reader_next(&reader, &row), 0);
}
END_TEST

START_TEST(equal_keys_are_a_programming_error)
{
	put("b", "");
	put("b", "");
}
END_TEST

START_TEST(descending_keys_are_a_programming_error)
{
	put("b", "");
	put("az", "");
}
END_TEST

START_TEST(a_prefix_after_its_extension_is_a_programming_error)
{
	put("bb", "");
	put("b", "");
}
END_TEST

/* Reads these bytes to the first error, which must stay. */
static void assert_corrupt(const void *bytes, size_t length, size_t good_rows, const char *why)
{
	struct row_run_reader reader;
	struct row_run_row row;
	size_t i;

	err_clear();
	row_run_reader_init(&reader, bytes, length, "log/7 part 0");
	for (i = 0; i < good_rows; i++)
		ck_assert_int_eq(row_run_reader_next(&reader, &row), 1);
	ck_assert_int_eq(row_run_reader_next(&reader, &row), -ERR_commit_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_commit_corrupt), "log/7 part 0: row "));
	ck_assert_msg(strstr(err_message(-ERR_commit_corrupt), why) != NULL, "%s",
		      err_message(-ERR_commit_corrupt));
	ck_assert_int_eq(row_run_reader_next(&reader, &row), -ERR_commit_corrupt);
}

#define ASSERT_CORRUPT(good_rows, why, ...)                           \
	do {                                                          \
		static const uint8_t bytes[] = { __VA_ARGS__ };       \
		assert_corrupt(bytes, sizeof(bytes), good_rows, why); \
	} while (0)

START_TEST(rows_that_break_a_rule_are_refused)
{
	ASSERT_CORRUPT(0, "cut off", 0);
	ASSERT_CORRUPT(0, "cut off", 0, 2, 'a');
	ASSERT_CORRUPT(0, "cut off", 0, 1, 'a', 5, 'x');
	ASSERT_CORRUPT(0, "cut off", 0, 1, 'a', 0x80);
	ASSERT_CORRUPT(0, "not greater", 0, 0, 1);
	ASSERT_CORRUPT(0, "key beyond", 1, 1, 'a', 1);
	ASSERT_CORRUPT(0, "key beyond", 0, 0x80, 4, 'a');
	ASSERT_CORRUPT(0, "key beyond", 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
	ASSERT_CORRUPT(0, "value beyond", 0, 1, 'a', 0xff, 0xff, 0xff, 0xff, 0x0f);
	ASSERT_CORRUPT(0, "value beyond", 0, 1, 'a', 0x82, 0x80, 0x40);
	ASSERT_CORRUPT(0, "cut off", 0, 1, 'a', 0x81, 0x80, 0x40);
	ASSERT_CORRUPT(1, "not greater", 0, 1, 'b', 1, 0, 1, 'b', 1);
	ASSERT_CORRUPT(1, "not greater", 0, 1, 'b', 1, 1, 0, 1);
	ASSERT_CORRUPT(1, "not greater", 0, 1, 'b', 1, 0, 1, 'a', 1);
	ASSERT_CORRUPT(1, "not greater", 0, 2, 'b', 'b', 1, 1, 1, 'a', 1);
	ASSERT_CORRUPT(1, "not greater", 0, 2, 'b', 'b', 1, 0, 1, 'b', 1);
	ASSERT_CORRUPT(1, "key beyond", 0, 1, 'b', 1, 2, 1, 'a', 1);
}
END_TEST

/* The beginning of a key may be spelled out: the order is what counts. */
START_TEST(a_prefix_that_is_not_left_out_is_no_error)
{
	static const uint8_t bytes[] = { 0, 2, 'a', 'b', 0, 0, 2, 'a', 'c', 0 };
	struct row_run_reader reader;

	row_run_reader_init(&reader, bytes, sizeof(bytes), "a run");
	assert_row(&reader, "ab", NULL);
	assert_row(&reader, "ac", NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("row_run");
	TCase *tcase = tcase_create("row_run");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, rows_come_back_in_order_with_their_values);
	tcase_add_test(tcase, an_empty_run_has_no_rows);
	tcase_add_test(tcase, the_bytes_are_as_documented);
	tcase_add_test(tcase, a_cleared_writer_starts_another_run);
	tcase_add_test(tcase, keys_and_values_of_any_bytes_and_the_longest_ones_fit);
	tcase_add_test(tcase, many_rows_survive_a_round_trip);
	tcase_add_test_raise_signal(tcase, equal_keys_are_a_programming_error, SIGABRT);
	tcase_add_test_raise_signal(tcase, descending_keys_are_a_programming_error, SIGABRT);
	tcase_add_test_raise_signal(tcase, a_prefix_after_its_extension_is_a_programming_error,
				    SIGABRT);
	tcase_add_test(tcase, rows_that_break_a_rule_are_refused);
	tcase_add_test(tcase, a_prefix_that_is_not_left_out_is_no_error);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
