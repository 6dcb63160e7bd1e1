/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_stats.h"

#include <pthread.h>
#include <string.h>

#include "backend/base/error.h"
#include "backend/store_fault.h"
#include "backend/store_mem.h"
#include "tests/lib/unit.h"

static struct store *fault;
static struct store *stats;

static void open_stores(void)
{
	static const struct store_fault_conf no_faults;

	fault = store_fault_new(store_mem_open("stats"), &no_faults);
	stats = store_stats_new(fault);
}

static void close_stores(void)
{
	store_free(stats);
	store_mem_forget("stats");
}

static struct store_stats_snapshot counters(void)
{
	struct store_stats_snapshot snapshot;

	store_stats_get(stats, &snapshot);
	return snapshot;
}

static int ignore_object(const struct store_object *object, void *arg)
{
	(void)object;
	return *(int *)arg;
}

START_TEST(each_call_and_byte_is_counted_once)
{
	struct buffer out = BUFFER_INIT;
	int go_on = 0;
	uint64_t size;

	open_stores();
	ck_assert_int_eq(store_put(stats, "k", "12345", 5, 0), 0);
	ck_assert_int_eq(store_put(stats, "k", "123456789", 9, 0), 0);
	ck_assert_int_eq(store_get(stats, "k", 2, 3, &out), 0);
	ck_assert_int_eq(store_head(stats, "k", &size), 0);
	ck_assert_int_eq(store_list(stats, "", NULL, ignore_object, &go_on), 0);
	ck_assert_int_eq(store_remove(stats, "k"), 0);
	ck_assert_uint_eq(counters().puts_total, 2);
	ck_assert_uint_eq(counters().bytes_uploaded_total, 14);
	ck_assert_uint_eq(counters().gets_total, 1);
	ck_assert_uint_eq(counters().bytes_downloaded_total, 3);
	ck_assert_uint_eq(counters().heads_total, 1);
	ck_assert_uint_eq(counters().lists_total, 1);
	ck_assert_uint_eq(counters().removes_total, 1);
	ck_assert_uint_eq(counters().store_errors_total, 0);
	buffer_release(&out);
	close_stores();
}
END_TEST

START_TEST(expected_outcomes_are_no_errors)
{
	struct buffer out = BUFFER_INIT;
	int end_listing = -ERR_local_io;
	uint64_t size;

	open_stores();
	ck_assert_int_eq(store_put(stats, "k", "x", 1, STORE_IF_ABSENT), 0);
	ck_assert_int_eq(store_put(stats, "k", "yy", 2, STORE_IF_ABSENT), -EEXIST);
	ck_assert_int_eq(store_get(stats, "none", 0, 1, &out), -ENOENT);
	ck_assert_int_eq(store_head(stats, "none", &size), -ENOENT);
	ck_assert_int_eq(store_list(stats, "", NULL, ignore_object, &end_listing), end_listing);
	ck_assert_uint_eq(counters().store_errors_total, 0);
	ck_assert_uint_eq(counters().bytes_uploaded_total, 1);
	close_stores();
}
END_TEST

START_TEST(failed_calls_are_counted_as_calls_and_as_errors)
{
	struct buffer out = BUFFER_INIT;
	int go_on = 0;
	uint64_t size;

	open_stores();
	store_fault_set_down(fault, true);
	ck_assert_int_eq(store_put(stats, "k", "x", 1, 0), -ERR_store_unreachable);
	ck_assert_int_eq(store_get(stats, "k", 0, 1, &out), -ERR_store_unreachable);
	ck_assert_int_eq(store_head(stats, "k", &size), -ERR_store_unreachable);
	ck_assert_int_eq(store_remove(stats, "k"), -ERR_store_unreachable);
	ck_assert_int_eq(store_list(stats, "", NULL, ignore_object, &go_on),
			 -ERR_store_unreachable);
	ck_assert_uint_eq(counters().puts_total, 1);
	ck_assert_uint_eq(counters().store_errors_total, 5);
	ck_assert_uint_eq(counters().bytes_uploaded_total, 0);
	ck_assert_uint_eq(counters().uploads_in_flight, 0);
	ck_assert_uint_eq(counters().downloads_in_flight, 0);
	close_stores();
}
END_TEST

/* A store whose calls look at the gauges while they are under way. */
static int look_put(struct store *store, const char *key, const void *bytes, size_t length,
		    enum store_put_flags flags)
{
	(void)store, (void)key, (void)bytes, (void)length, (void)flags;
	ck_assert_uint_eq(counters().uploads_in_flight, 1);
	ck_assert_uint_eq(counters().downloads_in_flight, 0);
	return 0;
}

static int look_get(struct store *store, const char *key, uint64_t offset, size_t length,
		    struct buffer *out)
{
	(void)store, (void)key, (void)offset, (void)length, (void)out;
	ck_assert_uint_eq(counters().uploads_in_flight, 0);
	ck_assert_uint_eq(counters().downloads_in_flight, 1);
	return 0;
}

static void look_free(struct store *store)
{
	store_release(store);
	free(store);
}

START_TEST(gauges_show_calls_under_way)
{
	static const struct store_ops look_ops = { .put = look_put,
						   .get = look_get,
						   .free = look_free };
	struct store *look = xcalloc(1, sizeof(*look));
	struct buffer out = BUFFER_INIT;

	store_init(look, &look_ops, "look", "look://", NULL);
	stats = store_stats_new(look);
	ck_assert_int_eq(store_put(stats, "k", "x", 1, 0), 0);
	ck_assert_int_eq(store_get(stats, "k", 0, 1, &out), 0);
	ck_assert_uint_eq(counters().uploads_in_flight, 0);
	ck_assert_uint_eq(counters().downloads_in_flight, 0);
	store_free(stats);
}
END_TEST

static void *put_many(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		store_put(stats, "k", "xyz", 3, 0);
	return arg;
}

START_TEST(threads_lose_no_count)
{
	pthread_t threads[4];
	int i;

	open_stores();
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, put_many, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(counters().puts_total, 4000);
	ck_assert_uint_eq(counters().bytes_uploaded_total, 12000);
	close_stores();
}
END_TEST

UNIT_MAIN("store_stats", each_call_and_byte_is_counted_once, expected_outcomes_are_no_errors,
	  failed_calls_are_counted_as_calls_and_as_errors, gauges_show_calls_under_way,
	  threads_lose_no_count)
