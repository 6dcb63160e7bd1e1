/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/file_chunks.h"

#include "cache/cache_int.h"

void chunk_list_add(struct chunk_list *list, uint64_t chunk)
{
	if (list->count && list->ids[list->count - 1] == chunk)
		return;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->ids = xrealloc(list->ids, list->capacity * sizeof(*list->ids));
	}
	list->ids[list->count++] = chunk;
}

static void list_extent(struct chunk_list *list, const struct extent_row *row)
{
	unsigned int i;

	if (row->segment)
		return; /* readable from its segment */
	for (i = 0; i < row->refs_count; i++)
		chunk_list_add(list, row->refs[i].chunk);
}

int file_chunks_list(struct cache *cache, uint64_t ino, struct chunk_list *list)
{
	struct index_cursor *cursor;
	struct extent_row row;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_extent(&start, ino, 0, 0);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0) {
		if (key_table(key, key_length) != TABLE_EXTENT ||
		    key_number(key, key_length) != ino) {
			result = 0;
			break;
		}
		result = row_get_extent(value, value_length, &row);
		if (result)
			break;
		list_extent(list, &row);
	}
	index_cursor_close(cursor);
	return result;
}
