/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/dedup_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"

void dedup_map_release(struct dedup_map *map)
{
	free(map->slots);
	memset(map, 0, sizeof(*map));
}

static struct dedup_note *slot_of(const struct dedup_map *map, const struct chunk_digest *digest)
{
	uint64_t hash;
	size_t at;

	memcpy(&hash, digest->bytes, sizeof(hash));
	at = (size_t)hash & (map->slots_count - 1);
	while (map->slots[at].place.length && !chunk_digest_equal(&map->slots[at].digest, digest))
		at = (at + 1) & (map->slots_count - 1);
	return &map->slots[at];
}

const struct extent_ref *dedup_map_find(const struct dedup_map *map,
					const struct chunk_digest *digest)
{
	struct dedup_note *slot = map->slots_count ? slot_of(map, digest) : NULL;

	return slot && slot->place.length ? &slot->place : NULL;
}

static void grow(struct dedup_map *map)
{
	struct dedup_map bigger = { .slots_count = map->slots_count ? 2 * map->slots_count : 256 };
	size_t i;

	bigger.slots = xcalloc(bigger.slots_count, sizeof(*bigger.slots));
	for (i = 0; i < map->slots_count; i++)
		if (map->slots[i].place.length)
			*slot_of(&bigger, &map->slots[i].digest) = map->slots[i];
	free(map->slots);
	map->slots = bigger.slots;
	map->slots_count = bigger.slots_count;
}

void dedup_map_add(struct dedup_map *map, const struct dedup_note *note)
{
	struct dedup_note *slot;

	assert(note->place.length);
	if (2 * (map->used + 1) > map->slots_count)
		grow(map);
	slot = slot_of(map, &note->digest);
	assert(!slot->place.length);
	*slot = *note;
	map->used++;
}
