/* SPDX-License-Identifier: Apache-2.0 */
/* How much a second, over the last RATE_METER_SECONDS. Pure; the caller
 * locks and tells the time. */
#ifndef DRAY_CACHE_RATE_METER_H
#define DRAY_CACHE_RATE_METER_H

#include <stdint.h>

#define RATE_METER_SECONDS 10

struct rate_meter {
	int64_t second; /* of the newest slot */
	uint64_t slots[RATE_METER_SECONDS];
};

void rate_meter_add(struct rate_meter *meter, int64_t now_ns, uint64_t amount);
uint64_t rate_meter_get(struct rate_meter *meter, int64_t now_ns);

#endif
