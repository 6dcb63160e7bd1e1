/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/chunk_list.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/extent_cursor.h"
#include "cache/inode.h"

static void add(struct chunk_list *list, uint64_t chunk)
{
	if (list->count && list->ids[list->count - 1] == chunk)
		return;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->ids = xrealloc(list->ids, list->capacity * sizeof(*list->ids));
	}
	list->ids[list->count++] = chunk;
}

/* The references of an extent that cover bytes [from, until) of the file. */
static void add_extent(struct chunk_list *list, const struct extent *extent, uint64_t from,
		       uint64_t until)
{
	uint64_t offset = extent->offset;
	unsigned int i;

	if (extent->row.segment)
		return;
	for (i = 0; i < extent->row.refs_count && offset < until; i++) {
		offset += extent->row.refs[i].length;
		if (offset > from)
			add(list, extent->row.refs[i].chunk);
	}
}

int chunk_list_add_file(struct chunk_list *list, struct cache *cache, uint64_t ino, uint64_t from,
			uint64_t until)
{
	struct node *node = inode_lock_shared(cache, ino);
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	int result = extent_content_get(cache->index, ino, &content);

	if (!result)
		result = extent_cursor_open(&cursor, cache->index, ino, content.generation, from);
	if (!result) {
		while ((result = extent_cursor_next(&cursor, &extent)) > 0 && extent.offset < until)
			add_extent(list, &extent, from, until);
		extent_cursor_close(&cursor);
	}
	inode_unlock_shared(cache, node);
	return result < 0 ? result : 0;
}

void chunk_list_clear(struct chunk_list *list)
{
	list->count = 0;
}

void chunk_list_release(struct chunk_list *list)
{
	free(list->ids);
	memset(list, 0, sizeof(*list));
}
