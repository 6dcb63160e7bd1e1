/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/space.h"

#include "cache/cache_int.h"

/* Of the limit, in percent: left to data whatever metadata takes. */
#define DATA_PERCENT_MIN 25

static uint64_t percent(uint64_t bytes, unsigned int share)
{
	return bytes / 100 * share;
}

static uint64_t reserve_of(uint64_t limit)
{
	uint64_t reserve = percent(limit, SPACE_RESERVE_PERCENT);

	return reserve > SPACE_RESERVE_MIN ? reserve : SPACE_RESERVE_MIN;
}

uint64_t space_data_limit(uint64_t limit, uint64_t metadata_bytes)
{
	uint64_t taken = metadata_bytes + reserve_of(limit);
	uint64_t least = percent(limit, DATA_PERCENT_MIN);

	return taken + least < limit ? limit - taken : least;
}

void space_update(struct cache *cache)
{
	struct index_stats index;

	index_stats_get(cache->index, &index);
	atomic_store(&cache->metadata_bytes, index.journal_bytes + index.lmdb_bytes);
}

uint64_t space_level(struct cache *cache, unsigned int data_percent)
{
	uint64_t metadata = atomic_load(&cache->metadata_bytes);
	uint64_t data_limit = space_data_limit(limits_cache_bytes(&cache->limits), metadata);

	return metadata + percent(data_limit, data_percent);
}

void space_get(struct cache *cache, struct space *out)
{
	uint64_t limit = limits_cache_bytes(&cache->limits);
	struct segments_room room;

	segments_room_get(cache->segments, &room);
	out->data_bytes = room.written_bytes + room.fetched_bytes + room.doomed_bytes;
	out->kept_bytes = room.kept_bytes;
	out->dirty_bytes = segments_dirty_bytes(cache->segments) + room.dead_bytes;
	out->data_limit = space_data_limit(limit, atomic_load(&cache->metadata_bytes));
	out->dirty_limit = limits_dirty_bytes(&cache->limits);
	if (out->dirty_limit > out->data_limit)
		out->dirty_limit = out->data_limit;
}
