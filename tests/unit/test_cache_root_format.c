/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/commit_decode.h"
#include "cache/commit_encode.h"
#include "cache/root_format.h"
#include "tests/lib/toy_seal.h"

#define RUNS 300

static struct commit_head head;
static struct root root;
static struct buffer bytes;
static struct root_writer writer;

static void setup(void)
{
	memset(&head, 0, sizeof(head));
	memset(&root, 0, sizeof(root));
	memset(&bytes, 0, sizeof(bytes));
	head.volume = id_new_uuid();
	head.epoch = 2;
	head.seq = 9;
	head.salt = id_new();
	head.next_ino = 1234;
	root_writer_init(&writer, &head);
}

static void teardown(void)
{
	root_writer_release(&writer);
	root_release(&root);
	buffer_release(&bytes);
}

static struct root_run make_run(const char *first, const char *last)
{
	struct root_run run = {
		.first_key = (const uint8_t *)first,
		.first_key_length = strlen(first),
		.last_key = (const uint8_t *)last,
		.last_key_length = strlen(last),
		.part = {
			.place = PART_OBJECT,
			.role = PART_RUN,
			.epoch = 1,
			.id = id_new(),
			.rows = 10,
			.raw_length = 1000,
			.stored_length = 500,
			.digest = digest_of(first, strlen(first)),
		},
	};

	return run;
}

static void add(const char *first, const char *last)
{
	struct root_run run = make_run(first, last);

	root_writer_add(&writer, &run);
}

static int decode(const struct seal *seal)
{
	root_release(&root);
	err_clear();
	return root_decode(&head.volume, 9, seal, bytes.data, bytes.length, &root);
}

static void round_trip(const struct seal *seal)
{
	struct root_run run;
	char first[16];
	char last[16];
	int pass;
	int i;

	for (i = 0; i < RUNS; i++) {
		snprintf(first, sizeof(first), "key%05d", 10 * i);
		snprintf(last, sizeof(last), "key%05d", 10 * i + 9);
		add(first, last);
	}
	ck_assert_int_eq(root_writer_finish(&writer, seal, &bytes), 0);
	ck_assert_int_eq(decode(seal), 0);
	ck_assert_uint_eq(root.run_count, RUNS);
	ck_assert_uint_eq(root.head.next_ino, 1234);
	ck_assert_uint_eq(root.head.seq, 9);
	for (pass = 0; pass < 2; pass++, root_rewind(&root)) {
		for (i = 0; i < RUNS; i++) {
			snprintf(first, sizeof(first), "key%05d", 10 * i);
			snprintf(last, sizeof(last), "key%05d", 10 * i + 9);
			ck_assert_int_eq(root_next(&root, &run), 1);
			ck_assert_uint_eq(run.first_key_length, 8);
			ck_assert_mem_eq(run.first_key, first, 8);
			ck_assert_uint_eq(run.last_key_length, 8);
			ck_assert_mem_eq(run.last_key, last, 8);
			ck_assert_uint_eq(run.part.rows, 10);
			ck_assert_uint_eq(run.part.epoch, 1);
		}
		ck_assert_int_eq(root_next(&root, &run), 0);
	}
}

START_TEST(the_list_of_runs_comes_back)
{
	round_trip(seal_null());
}
END_TEST

START_TEST(the_list_of_runs_comes_back_from_a_cipher)
{
	struct toy_seal toy = toy_seal_make(NULL);

	round_trip(&toy.base);
}
END_TEST

START_TEST(a_run_of_one_row_is_a_range)
{
	add("a", "a");
	ck_assert_int_eq(root_writer_finish(&writer, seal_null(), &bytes), 0);
	ck_assert_int_eq(decode(seal_null()), 0);
	ck_assert_uint_eq(root.run_count, 1);
}
END_TEST

START_TEST(a_root_is_not_a_commit_nor_the_other_way_round)
{
	struct commit commit;

	add("a", "b");
	ck_assert_int_eq(root_writer_finish(&writer, seal_null(), &bytes), 0);
	ck_assert_int_eq(
		commit_decode(&head.volume, 9, seal_null(), bytes.data, bytes.length, &commit),
		-ERR_commit_corrupt);
	commit = (struct commit){ .head = head };
	buffer_clear(&bytes);
	commit_encode(&commit, seal_null(), &bytes);
	ck_assert_int_eq(decode(seal_null()), -ERR_commit_corrupt);
	buffer_clear(&bytes);
	commit_encode_root(&commit, seal_null(), &bytes);
	ck_assert_int_eq(decode(seal_null()), -ERR_commit_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_commit_corrupt), "root/0000000000000009"));
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
	size_t bit;

	add("a", "b");
	add("c", "d");
	ck_assert_int_eq(root_writer_finish(&writer, seal_null(), &bytes), 0);
	for (bit = 0; bit < 8 * bytes.length; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(decode(seal_null()), -ERR_commit_corrupt);
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

/* Writes a row of the list as given, whatever it says. */
static void list_row(const char *first, const char *last, const struct row_part *part)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;

	row_part_descriptor_encode(part, buffer_extend(&value, ROW_PART_DESCRIPTOR_SIZE));
	buffer_put_text(&value, last);
	row_run_writer_put(&writer.list, first, strlen(first), value.data, value.length);
}

static void assert_list_refused(const char *why)
{
	buffer_clear(&bytes);
	ck_assert_int_eq(root_writer_finish(&writer, seal_null(), &bytes), 0);
	ck_assert_int_eq(decode(seal_null()), -ERR_commit_corrupt);
	ck_assert_msg(strstr(err_message(-ERR_commit_corrupt), why) != NULL, "%s",
		      err_message(-ERR_commit_corrupt));
	row_run_writer_clear(&writer.list);
}

START_TEST(a_list_that_breaks_a_rule_is_refused)
{
	struct row_part part = make_run("a", "b").part;
	struct row_part bad = part;

	list_row("b", "a", &part);
	assert_list_refused("overlap");
	list_row("a", "c", &part);
	list_row("b", "d", &part);
	assert_list_refused("overlap");
	list_row("a", "b", &part);
	list_row("b", "d", &part);
	assert_list_refused("overlap");
	list_row("a", "", &part);
	assert_list_refused("none");
	bad.place = PART_INLINE;
	list_row("a", "b", &bad);
	assert_list_refused("none");
	bad = part;
	bad.role = PART_BODY;
	list_row("a", "b", &bad);
	assert_list_refused("none");
	bad = part;
	bad.rows = 0;
	list_row("a", "b", &bad);
	assert_list_refused("none");
	row_run_writer_remove(&writer.list, "a", 1);
	assert_list_refused("none");
}
END_TEST

START_TEST(overlapping_ranges_are_a_programming_error)
{
	add("a", "c");
	add("b", "d");
}
END_TEST

START_TEST(a_reversed_range_is_a_programming_error)
{
	add("b", "a");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("root_format");
	TCase *tcase = tcase_create("root_format");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_list_of_runs_comes_back);
	tcase_add_test(tcase, the_list_of_runs_comes_back_from_a_cipher);
	tcase_add_test(tcase, a_run_of_one_row_is_a_range);
	tcase_add_test(tcase, a_root_is_not_a_commit_nor_the_other_way_round);
	tcase_add_test(tcase, every_flipped_bit_is_noticed);
	tcase_add_test(tcase, a_list_that_breaks_a_rule_is_refused);
	tcase_add_test_raise_signal(tcase, overlapping_ranges_are_a_programming_error, SIGABRT);
	tcase_add_test_raise_signal(tcase, a_reversed_range_is_a_programming_error, SIGABRT);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
