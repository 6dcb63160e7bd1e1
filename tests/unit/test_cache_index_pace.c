/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_pace.h"
#include "tests/lib/unit.h"

START_TEST(commits_are_paced_by_the_speed_of_checkpoints)
{
	ck_assert_int_eq(index_pace_ns(50, 100, 1000, 10), 0);
	ck_assert_int_eq(index_pace_ns(75, 100, 1000, 10), 10000);
	ck_assert_int_lt(index_pace_ns(60, 100, 1000, 10), 10000);
	ck_assert_int_gt(index_pace_ns(90, 100, 1000, 10), 20000);
	ck_assert_int_eq(index_pace_ns(100, 100, 1, 10), INDEX_PACE_MAX_NS);
	ck_assert_int_eq(index_pace_ns(99, 100, 1000000000, 10), INDEX_PACE_MAX_NS);
}
END_TEST

START_TEST(the_pace_follows_the_checkpoints)
{
	double pace = INDEX_PACE_NS_PER_BYTE_FIRST;
	int i;

	for (i = 0; i < 30; i++)
		pace = index_pace_learn(pace, 1000, 5000);
	ck_assert_double_eq_tol(pace, 5, 0.1);
	for (i = 0; i < 30; i++)
		pace = index_pace_learn(pace, 1000, 400000);
	ck_assert_double_eq_tol(pace, 400, 1);
	/* However long one stood still. */
	for (i = 0; i < 30; i++)
		pace = index_pace_learn(pace, 1, 60LL * 1000000000);
	ck_assert_double_eq_tol(pace, 1000, 1);
}
END_TEST

UNIT_MAIN("cache/index_pace", commits_are_paced_by_the_speed_of_checkpoints,
	  the_pace_follows_the_checkpoints)
