/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cache/choose.h"
#include "tests/lib/unit.h"

static const struct choose_conf conf = { .content_bytes = 100,
					 .due_bytes = 200,
					 .total_bytes = 250,
					 .small_bytes = 20,
					 .contents_max = 100,
					 .now_ns = 1000,
					 .quantum_ns = 10 };

START_TEST(what_needs_no_upload_and_barriers_are_always_carried)
{
	struct choose_item items[] = { { .unstored_bytes = 0, .busy = true },
				       { .unstored_bytes = 1 << 30, .barrier = true },
				       { .unstored_bytes = 201 } };

	ck_assert_uint_eq(choose(&conf, items, 3), 0);
	ck_assert(items[0].carried);
	ck_assert(items[1].carried);
	ck_assert(!items[2].carried);
}
END_TEST

START_TEST(a_large_fsync_may_be_passed_when_asked_for)
{
	struct choose_item items[] = {
		{ .unstored_bytes = 101, .barrier = true, .due_ns = 2000 },
		{ .unstored_bytes = 100, .barrier = true, .due_ns = 2000, .growing = true },
		{ .unstored_bytes = 101, .barrier = true, .replaces = true, .due_ns = 2000 },
	};
	struct choose_conf relaxed = conf;

	relaxed.relaxed = true;
	ck_assert_uint_eq(choose(&relaxed, items, 3), 0);
	ck_assert(!items[0].carried);
	ck_assert(items[1].carried);
	ck_assert(items[2].carried); /* neither version would be at the name */
}
END_TEST

START_TEST(the_earliest_deadline_comes_first_and_the_small_one_among_equals)
{
	struct choose_item items[] = { { .unstored_bytes = 100, .deadline_ns = 1500 },
				       { .unstored_bytes = 90, .deadline_ns = 1300 },
				       { .unstored_bytes = 80, .deadline_ns = 1309 },
				       { .unstored_bytes = 60, .deadline_ns = 1499 } };

	ck_assert_uint_eq(choose(&conf, items, 4), 1);
	ck_assert(!items[0].carried);
	ck_assert(items[0].left);
	ck_assert(items[1].carried);
	ck_assert(items[2].carried);
	ck_assert(items[3].carried);
	items[1].unstored_bytes = 100;
	items[2].unstored_bytes = items[3].unstored_bytes = 95;
	ck_assert_uint_eq(choose(&conf, items, 4), 2);
	ck_assert(items[2].carried); /* 1300 and 1309 are equal, it is smaller */
	ck_assert(items[1].carried);
}
END_TEST

START_TEST(what_cannot_keep_its_deadline_does_not_make_others_miss_theirs)
{
	struct choose_item late = { .unstored_bytes = 1000, .deadline_ns = 900 };
	struct choose_item soon = { .unstored_bytes = 10, .deadline_ns = 500000000 };
	struct choose_conf link = conf;
	struct choose_rank x = choose_rank(&conf, &late);
	struct choose_rank y = choose_rank(&conf, &soon);

	ck_assert_int_lt(choose_rank_compare(&x, &y), 0);
	link.bytes_per_second = 1000;
	x = choose_rank(&link, &late);
	y = choose_rank(&link, &soon);
	ck_assert_int_gt(choose_rank_compare(&x, &y), 0);
	late.wanted = true;
	x = choose_rank(&link, &late);
	ck_assert_int_lt(choose_rank_compare(&x, &y), 0);
}
END_TEST

/* A copy of many larger files is older and comes first for ever. */
START_TEST(small_contents_have_room_of_their_own)
{
	struct choose_item items[] = { { .unstored_bytes = 100, .deadline_ns = 1 },
				       { .unstored_bytes = 100, .deadline_ns = 2 },
				       { .unstored_bytes = 100, .deadline_ns = 3 },
				       { .unstored_bytes = 20, .deadline_ns = 5000 } };

	ck_assert_uint_eq(choose(&conf, items, 4), 1);
	ck_assert(items[0].carried);
	ck_assert(items[1].carried);
	ck_assert(items[2].left);
	ck_assert(items[3].carried);
}
END_TEST

START_TEST(small_contents_do_not_take_all_the_room)
{
	struct choose_item items[20] = { { .unstored_bytes = 100, .deadline_ns = 5000 } };
	size_t i;

	for (i = 1; i < 20; i++)
		items[i] = (struct choose_item){ .unstored_bytes = 20 };
	choose(&conf, items, 20);
	ck_assert(items[1].carried);
	ck_assert(items[19].left);
	items[0].deadline_ns = -1000;
	choose(&conf, items, 20);
	ck_assert(items[0].carried);
}
END_TEST

START_TEST(barriers_do_not_use_up_the_room_of_others)
{
	struct choose_item items[] = { { .unstored_bytes = 1000, .barrier = true },
				       { .unstored_bytes = 100 } };

	ck_assert_uint_eq(choose(&conf, items, 2), 0);
	ck_assert(items[1].carried);
}
END_TEST

START_TEST(growing_contents_wait_until_they_are_due)
{
	struct choose_item items[] = { { .unstored_bytes = 10, .growing = true, .due_ns = 1001 },
				       { .unstored_bytes = 150, .due_ns = 1001 } };

	ck_assert_uint_eq(choose(&conf, items, 2), 0);
	ck_assert(!items[0].carried && !items[1].carried);
	items[0].due_ns = items[1].due_ns = 1000;
	ck_assert_uint_eq(choose(&conf, items, 2), 0);
	ck_assert(items[0].carried && items[1].carried);
	/* It is uploaded ahead first; nobody waits for so much. */
	items[1].unstored_bytes = 201;
	ck_assert_uint_eq(choose(&conf, items, 2), 0);
	ck_assert(!items[1].carried);
}
END_TEST

START_TEST(what_is_wanted_is_carried_when_it_is_little_or_all_must_go)
{
	struct choose_item items[] = {
		{ .unstored_bytes = 10, .growing = true, .wanted = true, .due_ns = 2000 },
		{ .unstored_bytes = 210, .busy = true, .wanted = true, .due_ns = 2000 },
		{ .unstored_bytes = 210, .due_ns = 2000 },
	};
	struct choose_conf all = conf;

	choose(&conf, items, 3);
	ck_assert(items[0].carried && !items[1].carried);
	all.all_bytes = 219;
	choose(&all, items, 3);
	ck_assert(!items[1].carried);
	all.all_bytes = 220;
	choose(&all, items, 3);
	ck_assert(items[0].carried && items[1].carried && !items[2].carried);
	all.all_bytes = 0;
	all.all = true;
	choose(&all, items, 3);
	ck_assert(items[0].carried && items[1].carried && !items[2].carried);
}
END_TEST

START_TEST(a_commit_carries_no_more_contents_than_its_memory_holds)
{
	struct choose_item items[] = { { .unstored_bytes = 1 },
				       { .unstored_bytes = 1 },
				       { .unstored_bytes = 0 },
				       { .unstored_bytes = 1 } };
	struct choose_conf few = conf;

	few.contents_max = 2;
	few.all_bytes = 100;
	ck_assert_uint_eq(choose(&few, items, 4), 1);
	ck_assert(items[0].carried && items[1].carried && items[2].carried);
	ck_assert(items[3].left);
}
END_TEST

UNIT_MAIN("choose", what_needs_no_upload_and_barriers_are_always_carried,
	  a_large_fsync_may_be_passed_when_asked_for,
	  the_earliest_deadline_comes_first_and_the_small_one_among_equals,
	  what_cannot_keep_its_deadline_does_not_make_others_miss_theirs,
	  small_contents_have_room_of_their_own, small_contents_do_not_take_all_the_room,
	  barriers_do_not_use_up_the_room_of_others, growing_contents_wait_until_they_are_due,
	  what_is_wanted_is_carried_when_it_is_little_or_all_must_go,
	  a_commit_carries_no_more_contents_than_its_memory_holds)
