/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/limits.h"

#include <errno.h>

#define MIN_FREE_PERCENT 5
#define MIN_FREE_MAX	 (1ull << 30)

void limits_init(struct limits *limits, const struct limits_conf *conf)
{
	limits_set(limits, conf);
	atomic_store(&limits->disk_bytes, UINT64_MAX);
}

void limits_set(struct limits *limits, const struct limits_conf *conf)
{
	atomic_store(&limits->cache_bytes, conf->cache_bytes);
	atomic_store(&limits->dirty_bytes, conf->dirty_bytes);
	atomic_store(&limits->min_free_bytes, conf->min_free_bytes);
	atomic_store(&limits->on_full, conf->on_full);
}

void limits_get(const struct limits *limits, struct limits_conf *out)
{
	out->cache_bytes = atomic_load(&limits->cache_bytes);
	out->dirty_bytes = atomic_load(&limits->dirty_bytes);
	out->min_free_bytes = atomic_load(&limits->min_free_bytes);
	out->on_full = (enum full_policy)atomic_load(&limits->on_full);
}

uint64_t limits_cache_bytes(const struct limits *limits)
{
	uint64_t asked = atomic_load(&limits->cache_bytes);
	uint64_t disk = atomic_load(&limits->disk_bytes);

	return asked < disk ? asked : disk;
}

uint64_t limits_dirty_bytes(const struct limits *limits)
{
	uint64_t most = limits_cache_bytes(limits) / 100 * LIMITS_DIRTY_PERCENT;
	uint64_t asked = atomic_load(&limits->dirty_bytes);

	return asked && asked < most ? asked : most;
}

enum full_policy limits_on_full(const struct limits *limits)
{
	return (enum full_policy)atomic_load(&limits->on_full);
}

uint64_t limits_min_free_default(uint64_t disk_size)
{
	uint64_t share = disk_size / 100 * MIN_FREE_PERCENT;

	return share < MIN_FREE_MAX ? share : MIN_FREE_MAX;
}

void limits_note_disk(struct limits *limits, uint64_t disk_size, uint64_t free_bytes,
		      uint64_t used_bytes)
{
	uint64_t min_free = atomic_load(&limits->min_free_bytes);
	uint64_t available = used_bytes + free_bytes;

	if (!min_free)
		min_free = limits_min_free_default(disk_size);
	atomic_store(&limits->disk_bytes, available > min_free ? available - min_free : 0);
}

int limits_refuse(const struct limits *limits, uint64_t dirty, bool opening)
{
	uint64_t limit = limits_dirty_bytes(limits);
	enum full_policy policy = limits_on_full(limits);

	if (policy == FULL_BLOCK)
		return 0;
	if (opening)
		limit = limit / 100 * (100 - LIMITS_HEADROOM_PERCENT);
	if (dirty < limit)
		return 0;
	return policy == FULL_ENOSPC ? -ENOSPC : -EROFS;
}
