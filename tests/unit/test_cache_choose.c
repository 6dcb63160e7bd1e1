/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cache/choose.h"
#include "tests/lib/unit.h"

static const struct choose_conf conf = { .content_bytes = 100,
					 .total_bytes = 250,
					 .contents_max = 100 };

START_TEST(what_needs_no_upload_and_barriers_are_always_carried)
{
	struct choose_item items[] = { { .unstored_bytes = 0, .busy = true },
				       { .unstored_bytes = 1 << 30, .barrier = true },
				       { .unstored_bytes = 101 } };

	ck_assert_uint_eq(choose(&conf, items, 3), 0);
	ck_assert(items[0].carried);
	ck_assert(items[1].carried);
	ck_assert(!items[2].carried);
}
END_TEST

START_TEST(small_and_old_contents_come_first)
{
	struct choose_item items[] = { { .unstored_bytes = 100, .since_ns = 5000000 },
				       { .unstored_bytes = 100, .since_ns = 1000000 },
				       { .unstored_bytes = 100, .since_ns = 3000000 },
				       { .unstored_bytes = 50, .since_ns = 4960000 } };

	ck_assert_uint_eq(choose(&conf, items, 4), 1);
	ck_assert(!items[0].carried); /* its age plus its size comes last */
	ck_assert(items[0].left);
	ck_assert(items[1].carried);
	ck_assert(items[2].carried);
	ck_assert(items[3].carried);
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

START_TEST(growing_and_busy_contents_wait_unless_all_is_wanted)
{
	struct choose_item items[] = { { .unstored_bytes = 10, .growing = true },
				       { .unstored_bytes = 10, .busy = true } };
	struct choose_conf all = conf;

	ck_assert_uint_eq(choose(&conf, items, 2), 0);
	ck_assert(!items[0].carried && !items[1].carried);
	all.all_bytes = 19;
	choose(&all, items, 2);
	ck_assert(!items[0].carried && !items[1].carried);
	all.all_bytes = 20;
	choose(&all, items, 2);
	ck_assert(items[0].carried && items[1].carried);
	all.all_bytes = 0;
	all.all = true;
	choose(&all, items, 2);
	ck_assert(items[0].carried && items[1].carried);
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
	  small_and_old_contents_come_first, barriers_do_not_use_up_the_room_of_others,
	  growing_and_busy_contents_wait_unless_all_is_wanted,
	  a_commit_carries_no_more_contents_than_its_memory_holds)
