/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/clock.h"
#include "cache/rate_meter.h"
#include "tests/lib/unit.h"

START_TEST(the_mean_of_the_last_seconds_is_told)
{
	struct rate_meter meter = { 0 };
	int64_t now = 1000 * NS_PER_SECOND;
	int i;

	ck_assert_uint_eq(rate_meter_get(&meter, now), 0);
	for (i = 0; i < 20; i++, now += NS_PER_SECOND)
		rate_meter_add(&meter, now, 500);
	now -= NS_PER_SECOND;
	ck_assert_uint_eq(rate_meter_get(&meter, now), 500);
	now += 5 * NS_PER_SECOND;
	ck_assert_uint_eq(rate_meter_get(&meter, now), 250);
	now += 5 * NS_PER_SECOND;
	ck_assert_uint_eq(rate_meter_get(&meter, now), 0);
}
END_TEST

UNIT_MAIN("rate_meter", the_mean_of_the_last_seconds_is_told)
