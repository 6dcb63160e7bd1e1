/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of the pieces of one upload, whose packs are still on their way
 * (DEDUP rows tell of acknowledged packs only). A hash table; the digests are
 * their own hash.
 */
#ifndef DRAY_CACHE_DEDUP_MAP_H
#define DRAY_CACHE_DEDUP_MAP_H

#include <stddef.h>

#include "backend/seal.h"
#include "cache/row_format.h"

struct dedup_note {
	struct chunk_digest digest;
	struct extent_ref place; /* length 0: a free slot */
};

struct dedup_map {
	struct dedup_note *slots;
	size_t slots_count; /* a power of two, or 0 */
	size_t used;
};

/* A zeroed map is empty. */
void dedup_map_release(struct dedup_map *map);
/* NULL when the digest is unknown. Valid until the next add. */
const struct extent_ref *dedup_map_find(const struct dedup_map *map,
					const struct chunk_digest *digest);
/* Adds a digest that is not there; the place's length is not 0. */
void dedup_map_add(struct dedup_map *map, const struct dedup_note *note);

#endif
