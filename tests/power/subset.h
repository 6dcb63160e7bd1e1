/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the writes in a disk's volatile cache a power cut leaves behind:
 * pure, and the same for the same seed. Each seed has a temper of its own,
 * from a disk that kept nothing to one that kept nearly all, with some of the
 * kept writes torn: only some of their sectors are there.
 */
#ifndef DRAY_TESTS_POWER_SUBSET_H
#define DRAY_TESTS_POWER_SUBSET_H

#include <stdbool.h>
#include <stdint.h>

#define SECTOR_BYTES 512

enum fate {
	FATE_LOST,
	FATE_KEPT,
	FATE_TORN, /* subset_keeps_sector() tells for each sector */
};

struct subset {
	uint64_t random;
	unsigned int kept_percent;
	unsigned int torn_percent; /* of those kept */
};

void subset_init(struct subset *subset, uint64_t seed);
enum fate subset_next(struct subset *subset);
bool subset_keeps_sector(struct subset *subset);

#endif
