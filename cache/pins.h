/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins: paths of which everything stays in the cache.
 *
 * A pin is a row, so it outlives restarts; it belongs to this cache, not to the
 * volume. It is of the path: what is at or below it, also what comes to be
 * there later. What leaves the path is not pinned any more.
 *
 * Eviction asks for files and chunks, and so it looks the paths up from time to
 * time: before it evicts, when the last time is PINS_AGE old (and longer ago
 * when looking takes long). What is written below a pin in between is new, and
 * so not what eviction comes to first.
 *
 * All pins together may take PINS_PERCENT of the cache: pinning more is refused,
 * and of files that grew beyond it later the last ones are not protected.
 *
 * A NULL pins pins nothing (a dead cache, tests). Any thread; locks: LEAF.
 */
#ifndef DRAY_CACHE_PINS_H
#define DRAY_CACHE_PINS_H

#include <stdbool.h>
#include <stdint.h>

#define PINS_PERCENT 50

struct cache;
struct pins;

struct pins_stats {
	uint64_t paths;
	uint64_t files;
	uint64_t bytes; /* of these files, as of the last look */
};

/* Reads the rows. */
int pins_new(struct cache *cache, struct pins **out);
void pins_free(struct pins *pins);

/*
 * Pins a path of the volume ("/a/b"); 0 also when it is pinned. Nothing is
 * fetched by it. -ENOENT; -ERR_cache_full with a sentence when it does not fit;
 * -EINVAL with one when the path is too long.
 */
int pins_add(struct pins *pins, const char *path);
/* -EINVAL with a sentence when just this path is not pinned. */
int pins_remove(struct pins *pins, const char *path);

bool pins_has_file(struct pins *pins, uint64_t ino);
bool pins_has_chunk(struct pins *pins, uint64_t chunk);
/* Looks the paths up anew if it is time. */
int pins_refresh(struct pins *pins);
void pins_stats_get(struct pins *pins, struct pins_stats *out);

#endif
