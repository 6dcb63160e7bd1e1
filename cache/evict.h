/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eviction: holds the cache to its size by dropping clean bytes.
 *
 * What counts is what the disk gives: allocated segment bytes (dead ones
 * included), journal, index and outbox. Above EVICT_START of what data may take (space.h) the
 * thread drops whole segments until below EVICT_STOP, in the order that
 * evict_policy.h tells:
 *
 *	FETCHED, KEPT   its CACHED rows go; a read fetches the chunk again
 *	WRITTEN         only when dirty == 0: its extents, all of which are
 *			in acknowledged packs, lose their local place
 *
 * What of a segment was used is moved before that, or all of it stays for now.
 * When nothing else is left it goes after EVICT_USES_MAX rounds without a use.
 * What is pinned (pins.h) never goes.
 *
 * Dirty bytes are another class of segment use, not a flag: a segment with
 * one dirty byte is no candidate, and detaching an extent without chunk
 * references is impossible (extent_map.h). The open segment of a class is
 * sealed first when nothing else is left; then cleaner.h makes room out of
 * segments that are dirty in part. It also bounds their dead bytes.
 *
 * Thread: one. Locks: NODE of each inode whose extents change.
 */
#ifndef DRAY_CACHE_EVICT_H
#define DRAY_CACHE_EVICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;
struct evictor;

struct evictor *evict_start(struct cache *cache);
void evict_stop(struct evictor *evictor);

/* May `bytes` of fetched data be cached now? Wakes the thread when the cache
 * is filling. Never blocks. */
bool evict_admit(struct cache *cache, size_t bytes);
/* Bytes on disk that count against the limit. */
uint64_t evict_used_bytes(struct cache *cache);
/* There is no room for a write. */
void evict_wake(struct cache *cache);
/* Drops what it can until at most `target` bytes are used; returns when
 * nothing more can go. Errors end it early. */
int evict_to(struct cache *cache, uint64_t target);

#endif
