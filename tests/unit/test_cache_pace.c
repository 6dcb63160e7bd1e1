/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/pace.h"
#include "tests/lib/unit.h"

#define MIB	  (1ull << 20)
#define SECOND_NS (1000ll * 1000 * 1000)

START_TEST(writers_are_free_below_the_zone_and_stopped_at_the_limit)
{
	const uint64_t limit = 1000 * MIB;

	ck_assert_uint_eq(pace_rate(0, limit, 10 * MIB), UINT64_MAX);
	ck_assert_uint_eq(pace_rate(750 * MIB, limit, 10 * MIB), UINT64_MAX);
	ck_assert_uint_lt(pace_rate(751 * MIB, limit, 10 * MIB), UINT64_MAX);
	ck_assert_uint_eq(pace_rate(limit, limit, 10 * MIB), 0);
	ck_assert_uint_eq(pace_rate(2 * limit, limit, 10 * MIB), 0);
	ck_assert_uint_eq(pace_rate(0, 0, 10 * MIB), 0);
}
END_TEST

START_TEST(the_pace_falls_all_the_way_and_is_that_of_uploads_in_the_middle)
{
	const uint64_t limit = 1000 * MIB;
	uint64_t before = UINT64_MAX;
	uint64_t used;

	for (used = 700 * MIB; used <= limit; used += MIB) {
		uint64_t pace = pace_rate(used, limit, 10 * MIB);

		ck_assert_uint_le(pace, before);
		before = pace;
	}
	ck_assert_uint_eq(pace_rate(875 * MIB, limit, 10 * MIB), 10 * MIB);
	ck_assert_uint_eq(pace_rate(875 * MIB, limit, 0), PACE_RATE_UNKNOWN);
	ck_assert_uint_eq(pace_rate(875 * MIB, limit, 1), PACE_RATE_MIN);
}
END_TEST

START_TEST(a_small_limit_has_a_zone_of_half_of_it)
{
	ck_assert_uint_eq(pace_zone(4096 * MIB), 1024 * MIB);
	ck_assert_uint_eq(pace_zone(400 * MIB), PACE_ZONE_MIN);
	ck_assert_uint_eq(pace_zone(50 * MIB), 25 * MIB);
	ck_assert_uint_eq(pace_zone(0), 0);
}
END_TEST

START_TEST(what_is_under_way_counts_little_by_little_and_not_when_overdue)
{
	ck_assert_uint_eq(pace_credit(64 * MIB, 20 * MIB, 0), 0);
	ck_assert_uint_eq(pace_credit(64 * MIB, 20 * MIB, SECOND_NS), 20 * MIB);
	ck_assert_uint_eq(pace_credit(64 * MIB, 20 * MIB, 5 * SECOND_NS), 64 * MIB);
	ck_assert_uint_eq(pace_credit(64 * MIB, 20 * MIB, 10 * SECOND_NS), 0);
	ck_assert_uint_eq(pace_credit(0, 20 * MIB, SECOND_NS), 0);
	ck_assert_uint_eq(pace_credit(64 * MIB, 0, SECOND_NS), 0);
}
END_TEST

START_TEST(the_rate_is_that_of_the_time_in_which_packs_were_under_way)
{
	struct pace_meter meter = { 0 };
	int64_t busy = 0;
	int i;

	ck_assert_uint_eq(pace_meter_rate(&meter), 0);
	for (i = 0; i < 100; i++)
		pace_meter_note(&meter, 16 * MIB, busy += SECOND_NS);
	ck_assert_uint_ge(pace_meter_rate(&meter), 16 * MIB - 1);
	ck_assert_uint_le(pace_meter_rate(&meter), 16 * MIB);
	/* A slower link is learned within a few packs. */
	for (i = 0; i < 4; i++)
		pace_meter_note(&meter, 16 * MIB, busy += 8 * SECOND_NS);
	ck_assert_uint_lt(pace_meter_rate(&meter), 3 * MIB);
}
END_TEST

/* How many MiB pass in ten seconds, asked for one at a time. */
static unsigned int pass(struct pace_gate *gate, int64_t from_ns, uint64_t rate)
{
	int64_t now = from_ns;
	unsigned int passed = 0;

	while (now < from_ns + 10 * SECOND_NS) {
		int64_t wait = pace_gate_try(gate, now, rate, MIB);

		ck_assert_int_ge(wait, 0);
		if (!wait)
			passed++;
		else if (wait == INT64_MAX)
			return passed;
		now += wait;
	}
	return passed;
}

START_TEST(a_gate_lets_the_pace_through)
{
	struct pace_gate gate = { 0 };
	unsigned int passed = pass(&gate, SECOND_NS, 20 * MIB);

	ck_assert_uint_ge(passed, 199);
	ck_assert_uint_le(passed, 203);
}
END_TEST

START_TEST(idle_time_is_not_saved_up)
{
	struct pace_gate gate = { 0 };
	unsigned int passed;

	pass(&gate, SECOND_NS, 20 * MIB);
	passed = pass(&gate, 3600 * SECOND_NS, 20 * MIB);
	ck_assert_uint_le(passed, 203);
	/* Nor is a time without bounds. */
	ck_assert_int_eq(pace_gate_try(&gate, 4000 * SECOND_NS, UINT64_MAX, MIB), 0);
	passed = pass(&gate, 4001 * SECOND_NS, 20 * MIB);
	ck_assert_uint_le(passed, 203);
}
END_TEST

START_TEST(a_closed_gate_opens_when_the_pace_is_another)
{
	struct pace_gate gate = { 0 };
	int64_t wait;

	ck_assert_uint_le(pass(&gate, SECOND_NS, 0), 1);
	ck_assert_int_eq(pace_gate_try(&gate, 100 * SECOND_NS, 0, MIB), INT64_MAX);
	wait = pace_gate_try(&gate, 100 * SECOND_NS, MIB, MIB);
	ck_assert_int_gt(wait, 0);
	ck_assert_int_le(wait, SECOND_NS + 1);
	ck_assert_int_eq(pace_gate_try(&gate, 100 * SECOND_NS + wait, MIB, MIB), 0);
}
END_TEST

UNIT_MAIN("cache_pace", writers_are_free_below_the_zone_and_stopped_at_the_limit,
	  the_pace_falls_all_the_way_and_is_that_of_uploads_in_the_middle,
	  a_small_limit_has_a_zone_of_half_of_it,
	  what_is_under_way_counts_little_by_little_and_not_when_overdue,
	  the_rate_is_that_of_the_time_in_which_packs_were_under_way, a_gate_lets_the_pace_through,
	  idle_time_is_not_saved_up, a_closed_gate_opens_when_the_pace_is_another)
