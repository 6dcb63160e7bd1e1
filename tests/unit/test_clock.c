/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/clock.h"

#include "tests/lib/unit.h"

START_TEST(timespec_round_trips_also_before_1970)
{
	static const int64_t times[] = { 0,
					 1,
					 NS_PER_SECOND - 1,
					 NS_PER_SECOND,
					 1700000000123456789,
					 -1,
					 -NS_PER_SECOND,
					 -NS_PER_SECOND - 1,
					 INT64_MIN,
					 INT64_MAX };
	struct timespec ts;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		ts = clock_to_timespec(times[i]);
		ck_assert_int_ge(ts.tv_nsec, 0);
		ck_assert_int_lt(ts.tv_nsec, NS_PER_SECOND);
		ck_assert_int_eq(clock_from_timespec(&ts), times[i]);
	}
}
END_TEST

START_TEST(times_out_of_range_become_the_nearest_end)
{
	static const struct timespec year_2400 = { .tv_sec = 13569465600 };
	static const struct timespec year_1600 = { .tv_sec = -11676096000, .tv_nsec = 999999999 };
	static const struct timespec furthest = { .tv_sec = INT64_MAX, .tv_nsec = 999999999 };

	ck_assert_int_eq(clock_from_timespec(&year_2400), INT64_MAX);
	ck_assert_int_eq(clock_from_timespec(&furthest), INT64_MAX);
	ck_assert_int_eq(clock_from_timespec(&year_1600), INT64_MIN);
}
END_TEST

START_TEST(times_are_formatted_in_utc)
{
	char text[32];

	clock_format(0, text);
	ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
	clock_format(1700000000123456789, text);
	ck_assert_str_eq(text, "2023-11-14T22:13:20.123Z");
	clock_format(-1, text);
	ck_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(boot_clock_does_not_go_back)
{
	int64_t before = clock_boot_ns();
	int64_t now;
	int i;

	for (i = 0; i < 1000; i++) {
		now = clock_boot_ns();
		ck_assert_int_ge(now, before);
		before = now;
	}
}
END_TEST

UNIT_MAIN("clock", timespec_round_trips_also_before_1970, times_out_of_range_become_the_nearest_end,
	  times_are_formatted_in_utc, boot_clock_does_not_go_back)
