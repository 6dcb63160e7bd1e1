/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local half of a cache: segments, index and nodes of a directory, opened
 * in the order in which they need each other and wired together by the hooks
 * of the index. What serves a volume (cache.c), what looks at a dead
 * directory, and the tests build on it.
 */
#ifndef DRAY_CACHE_LOCAL_H
#define DRAY_CACHE_LOCAL_H

#include "cache/cache_int.h"

/*
 * Opens cache->segments, cache->index (replayed) and cache->nodes of
 * cache->directory; uses conf.cache_bytes and conf.progress. read_only:
 * nothing is written. On failure what was opened is closed again.
 */
int cache_local_open(struct cache *cache, bool read_only);
/* Flushes, checkpoints and closes. */
void cache_local_close(struct cache *cache);
/* Closes as a killed process would: nothing more is written. */
void cache_local_abandon(struct cache *cache);

#endif
