/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_pace.h"

/* Of the newest measurement. */
#define LEARN_WEIGHT 0.3
/* A disk that stood still for a while must not stop all writers for long. */
#define NS_PER_BYTE_MAX 1000.0

int64_t index_pace_ns(uint64_t used, uint64_t limit, size_t bytes, double ns_per_byte)
{
	uint64_t start = limit / 2;
	double delay;

	if (used <= start)
		return 0;
	if (used >= limit)
		return INDEX_PACE_MAX_NS;
	delay = (double)bytes * ns_per_byte * (double)(used - start) / (double)(limit - used);
	return delay < INDEX_PACE_MAX_NS ? (int64_t)delay : INDEX_PACE_MAX_NS;
}

double index_pace_learn(double ns_per_byte, size_t bytes, int64_t elapsed_ns)
{
	double measured = (double)elapsed_ns / (double)bytes;

	if (measured > NS_PER_BYTE_MAX)
		measured = NS_PER_BYTE_MAX;
	return ns_per_byte + LEARN_WEIGHT * (measured - ns_per_byte);
}
