/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cache takes of its disk, and what it may take (limits.h).
 *
 *	data	   segments, dead bytes and files on their way out included
 *	  kept	   of it: segments with dirty bytes, which nothing can drop
 *	  dirty	   of that: bytes in no acknowledged pack, and the dead ones that
 *		   lie among them
 *	metadata   journal, index, outbox
 *
 *	0              dirty limit   data limit                  cache limit
 *	|--------------------|-----------|------------|--------------|
 *	  data: held to it by budget.h, evict.h       |   metadata
 *	                                    SPACE_RESERVE_PERCENT: what grows
 *	                                    while data is drained and moved
 *
 * Metadata grows with the number of files, not with what the cache may hold. It
 * takes the place of data; but a quarter of the limit is left to data, so that a
 * small cache of a large volume works: that one alone is larger than its limit.
 */
#ifndef DRAY_CACHE_SPACE_H
#define DRAY_CACHE_SPACE_H

#include <stdint.h>

struct cache;

#define SPACE_RESERVE_PERCENT 5
#define SPACE_RESERVE_MIN     (8ull << 20)

struct space {
	uint64_t data_bytes;
	uint64_t data_limit;
	uint64_t kept_bytes;
	uint64_t dirty_bytes;
	uint64_t dirty_limit;
};

/* For every write: without locks. Metadata counts as of the last space_update(). */
void space_get(struct cache *cache, struct space *out);
/* Looks how much metadata there is; the evictor does so each second. */
void space_update(struct cache *cache);
/* So much of the cache is used when metadata takes what it does, and data that
 * share of what it may: where eviction begins, and where it holds the cache to. */
uint64_t space_level(struct cache *cache, unsigned int data_percent);

/* Pure: how much of the limit is for data. */
uint64_t space_data_limit(uint64_t limit, uint64_t metadata_bytes);

#endif
