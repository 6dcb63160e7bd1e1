/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fair_queue.h"
#include "tests/lib/unit.h"

#define ITEMS_MAX 64

static struct fair_queue queue;
static struct fair_item items[ITEMS_MAX];
static unsigned int items_used;

static void begin(void)
{
	queue = (struct fair_queue){ 0 };
	items_used = 0;
}

static void add(uint64_t flow, uint64_t bytes)
{
	struct fair_item *item = &items[items_used++];

	*item = (struct fair_item){ .flow = flow, .bytes = bytes };
	fair_queue_add(&queue, item);
}

static uint64_t take(void)
{
	return fair_queue_take(&queue)->flow;
}

START_TEST(one_flow_keeps_its_order)
{
	unsigned int i;

	begin();
	for (i = 0; i < 10; i++)
		add(7, i % 3 * 100);
	for (i = 0; i < 10; i++)
		ck_assert_ptr_eq(fair_queue_take(&queue), &items[i]);
	ck_assert_ptr_null(fair_queue_first(&queue));
	ck_assert_uint_eq(queue.bytes, 0);
}
END_TEST

START_TEST(who_asks_for_little_goes_before_what_others_have_queued)
{
	unsigned int i;

	begin();
	for (i = 0; i < 20; i++)
		add(1, 1000);
	take();
	add(2, 10);
	add(3, 10);
	ck_assert_uint_eq(take(), 2);
	ck_assert_uint_eq(take(), 3);
	ck_assert_uint_eq(take(), 1);
}
END_TEST

START_TEST(flows_that_always_ask_get_the_same_number_of_bytes)
{
	uint64_t taken[3] = { 0, 0, 0 };
	unsigned int i;

	begin();
	for (i = 0; i < 10; i++)
		add(1, 1000);
	for (i = 0; i < 40; i++)
		add(2, 250);
	while (taken[1] + taken[2] < 10000) {
		struct fair_item *item = fair_queue_take(&queue);

		taken[item->flow] += item->bytes;
	}
	ck_assert_uint_ge(taken[1], 4500);
	ck_assert_uint_ge(taken[2], 4500);
}
END_TEST

/* Each asks again when it was served: nothing of theirs is ever queued behind. */
START_TEST(asking_one_by_one_is_no_way_past_the_others)
{
	uint64_t taken[3] = { 0, 0, 0 };
	struct fair_item asked[2] = { { .flow = 1, .bytes = 1000 }, { .flow = 2, .bytes = 100 } };

	begin();
	fair_queue_add(&queue, &asked[0]);
	fair_queue_add(&queue, &asked[1]);
	while (taken[1] + taken[2] < 100000) {
		struct fair_item *item = fair_queue_take(&queue);

		taken[item->flow] += item->bytes;
		fair_queue_add(&queue, item);
	}
	ck_assert_uint_ge(taken[1], 45000);
	ck_assert_uint_ge(taken[2], 45000);
}
END_TEST

START_TEST(a_pause_earns_nothing)
{
	unsigned int i;

	begin();
	add(1, 1000);
	add(2, 1000);
	take();
	take();
	/* 1 goes on alone for long. */
	for (i = 0; i < 20; i++) {
		add(1, 1000);
		ck_assert_uint_eq(take(), 1);
	}
	/* 2 does not get twenty turns in a row for it. */
	for (i = 0; i < 5; i++) {
		add(1, 1000);
		add(2, 1000);
	}
	take();
	take();
	take();
	ck_assert_uint_eq(queue.first->flow + queue.first->next->flow, 3);
}
END_TEST

UNIT_MAIN("cache_fair_queue", one_flow_keeps_its_order,
	  who_asks_for_little_goes_before_what_others_have_queued,
	  flows_that_always_ask_get_the_same_number_of_bytes,
	  asking_one_by_one_is_no_way_past_the_others, a_pause_earns_nothing)
