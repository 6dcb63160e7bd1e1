/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/extent_cursor.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

int extent_content_get(struct index *index, uint64_t ino, struct content_row *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result;

	key_content(&key, ino);
	result = index_get(index, &key, &value);
	if (result == -ENOENT) {
		memset(out, 0, sizeof(*out));
		return 0;
	}
	return result ? result : row_get_content(value.data, value.length, out);
}

int extent_cursor_open(struct extent_cursor *cursor, struct index *index, uint64_t ino,
		       uint32_t generation, uint64_t offset)
{
	struct row_key start;
	int result;

	cursor->ino = ino;
	cursor->generation = generation;
	key_extent(&start, ino, generation, offset + 1);
	result = index_cursor_open(index, &start, &cursor->rows);
	/* Before the end offset, the keys of one generation are equal. */
	if (!result)
		index_cursor_bound(cursor->rows, &start, start.length - sizeof(uint64_t));
	return result;
}

int extent_cursor_next(struct extent_cursor *cursor, struct extent *out)
{
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint32_t generation;
	uint64_t ino;
	int result = index_cursor_next(cursor->rows, &key, &key_length, &value, &value_length);

	if (result <= 0)
		return result;
	if (!key_extent_parse(key, key_length, &ino, &generation, &out->end) ||
	    ino != cursor->ino || generation != cursor->generation)
		return 0;
	result = row_get_extent(value, value_length, &out->row);
	if (result)
		return result;
	if (out->row.length > out->end)
		return err_set(-ERR_index_corrupt,
			       "an extent of inode %" PRIu64 " begins before the file", ino);
	out->offset = out->end - out->row.length;
	return 1;
}

void extent_cursor_close(struct extent_cursor *cursor)
{
	index_cursor_close(cursor->rows);
}
