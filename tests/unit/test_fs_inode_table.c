/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "backend/base/buffer.h"
#include "cache/row_format.h"
#include "fs/inode_table.h"

static struct inode_table *table;

static void setup(void)
{
	table = inode_table_new();
}

static void teardown(void)
{
	inode_table_free(table);
}

START_TEST(an_inode_is_gone_with_its_last_lookup)
{
	inode_table_get(table, 7);
	inode_table_get(table, 7);
	inode_table_get(table, 7);
	ck_assert_uint_eq(inode_table_count(table), 1);
	ck_assert(!inode_table_put(table, 7, 2));
	ck_assert(inode_table_put(table, 7, 1));
	ck_assert_uint_eq(inode_table_count(table), 0);
}
END_TEST

START_TEST(the_root_is_never_gone)
{
	inode_table_get(table, ROOT_INO);
	ck_assert(!inode_table_put(table, ROOT_INO, 1000));
	ck_assert_uint_eq(inode_table_count(table), 0);
}
END_TEST

static void collect(uint64_t ino, void *arg)
{
	uint64_t *sum = arg;

	*sum += ino;
}

START_TEST(writers_are_counted_beside_lookups)
{
	uint64_t sum = 0;

	inode_table_get(table, 5);
	inode_table_get(table, 6);
	ck_assert(!inode_table_is_written(table, 5));
	inode_table_writer_add(table, 5);
	inode_table_writer_add(table, 5);
	inode_table_writer_add(table, 6);
	inode_table_writer_remove(table, 6);
	inode_table_each_written(table, collect, &sum);
	ck_assert_uint_eq(sum, 5);
	inode_table_writer_remove(table, 5);
	ck_assert(inode_table_is_written(table, 5));
	inode_table_writer_remove(table, 5);
	ck_assert(!inode_table_is_written(table, 5));
	ck_assert(inode_table_put(table, 5, 1));
	ck_assert(!inode_table_is_written(table, 5));
	inode_table_writer_remove(table, 5);
}
END_TEST

#define MODEL_INODES 3000

/* Random counts against a plain array: probes, moves, growth and shrinking. */
START_TEST(the_table_agrees_with_a_plain_array)
{
	uint32_t *model = xcalloc(MODEL_INODES, sizeof(*model));
	uint64_t known = 0;
	unsigned int seed = 1;
	int round;

	for (round = 0; round < 400000; round++) {
		/* Numbers far apart as well as neighbours; the share of puts
		 * swings, so that the table fills and empties. */
		uint32_t at = (uint32_t)rand_r(&seed) % MODEL_INODES;
		uint64_t ino = 2 + (uint64_t)at * (at % 3 ? 1 : 1ULL << 33);
		bool put = rand_r(&seed) % 100 < (round / 40000 % 2 ? 80 : 20);

		if (!put) {
			known += !model[at]++;
			inode_table_get(table, ino);
		} else if (model[at]) {
			uint32_t count = 1 + (uint32_t)rand_r(&seed) % model[at];

			model[at] -= count;
			known -= !model[at];
			ck_assert_int_eq(inode_table_put(table, ino, count), !model[at]);
		}
		if (round % 10000 == 0)
			ck_assert_uint_eq(inode_table_count(table), known);
	}
	free(model);
}
END_TEST

#define THREADS	    4
#define PER_THREAD  20000
#define SHARED_INOS 64

static int gone_total;

static void *worker(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	int round;

	for (round = 0; round < PER_THREAD; round++) {
		uint64_t ino = 2 + (uint64_t)rand_r(&seed) % SHARED_INOS;

		inode_table_get(table, ino);
		inode_table_writer_add(table, ino);
		inode_table_is_written(table, ino);
		inode_table_writer_remove(table, ino);
		if (inode_table_put(table, ino, 1))
			__atomic_add_fetch(&gone_total, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(threads_may_count_at_once)
{
	pthread_t threads[THREADS];
	uintptr_t i;

	for (i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(&threads[i], NULL, worker, (void *)(i + 1)));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(inode_table_count(table), 0);
	ck_assert_int_ge(gone_total, SHARED_INOS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_inode_table");
	TCase *tcase = tcase_create("fs_inode_table");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_inode_is_gone_with_its_last_lookup);
	tcase_add_test(tcase, the_root_is_never_gone);
	tcase_add_test(tcase, writers_are_counted_beside_lookups);
	tcase_add_test(tcase, the_table_agrees_with_a_plain_array);
	tcase_add_test(tcase, threads_may_count_at_once);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
