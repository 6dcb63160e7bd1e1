/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the extents of one file, in the order of their offsets. */
#ifndef DRAY_CACHE_EXTENT_CURSOR_H
#define DRAY_CACHE_EXTENT_CURSOR_H

#include "cache/index.h"

/* The extent [offset, end). */
struct extent {
	uint64_t offset;
	uint64_t end;
	struct extent_row row; /* last: copies may cut off unused refs */
};

struct extent_cursor {
	struct index_cursor *rows;
	uint64_t ino;
	uint32_t generation;
};

/* The CONTENT row; a file without one is empty. */
int extent_content_get(struct index *index, uint64_t ino, struct content_row *out);
/* At the first extent that ends behind `offset`. */
int extent_cursor_open(struct extent_cursor *cursor, struct index *index, uint64_t ino,
		       uint32_t generation, uint64_t offset);
/* 1 and the next extent, 0 behind the last one, or an error. */
int extent_cursor_next(struct extent_cursor *cursor, struct extent *out);
void extent_cursor_close(struct extent_cursor *cursor);

#endif
