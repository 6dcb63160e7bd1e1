/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/rate_meter.h"

#include <string.h>

#include "backend/base/clock.h"

/* Empties the slots of the seconds that passed without a call. */
static void advance(struct rate_meter *meter, int64_t now_ns)
{
	int64_t second = now_ns / NS_PER_SECOND;

	if (second - meter->second >= RATE_METER_SECONDS) {
		memset(meter->slots, 0, sizeof(meter->slots));
		meter->second = second;
	}
	while (meter->second < second)
		meter->slots[++meter->second % RATE_METER_SECONDS] = 0;
}

void rate_meter_add(struct rate_meter *meter, int64_t now_ns, uint64_t amount)
{
	advance(meter, now_ns);
	meter->slots[meter->second % RATE_METER_SECONDS] += amount;
}

uint64_t rate_meter_get(struct rate_meter *meter, int64_t now_ns)
{
	uint64_t sum = 0;
	int i;

	advance(meter, now_ns);
	for (i = 0; i < RATE_METER_SECONDS; i++)
		sum += meter->slots[i];
	return sum / RATE_METER_SECONDS;
}
