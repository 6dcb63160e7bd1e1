/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/ledger.h"

static struct row_run_writer writer;

static void setup(void)
{
	row_run_writer_init(&writer);
}

static void teardown(void)
{
	row_run_writer_release(&writer);
}

START_TEST(rows_come_back_as_they_were)
{
	struct ledger_row rows[] = {
		{ 2, 0, -5, 0, "a", 1 },
		{ 255, 1ull << 40, 1795384336123456789, LEDGER_FSYNCED, "dir/big file", 12 },
		{ 256, 7, 0, 0, "", 0 },
	};
	struct row_run_reader reader;
	struct ledger_row row;
	size_t i;

	for (i = 0; i < 3; i++)
		ledger_put(&writer, &rows[i]);
	row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "log/1");
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(ledger_next(&reader, &row), 1);
		ck_assert_uint_eq(row.ino, rows[i].ino);
		ck_assert_uint_eq(row.size, rows[i].size);
		ck_assert_int_eq(row.mtime_ns, rows[i].mtime_ns);
		ck_assert_uint_eq(row.flags, rows[i].flags);
		ck_assert_uint_eq(row.path_length, rows[i].path_length);
		ck_assert_mem_eq(row.path, rows[i].path, row.path_length);
	}
	ck_assert_int_eq(ledger_next(&reader, &row), 0);
}
END_TEST

START_TEST(a_path_beyond_the_limit_keeps_its_end)
{
	char *path = malloc(LEDGER_PATH_MAX + 3);
	struct ledger_row row = { .ino = 1, .path = path, .path_length = LEDGER_PATH_MAX + 3 };
	struct row_run_reader reader;
	struct ledger_row found;

	memset(path, 'x', LEDGER_PATH_MAX + 3);
	memcpy(path + LEDGER_PATH_MAX, "end", 3);
	ledger_put(&writer, &row);
	row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "log/1");
	ck_assert_int_eq(ledger_next(&reader, &found), 1);
	ck_assert_uint_eq(found.path_length, LEDGER_PATH_MAX);
	ck_assert_mem_eq(found.path + found.path_length - 3, "end", 3);
	free(path);
}
END_TEST

START_TEST(other_rows_are_refused)
{
	static const uint8_t value[LEDGER_PATH_MAX + 21];
	static const struct {
		size_t key_length;
		size_t value_length;
	} cases[] = { { 7, 20 }, { 9, 20 }, { 8, 19 }, { 8, 0 }, { 8, sizeof(value) } };
	struct ledger_row row;
	struct row_run_reader reader;
	size_t i;

	for (i = 0; i <= sizeof(cases) / sizeof(cases[0]); i++) {
		row_run_writer_clear(&writer);
		if (i < sizeof(cases) / sizeof(cases[0]))
			row_run_writer_put(&writer, "123456789", cases[i].key_length, value,
					   cases[i].value_length);
		else
			row_run_writer_remove(&writer, "12345678", 8);
		row_run_reader_init(&reader, writer.bytes.data, writer.bytes.length, "log/1");
		ck_assert_int_eq(ledger_next(&reader, &row), -ERR_commit_corrupt);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tcase = tcase_create("ledger");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, rows_come_back_as_they_were);
	tcase_add_test(tcase, a_path_beyond_the_limit_keeps_its_end);
	tcase_add_test(tcase, other_rows_are_refused);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
