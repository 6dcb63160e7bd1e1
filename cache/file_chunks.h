/* SPDX-License-Identifier: Apache-2.0 */
/* Which chunks a file's bytes are in that have no place of their own here. */
#ifndef DRAY_CACHE_FILE_CHUNKS_H
#define DRAY_CACHE_FILE_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

struct cache;

struct chunk_list {
	uint64_t *ids; /* to be freed */
	size_t count;
	size_t capacity;
};

/* Adds the id unless it is the last one. */
void chunk_list_add(struct chunk_list *list, uint64_t id);
/* Adds the chunks that a file's extents without a local place refer to, in the
 * order of the file. */
int file_chunks_list(struct cache *cache, uint64_t ino, struct chunk_list *list);

#endif
