/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_pace.h"

/* At three quarters of the limit: 20 MB of rows a second. */
#define NS_PER_BYTE_AT_THREE_QUARTERS 50

int64_t index_pace_ns(uint64_t used, uint64_t limit, size_t bytes)
{
	uint64_t start = limit / 2;
	double delay;

	if (used <= start)
		return 0;
	if (used >= limit)
		return INDEX_PACE_MAX_NS;
	delay = (double)bytes * NS_PER_BYTE_AT_THREE_QUARTERS * (double)(used - start) /
		(double)(limit - used);
	return delay < INDEX_PACE_MAX_NS ? (int64_t)delay : INDEX_PACE_MAX_NS;
}
