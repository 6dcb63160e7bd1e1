/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint after checkpoint from random changes, against an array. The runs
 * lie in memory; keys are numbers, so that the array is the model.
 */
#include <stdio.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/root_merge.h"
#include "cache/row_format.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define KEYS	  4000
#define RUN_BYTES 2000
#define RUNS_MAX  20000

/* The value of each key; 0: no such row. */
static uint32_t model[KEYS];
static uint32_t changes[KEYS]; /* 0: none, 1: deleted, else the new value */
static unsigned int change_at;

static struct kept_run {
	struct id id;
	struct buffer rows;
} runs[RUNS_MAX];

static unsigned int runs_count;
static unsigned int reads;
static struct root root;
static struct id volume;
static uint64_t seq;
static struct root_merge_result result;

static void setup(void)
{
	memset(model, 0, sizeof(model));
	memset(&root, 0, sizeof(root));
	runs_count = 0;
	seq = 0;
	volume = id_new();
}

static void teardown(void)
{
	unsigned int i;

	for (i = 0; i < runs_count; i++)
		buffer_release(&runs[i].rows);
	root_release(&root);
}

static int read_run(void *arg, const struct row_part *part, struct buffer *rows_out)
{
	unsigned int i;

	(void)arg;
	reads++;
	for (i = 0; i < runs_count && !id_equal(&runs[i].id, &part->id); i++)
		;
	if (i == runs_count)
		return err_set(-ERR_object_missing, "no such run");
	buffer_append(rows_out, runs[i].rows.data, runs[i].rows.length);
	return 0;
}

/* Keys of 9 bytes: a table that has no content, and the number. */
static int next_change(void *arg, struct row_run_row *row)
{
	static struct row_key key;
	static uint8_t value[8];

	(void)arg;
	while (change_at < KEYS && !changes[change_at])
		change_at++;
	if (change_at == KEYS)
		return 0;
	key_inode(&key, change_at);
	store_le64(value, changes[change_at]);
	*row = (struct row_run_row){ .key = key.bytes,
				     .key_length = key.length,
				     .value = value,
				     .value_length = sizeof(value),
				     .removed = changes[change_at] == 1 };
	change_at++;
	return 1;
}

static int write_run(void *arg, const struct row_run_writer *run, struct row_part *part)
{
	struct kept_run *kept = &runs[runs_count++];

	(void)arg;
	ck_assert_uint_le(runs_count, RUNS_MAX);
	memset(kept, 0, sizeof(*kept));
	kept->id = id_new();
	buffer_append(&kept->rows, run->bytes.data, run->bytes.length);
	*part = (struct row_part){ .place = PART_OBJECT,
				   .role = PART_RUN,
				   .epoch = 1,
				   .id = kept->id,
				   .rows = run->rows,
				   .raw_length = run->bytes.length,
				   .stored_length = run->bytes.length + ROW_PART_HEADER_SIZE };
	return 0;
}

/* Makes the next root of what `changes` says. */
static void merge(void)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct commit_head head = { .volume = volume, .epoch = 1, .seq = ++seq, .salt = id_new() };
	struct root_merge_conf conf = {
		.base = seq > 1 ? &root : NULL,
		.run_bytes = RUN_BYTES,
		.read_run = read_run,
		.next_change = next_change,
		.write_run = write_run,
	};
	struct root_writer writer;
	unsigned int i;

	change_at = 0;
	reads = 0;
	root_writer_init(&writer, &head);
	ck_assert_int_eq(root_merge(&conf, &writer, &result), 0);
	root_release(&root);
	if (result.rows) {
		ck_assert_int_eq(root_writer_finish(&writer, seal_null(), &bytes), 0);
		ck_assert_int_eq(
			root_decode(&volume, seq, seal_null(), bytes.data, bytes.length, &root), 0);
	}
	root_writer_release(&writer);
	for (i = 0; i < KEYS; i++)
		if (changes[i])
			model[i] = changes[i] == 1 ? 0 : changes[i];
	memset(changes, 0, sizeof(changes));
}

/* Walks all runs: rows are those of the model, in order. Returns the runs. */
static unsigned int compare(void)
{
	unsigned int count = 0;
	unsigned int at = 0;
	struct root_run run;
	struct row_key key;

	while (root_next(&root, &run) > 0) {
		CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
		struct row_run_reader reader;
		struct row_run_row row;

		count++;
		ck_assert_int_eq(read_run(NULL, &run.part, &rows), 0);
		row_run_reader_init(&reader, rows.data, rows.length, "run");
		while (row_run_reader_next(&reader, &row) > 0) {
			ck_assert(!row.removed);
			while (at < KEYS && !model[at])
				at++;
			ck_assert_uint_lt(at, KEYS);
			key_inode(&key, at);
			ck_assert_uint_eq(row.key_length, key.length);
			ck_assert_mem_eq(row.key, key.bytes, key.length);
			ck_assert_uint_eq(load_le64(row.value), model[at]);
			at++;
		}
	}
	while (at < KEYS && !model[at])
		at++;
	ck_assert_uint_eq(at, KEYS);
	ck_assert_uint_eq(count, result.runs_kept + result.runs_written);
	return count;
}

/* Random changes of up to `most` keys in one stretch, or spread. */
static void draw_changes(uint64_t *state, unsigned int most, bool stretch)
{
	unsigned int count = (unsigned int)(noise_next(state) % most) + 1;
	unsigned int at = (unsigned int)(noise_next(state) % KEYS);
	bool deletes = noise_next(state) % 3 == 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		at = stretch ? (at + 1) % KEYS : (unsigned int)(noise_next(state) % KEYS);
		changes[at] = deletes ? 1 : (uint32_t)noise_next(state) | 2;
	}
}

START_TEST(a_checkpoint_is_the_one_before_with_the_changes)
{
	uint64_t state = (uint64_t)_i + 1;
	unsigned int rows = 0;
	unsigned int step;
	unsigned int i;

	setup();
	draw_changes(&state, KEYS, true);
	changes[0] = 5; /* a root of no rows is not made */
	for (step = 0; step < 60; step++) {
		merge();
		compare();
		if (step % 9 == 8)
			draw_changes(&state, KEYS, false);
		else
			draw_changes(&state, 300, noise_next(&state) % 2);
		changes[0] = 5;
	}
	/* Runs do not crumble: at worst every second one is small. */
	for (i = 0; i < KEYS; i++)
		rows += model[i] != 0;
	root_rewind(&root);
	ck_assert_uint_le(compare(), 4 * (rows * 14 / RUN_BYTES + 2));
	teardown();
}
END_TEST

START_TEST(what_did_not_change_is_kept_and_not_read)
{
	unsigned int i;

	setup();
	for (i = 0; i < KEYS; i++)
		changes[i] = i + 2;
	merge();
	ck_assert_uint_eq(reads, 0);
	ck_assert_uint_ge(result.runs_written, 10);
	changes[KEYS / 2] = 7;
	merge();
	ck_assert_uint_eq(reads, 1);
	ck_assert_uint_le(result.runs_written, 2);
	ck_assert_uint_ge(result.runs_kept, 10);
	compare();
	teardown();
}
END_TEST

/* As files are created: numbers behind all others, again and again. */
START_TEST(rows_that_are_appended_rewrite_one_run_at_most)
{
	unsigned int written = 0;
	unsigned int at = 0;
	unsigned int i;

	setup();
	while (at < KEYS) {
		for (i = 0; i < 20; i++)
			changes[at++] = 9;
		merge();
		ck_assert_uint_le(reads, 1);
		written += (unsigned int)result.runs_written;
	}
	ck_assert_uint_le(written, KEYS / 20 + 100);
	ck_assert_uint_le(compare(), 4 * (KEYS * 14 / RUN_BYTES));
	teardown();
}
END_TEST

START_TEST(all_rows_may_be_deleted_one_by_one_or_at_once)
{
	unsigned int i;

	setup();
	for (i = 0; i < KEYS; i++)
		changes[i] = 3;
	merge();
	for (i = 1; i < KEYS; i++)
		changes[i] = 1;
	merge();
	ck_assert_uint_eq(compare(), 1);
	ck_assert_uint_eq(result.rows, 1);
	changes[0] = 1;
	merge();
	ck_assert_uint_eq(result.rows, 0);
	teardown();
}
END_TEST

/* Two rows of contents, by hand. */
static int next_content(void *arg, struct row_run_row *row)
{
	static struct row_key key;
	static struct buffer value;
	unsigned int *at = arg;
	struct content_row content = { .size = *at == 0 ? 1000 : 50 };

	if (*at == 2)
		return 0;
	buffer_clear(&value);
	row_put_content(&value, &content);
	key_content(&key, 10 + *at);
	*row = (struct row_run_row){ .key = key.bytes,
				     .key_length = key.length,
				     .value = value.data,
				     .value_length = value.length,
				     .removed = seq == 3 && *at == 0 };
	++*at;
	return 1;
}

START_TEST(the_bytes_of_all_contents_are_counted)
{
	struct commit_head head = { .volume = volume, .epoch = 1, .salt = id_new() };
	const int64_t growth[] = { 1050, 0, -1000 };
	unsigned int at;

	setup();
	for (seq = 1; seq <= 3; seq++) {
		CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
		struct root_merge_conf conf = {
			.base = seq > 1 ? &root : NULL,
			.arg = &at,
			.read_run = read_run,
			.next_change = next_content,
			.write_run = write_run,
		};
		struct root_writer writer;

		at = 0;
		head.seq = seq;
		head.volume = volume;
		root_writer_init(&writer, &head);
		ck_assert_int_eq(root_merge(&conf, &writer, &result), 0);
		ck_assert_int_eq(result.content_growth, growth[seq - 1]);
		root_release(&root);
		ck_assert_int_eq(root_writer_finish(&writer, seal_null(), &bytes), 0);
		ck_assert_int_eq(
			root_decode(&volume, seq, seal_null(), bytes.data, bytes.length, &root), 0);
		root_writer_release(&writer);
	}
	teardown();
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("root_merge");

	tcase_add_loop_test(cases, a_checkpoint_is_the_one_before_with_the_changes, 0, 10);
	tcase_add_test(cases, what_did_not_change_is_kept_and_not_read);
	tcase_add_test(cases, rows_that_are_appended_rewrite_one_run_at_most);
	tcase_add_test(cases, all_rows_may_be_deleted_one_by_one_or_at_once);
	tcase_add_test(cases, the_bytes_of_all_contents_are_counted);
	return unit_run_cases("root_merge", cases);
}
