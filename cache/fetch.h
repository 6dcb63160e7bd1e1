/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks from the cloud.
 *
 *	fetch_read: decoded in memory? -> in a FETCHED segment (CACHED row)?
 *	            -> GET, verify, decode, append to a FETCHED segment
 *
 * One fetch per chunk is in flight however many readers wait for it (single
 * flight). A miss is widened to its neighbours in the pack: chunks that lie
 * next to each other and are wanted, or small, come in one ranged GET.
 * Decoded chunks stay in memory for a while (bounded bytes), so that small
 * files in one solid chunk cost one decode. A fetched chunk is served to its
 * readers even when it cannot be cached (cache full): a miss needs no space.
 * Nor is it cached when all who want it said so (IO_NO_CACHE).
 *
 * A chunk whose bytes do not verify is fetched once more, then is
 * -ERR_chunk_corrupt: wrong bytes are never returned.
 *
 * Locks: FETCH; nothing is held across the network or segment I/O.
 */
#ifndef DRAY_CACHE_FETCH_H
#define DRAY_CACHE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;
struct fetch;

struct fetch_stats {
	uint64_t hits_memory;
	uint64_t hits_disk;
	uint64_t misses;
	uint64_t gets;
	uint64_t bytes_fetched; /* stored bytes of GETs */
	uint64_t bytes_ahead;	/* raw bytes brought by read-ahead */
};

struct fetch *fetch_start(struct cache *cache, unsigned int threads);
void fetch_stop(struct fetch *fetch);

/*
 * Bytes [offset, offset + length) of a chunk's raw bytes. flags are those of
 * io_read(). With IO_NO_WAIT: -EAGAIN instead of waiting for the network (the
 * fetch is then started). Adds to *missed how many of them are misses
 * (read_stats.h).
 */
int fetch_read(struct fetch *fetch, uint64_t chunk, uint32_t offset, uint32_t length,
	       unsigned int flags, void *bytes, uint64_t *missed);
/*
 * Starts bringing these chunks into the cache, or with IO_NO_CACHE into memory
 * only, because they may be read soon; returns at once. Readers that wait go
 * first. Ignored beyond the budget that all guesses share. owner: who may cancel it, not NULL.
 */
void fetch_ahead(struct fetch *fetch, const void *owner, const uint64_t *chunks, size_t count,
		 unsigned int flags);
/* How many bytes one guess may ask for now: half of what the budget has left,
 * so that whoever comes later gets a share. */
uint64_t fetch_ahead_room(struct fetch *fetch);
/* The guesses of this owner (NULL: all) were wrong: what has not begun is
 * dropped, unless someone waits for it meanwhile. */
void fetch_cancel(struct fetch *fetch, const void *owner);
/* Returns when the chunk is on the cache disk; -ERR_cache_full when it was
 * fetched but the cache had no room to keep it. */
int fetch_warm(struct fetch *fetch, uint64_t chunk);
void fetch_stats_get(struct fetch *fetch, struct fetch_stats *out);

#endif
