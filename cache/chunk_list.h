/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks that bytes of a file lie in, and that are to be fetched when the
 * bytes are read: those of extents without a place in a segment. (They may be
 * in the cache as chunks.) In the order of the file; one that follows itself is
 * there once.
 */
#ifndef DRAY_CACHE_CHUNK_LIST_H
#define DRAY_CACHE_CHUNK_LIST_H

#include <stddef.h>
#include <stdint.h>

struct cache;

struct chunk_list {
	uint64_t *ids;
	size_t count;
	size_t capacity;
};

/* Adds the chunks of bytes [from, until) of a file; of one that is not there,
 * none. NODE is taken, shared. */
int chunk_list_add_file(struct chunk_list *list, struct cache *cache, uint64_t ino, uint64_t from,
			uint64_t until);
void chunk_list_clear(struct chunk_list *list);
void chunk_list_release(struct chunk_list *list);

#endif
