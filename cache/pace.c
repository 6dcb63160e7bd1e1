/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/pace.h"

#include <math.h>

#define NS_A_SECOND 1e9
/* In times that a lump needs. */
#define OVERDUE 3

uint64_t pace_zone(uint64_t limit)
{
	uint64_t zone = limit / 4;

	if (zone >= PACE_ZONE_MIN)
		return zone;
	return limit / 2 < PACE_ZONE_MIN ? limit / 2 : PACE_ZONE_MIN;
}

uint64_t pace_rate(uint64_t used, uint64_t limit, uint64_t rate)
{
	uint64_t zone = pace_zone(limit);
	double fill;
	double pace;

	if (used >= limit)
		return 0;
	if (limit - used >= zone)
		return UINT64_MAX;
	if (!rate)
		rate = PACE_RATE_UNKNOWN;
	if (rate < PACE_RATE_MIN)
		rate = PACE_RATE_MIN;
	fill = 1 - (double)(limit - used) / (double)zone;
	pace = (double)rate * (1 - fill) / fill;
	return pace < (double)INT64_MAX ? (uint64_t)pace : INT64_MAX;
}

uint64_t pace_credit(uint64_t lump, uint64_t rate, int64_t since_ns)
{
	double expected = (double)rate * (double)since_ns / NS_A_SECOND;

	if (since_ns <= 0 || expected > OVERDUE * (double)lump)
		return 0;
	return expected < (double)lump ? (uint64_t)expected : lump;
}

void pace_meter_note(struct pace_meter *meter, uint64_t bytes, int64_t busy_ns)
{
	double seconds = (double)(busy_ns - meter->busy_ns) / NS_A_SECOND;
	double keep = exp2(-seconds * NS_A_SECOND / (double)PACE_METER_HALF_NS);

	meter->bytes = meter->bytes * keep + (double)bytes;
	meter->seconds = meter->seconds * keep + seconds;
	meter->busy_ns = busy_ns;
}

uint64_t pace_meter_rate(const struct pace_meter *meter)
{
	/* One pack of an instant says nothing. */
	if (meter->seconds < 0.01)
		return 0;
	return (uint64_t)(meter->bytes / meter->seconds);
}

int64_t pace_gate_try(struct pace_gate *gate, int64_t now_ns, uint64_t rate, uint64_t bytes)
{
	double most = (double)rate * (double)PACE_BURST_NS / NS_A_SECOND;
	double wait;

	gate->bytes += (double)rate * (double)(now_ns - gate->then_ns) / NS_A_SECOND;
	if (gate->bytes > most)
		gate->bytes = most;
	gate->then_ns = now_ns;
	if (gate->bytes >= 0) {
		gate->bytes -= (double)bytes;
		return 0;
	}
	if (!rate)
		return INT64_MAX;
	wait = -gate->bytes / (double)rate * NS_A_SECOND;
	return wait < (double)INT64_MAX ? (int64_t)wait + 1 : INT64_MAX;
}
