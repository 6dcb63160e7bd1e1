/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_fault.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/error.h"
#include "backend/store_mem.h"
#include "tests/lib/unit.h"

#define MANY 2000

static struct store *store;

static void open_store(uint64_t seed, struct store_fault_rates rates)
{
	struct store_fault_conf conf = { .seed = seed };
	int i;

	for (i = 0; i < STORE_OPERATIONS; i++)
		conf.rates[i] = rates;
	store = store_fault_new(store_mem_open("fault"), &conf);
}

static void close_store(void)
{
	store_free(store);
	store_mem_forget("fault");
}

static bool below_has(const char *key)
{
	uint64_t size;

	return store_head(store->below, key, &size) == 0;
}

START_TEST(without_rates_nothing_happens)
{
	int i;

	open_store(1, (struct store_fault_rates){ 0 });
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(store_put(store, "k", "x", 1, 0), 0);
	ck_assert_uint_eq(store_fault_count(store), 0);
	close_store();
}
END_TEST

START_TEST(unreachable_and_busy_calls_are_not_carried_out)
{
	open_store(1, (struct store_fault_rates){ .unreachable = 1 });
	ck_assert_int_eq(store_put(store, "k", "x", 1, 0), -ERR_store_unreachable);
	ck_assert(!below_has("k"));
	close_store();
	open_store(1, (struct store_fault_rates){ .busy = 1 });
	ck_assert_int_eq(store_put(store, "k", "x", 1, 0), -ERR_store_busy);
	ck_assert(!below_has("k"));
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_busy), "put k"));
	close_store();
}
END_TEST

START_TEST(lost_reply_comes_after_the_call_was_done)
{
	struct buffer out = BUFFER_INIT;

	open_store(1, (struct store_fault_rates){ .reply_lost = 1 });
	ck_assert_int_eq(store_put(store, "k", "x", 1, STORE_IF_ABSENT), -ERR_store_timeout);
	ck_assert(below_has("k"));
	ck_assert_int_eq(store_get(store, "k", 0, 1, &out), -ERR_store_timeout);
	ck_assert_uint_eq(out.length, 0);
	ck_assert_int_eq(store_remove(store, "k"), -ERR_store_timeout);
	ck_assert(!below_has("k"));
	buffer_release(&out);
	close_store();
}
END_TEST

static int count_object(const struct store_object *object, void *arg)
{
	(void)object;
	(*(int *)arg)++;
	return 0;
}

START_TEST(lost_listing_breaks_off_midway)
{
	char key[16];
	bool midway = false;
	int count;
	int i;

	open_store(1, (struct store_fault_rates){ .reply_lost = 1 });
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%03d", i);
		store_put(store->below, key, "", 0, 0);
	}
	for (i = 0; i < 20; i++) {
		count = 0;
		ck_assert_int_eq(store_list(store, "", NULL, count_object, &count),
				 -ERR_store_timeout);
		ck_assert_int_lt(count, 100);
		midway |= count > 0;
	}
	ck_assert(midway);
	close_store();
}
END_TEST

START_TEST(short_get_keeps_a_part_of_the_start)
{
	static const char text[] = "0123456789";
	int i;

	open_store(1, (struct store_fault_rates){ .short_get = 1 });
	store_put(store->below, "k", text, 10, 0);
	for (i = 0; i < 100; i++) {
		struct buffer out = BUFFER_INIT;

		buffer_put_text(&out, "own");
		ck_assert_int_eq(store_get(store, "k", 0, 10, &out), 0);
		ck_assert_uint_ge(out.length, 3);
		ck_assert_uint_lt(out.length, 13);
		ck_assert_int_eq(memcmp(out.data, "own", 3), 0);
		ck_assert_int_eq(memcmp(out.data + 3, text, out.length - 3), 0);
		buffer_release(&out);
	}
	close_store();
}
END_TEST

START_TEST(bit_flip_changes_one_bit_of_what_was_got)
{
	uint8_t zeros[32] = { 0 };
	unsigned int bits;
	size_t j;
	int i;

	open_store(1, (struct store_fault_rates){ .bit_flip = 1 });
	store_put(store->below, "k", zeros, sizeof(zeros), 0);
	for (i = 0; i < 100; i++) {
		struct buffer out = BUFFER_INIT;

		buffer_put_u8(&out, 0);
		ck_assert_int_eq(store_get(store, "k", 0, STORE_GET_ALL, &out), 0);
		ck_assert_uint_eq(out.length, 33);
		ck_assert_int_eq(out.data[0], 0);
		for (bits = 0, j = 0; j < out.length; j++)
			bits += (unsigned int)__builtin_popcount(out.data[j]);
		ck_assert_uint_eq(bits, 1);
		buffer_release(&out);
	}
	close_store();
}
END_TEST

START_TEST(damage_spares_empty_and_missing_objects)
{
	struct buffer out = BUFFER_INIT;

	open_store(1, (struct store_fault_rates){ .short_get = 1, .bit_flip = 1 });
	store_put(store->below, "empty", NULL, 0, 0);
	ck_assert_int_eq(store_get(store, "empty", 0, 10, &out), 0);
	ck_assert_int_eq(store_get(store, "none", 0, 10, &out), -ENOENT);
	ck_assert_uint_eq(out.length, 0);
	close_store();
}
END_TEST

static unsigned int failures_of(uint64_t seed, double rate, char results[MANY])
{
	unsigned int failures = 0;
	int i;

	open_store(seed, (struct store_fault_rates){ .unreachable = rate });
	for (i = 0; i < MANY; i++) {
		results[i] = store_put(store, "k", "x", 1, 0) != 0;
		failures += (unsigned int)results[i];
	}
	ck_assert_uint_eq(store_fault_count(store), failures);
	close_store();
	return failures;
}

START_TEST(rates_are_kept_and_a_seed_repeats_its_faults)
{
	static char first[MANY], again[MANY], other[MANY];
	unsigned int failures = failures_of(7, 0.25, first);

	ck_assert_uint_gt(failures, MANY / 4 - 100);
	ck_assert_uint_lt(failures, MANY / 4 + 100);
	failures_of(7, 0.25, again);
	ck_assert_int_eq(memcmp(first, again, MANY), 0);
	failures_of(8, 0.25, other);
	ck_assert_int_ne(memcmp(first, other, MANY), 0);
}
END_TEST

START_TEST(down_store_fails_every_call_until_it_is_up)
{
	int count = 0;

	open_store(1, (struct store_fault_rates){ 0 });
	store_fault_set_down(store, true);
	ck_assert_int_eq(store_put(store, "k", "x", 1, 0), -ERR_store_unreachable);
	ck_assert_int_eq(store_list(store, "", NULL, count_object, &count), -ERR_store_unreachable);
	store_fault_set_down(store, false);
	ck_assert_int_eq(store_put(store, "k", "x", 1, 0), 0);
	close_store();
}
END_TEST

START_TEST(store_goes_down_after_the_given_calls)
{
	open_store(1, (struct store_fault_rates){ 0 });
	store_fault_set_down_after(store, 2);
	ck_assert_int_eq(store_put(store, "a", "x", 1, 0), 0);
	ck_assert_int_eq(store_put(store, "b", "x", 1, 0), 0);
	ck_assert_int_eq(store_put(store, "c", "x", 1, 0), -ERR_store_unreachable);
	ck_assert_int_eq(store_put(store, "d", "x", 1, 0), -ERR_store_unreachable);
	ck_assert(below_has("b") && !below_has("c"));
	close_store();
}
END_TEST

UNIT_MAIN("store_fault", without_rates_nothing_happens,
	  unreachable_and_busy_calls_are_not_carried_out, lost_reply_comes_after_the_call_was_done,
	  lost_listing_breaks_off_midway, short_get_keeps_a_part_of_the_start,
	  bit_flip_changes_one_bit_of_what_was_got, damage_spares_empty_and_missing_objects,
	  rates_are_kept_and_a_seed_repeats_its_faults, down_store_fails_every_call_until_it_is_up,
	  store_goes_down_after_the_given_calls)
