/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/power/subset.h"

#include <stddef.h>

/* splitmix64 */
static uint64_t next(struct subset *subset)
{
	uint64_t x = subset->random += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static unsigned int percent(struct subset *subset)
{
	return (unsigned int)(next(subset) % 100);
}

void subset_init(struct subset *subset, uint64_t seed)
{
	static const unsigned int tempers[] = { 0, 10, 50, 90, 97 };

	subset->random = seed;
	subset->kept_percent = tempers[next(subset) % (sizeof(tempers) / sizeof(*tempers))];
	subset->torn_percent = percent(subset) / 3;
}

enum fate subset_next(struct subset *subset)
{
	if (percent(subset) >= subset->kept_percent)
		return FATE_LOST;
	return percent(subset) < subset->torn_percent ? FATE_TORN : FATE_KEPT;
}

bool subset_keeps_sector(struct subset *subset)
{
	return next(subset) & 1;
}
