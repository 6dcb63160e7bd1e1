/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "cache/row_sort.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

static char *directory;

static void setup(void)
{
	directory = xstrdup("/tmp/row_sort.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void add(struct row_sort *sort, const char *key, const char *value)
{
	struct row_run_row row = {
		.key = (const uint8_t *)key,
		.key_length = strlen(key),
		.value = (const uint8_t *)value,
		.value_length = value ? strlen(value) : 0,
		.removed = !value,
	};

	ck_assert_int_eq(row_sort_add(sort, &row), 0);
}

static void expect(struct row_sort *sort, const char *key, const char *value)
{
	struct row_run_row row;

	ck_assert_int_eq(row_sort_next(sort, &row), 1);
	ck_assert_uint_eq(row.key_length, strlen(key));
	ck_assert_mem_eq(row.key, key, row.key_length);
	ck_assert_uint_eq(row.value_length, strlen(value));
	ck_assert_mem_eq(row.value, value, row.value_length);
}

START_TEST(the_last_value_of_a_key_wins_and_deleted_keys_are_gone)
{
	struct row_sort *sort;
	struct row_run_row row;

	setup();
	ck_assert_int_eq(row_sort_new(directory, 0, &sort), 0);
	add(sort, "b", "old");
	add(sort, "a", "1");
	add(sort, "gone", "x");
	add(sort, "b", "new");
	add(sort, "back", NULL);
	add(sort, "gone", NULL);
	add(sort, "back", "again");
	ck_assert_int_eq(row_sort_finish(sort), 0);
	expect(sort, "a", "1");
	expect(sort, "b", "new");
	expect(sort, "back", "again");
	ck_assert_int_eq(row_sort_next(sort, &row), 0);
	ck_assert_int_eq(row_sort_next(sort, &row), 0);
	row_sort_free(sort);
	ck_assert_int_ne(access(directory, F_OK), 0);
	free(directory);
}
END_TEST

START_TEST(no_rows_are_no_rows)
{
	struct row_sort *sort;
	struct row_run_row row;

	setup();
	ck_assert_int_eq(row_sort_new(directory, 0, &sort), 0);
	ck_assert_int_eq(row_sort_finish(sort), 0);
	ck_assert_int_eq(row_sort_next(sort, &row), 0);
	row_sort_free(sort);
	free(directory);
}
END_TEST

/* With so little memory that hundreds of files are written and merged. */
START_TEST(rows_that_do_not_fit_in_memory_come_sorted)
{
	enum { KEYS = 5000, ROUNDS = 12 };
	unsigned int *values = xcalloc(KEYS, sizeof(*values));
	uint64_t state = 42;
	struct row_sort *sort;
	struct row_run_row row;
	unsigned int i;

	setup();
	ck_assert_int_eq(row_sort_new(directory, 4096, &sort), 0);
	for (i = 1; i <= KEYS * ROUNDS; i++) {
		unsigned int key = (unsigned int)(noise_next(&state) % KEYS);
		char key_text[32];
		char value_text[32];

		snprintf(key_text, sizeof(key_text), "key%06u", key);
		snprintf(value_text, sizeof(value_text), "%u", i);
		values[key] = i % 5 ? i : 0;
		add(sort, key_text, i % 5 ? value_text : NULL);
	}
	ck_assert_int_eq(row_sort_finish(sort), 0);
	for (i = 0; i < KEYS; i++) {
		char key_text[32];
		char value_text[32];

		if (!values[i])
			continue;
		snprintf(key_text, sizeof(key_text), "key%06u", i);
		snprintf(value_text, sizeof(value_text), "%u", values[i]);
		expect(sort, key_text, value_text);
	}
	ck_assert_int_eq(row_sort_next(sort, &row), 0);
	row_sort_free(sort);
	free(values);
	free(directory);
}
END_TEST

START_TEST(files_of_an_interrupted_sort_are_removed)
{
	CLEANUP_FREE char *stray = NULL;
	struct row_sort *sort;
	FILE *file;

	setup();
	stray = xasprintf("%s/00000000.rows", directory);
	file = fopen(stray, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	ck_assert_int_eq(row_sort_new(directory, 0, &sort), 0);
	ck_assert_int_ne(access(stray, F_OK), 0);
	row_sort_free(sort);
	free(directory);
}
END_TEST

UNIT_MAIN("row_sort", the_last_value_of_a_key_wins_and_deleted_keys_are_gone, no_rows_are_no_rows,
	  rows_that_do_not_fit_in_memory_come_sorted, files_of_an_interrupted_sort_are_removed)
