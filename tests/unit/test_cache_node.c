/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "cache/node.h"

static struct node_table *table;

static void setup(void)
{
	table = node_table_new();
}

static void teardown(void)
{
	node_table_free(table);
}

static void note(struct node *node, uint64_t segment, uint32_t bytes, uint64_t lsn)
{
	struct segment_place place = { .segment = segment, .record = 4096 };

	rwlock_acquire_write(&node->lock);
	node_note_unflushed(node, &place, bytes, lsn);
	rwlock_release(&node->lock);
}

START_TEST(a_number_has_one_node_while_it_is_referenced)
{
	struct node *first = node_get(table, 7);
	struct node *again = node_get(table, 7);
	/* The same shard and bucket, another inode. */
	struct node *other = node_get(table, 7 + 64 * 128);

	ck_assert_ptr_eq(first, again);
	ck_assert_ptr_ne(first, other);
	ck_assert_uint_eq(other->ino, 7 + 64 * 128);
	ck_assert_uint_eq(node_table_count(table), 2);
	node_put(table, first);
	ck_assert_uint_eq(node_table_count(table), 2);
	node_put(table, again);
	ck_assert_uint_eq(node_table_count(table), 1);
	node_put(table, other);
	ck_assert_uint_eq(node_table_count(table), 0);
}
END_TEST

START_TEST(unflushed_bytes_keep_a_node_until_the_flush_that_covers_them)
{
	struct node *node = node_get(table, 5);

	note(node, 3, 100, 10);
	node_put(table, node);
	ck_assert_uint_eq(node_table_count(table), 1);
	node_table_flushed(table, 9);
	ck_assert_uint_eq(node_table_count(table), 1);
	ck_assert_ptr_eq(node_get(table, 5), node);
	node_table_flushed(table, 10);
	/* Referenced: it stays, but forgets. */
	ck_assert_uint_eq(node_table_count(table), 1);
	rwlock_acquire_write(&node->lock);
	node_drop_flushed(table, node);
	ck_assert_uint_eq(node->unflushed_bytes, 0);
	ck_assert_uint_eq(node->unflushed_count, 0);
	rwlock_release(&node->lock);
	node_put(table, node);
	ck_assert_uint_eq(node_table_count(table), 0);
}
END_TEST

START_TEST(bytes_written_after_a_flush_are_not_dropped)
{
	struct node *node = node_get(table, 5);

	note(node, 3, 100, 10);
	node_table_flushed(table, 20);
	note(node, 3, 50, 21);
	rwlock_acquire_write(&node->lock);
	node_drop_flushed(table, node);
	ck_assert_uint_eq(node->unflushed_bytes, 150);
	node_clear_unflushed(node);
	rwlock_release(&node->lock);
	node_put(table, node);
}
END_TEST

START_TEST(the_flushed_lsn_never_goes_back)
{
	node_table_flushed(table, 20);
	node_table_flushed(table, 10);
	ck_assert_uint_eq(node_table_flushed_lsn(table), 20);
}
END_TEST

START_TEST(few_small_records_can_be_redone)
{
	struct node *node = node_get(table, 5);
	int i;

	for (i = 0; i < NODE_UNFLUSHED_MAX; i++)
		note(node, 9 - (uint64_t)i % 3, 1000, 10 + (uint64_t)i);
	ck_assert(node_can_redo(node));
	ck_assert_uint_eq(node->unflushed_segment_min, 7);
	ck_assert_uint_eq(node->unflushed_segment_max, 9);
	ck_assert_uint_eq(node->unflushed[63].segment, 9);
	ck_assert_uint_eq(node->content_lsn, 73);
	note(node, 12, 1, 80);
	ck_assert(!node_can_redo(node));
	ck_assert_uint_eq(node->unflushed_segment_max, 12);
	node_clear_unflushed(node);
	note(node, 1, NODE_REDO_BYTES_MAX, 90);
	ck_assert(node_can_redo(node));
	ck_assert_uint_eq(node->unflushed_segment_max, 1);
	note(node, 1, 1, 91);
	ck_assert(!node_can_redo(node));
	node_clear_unflushed(node);
	node_put(table, node);
}
END_TEST

START_TEST(many_nodes_are_locked_in_order_and_once_each)
{
	struct node *nodes[4];

	nodes[0] = node_get(table, 30);
	nodes[1] = node_get(table, 10);
	nodes[2] = node_get(table, 30);
	nodes[3] = node_get(table, 20);
	node_lock_many(nodes, 4);
	ck_assert_int_ne(pthread_rwlock_tryrdlock(&nodes[0]->lock.rwlock), 0);
	ck_assert_int_ne(pthread_rwlock_tryrdlock(&nodes[1]->lock.rwlock), 0);
	ck_assert_int_ne(pthread_rwlock_tryrdlock(&nodes[3]->lock.rwlock), 0);
	node_unlock_many(nodes, 4);
	ck_assert_int_eq(pthread_rwlock_trywrlock(&nodes[0]->lock.rwlock), 0);
	pthread_rwlock_unlock(&nodes[0]->lock.rwlock);
	node_put(table, nodes[0]);
	node_put(table, nodes[1]);
	node_put(table, nodes[2]);
	node_put(table, nodes[3]);
}
END_TEST

static void *lock_pairs(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct node *nodes[2];
	int i;

	for (i = 0; i < 3000; i++) {
		nodes[0] = node_get(table, 1 + (unsigned int)rand_r(&seed) % 5);
		nodes[1] = node_get(table, 1 + (unsigned int)rand_r(&seed) % 5);
		node_lock_many(nodes, 2);
		nodes[0]->content_lsn++;
		nodes[1]->version_lsn++;
		node_unlock_many(nodes, 2);
		node_put(table, nodes[0]);
		node_put(table, nodes[1]);
		if (i % 100 == 0)
			node_table_flushed(table, (uint64_t)i);
	}
	return NULL;
}

START_TEST(threads_share_nodes_without_a_deadlock)
{
	pthread_t threads[4];
	uintptr_t i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, lock_pairs, (void *)(i + 1)), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(node_table_count(table), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node");
	TCase *tcase = tcase_create("node");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_number_has_one_node_while_it_is_referenced);
	tcase_add_test(tcase, unflushed_bytes_keep_a_node_until_the_flush_that_covers_them);
	tcase_add_test(tcase, bytes_written_after_a_flush_are_not_dropped);
	tcase_add_test(tcase, the_flushed_lsn_never_goes_back);
	tcase_add_test(tcase, few_small_records_can_be_redone);
	tcase_add_test(tcase, many_nodes_are_locked_in_order_and_once_each);
	tcase_add_test(tcase, threads_share_nodes_without_a_deadlock);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
