/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of the segments must be the sums of the rows. */
#ifndef DRAY_TESTS_SEGMENT_SUMS_H
#define DRAY_TESTS_SEGMENT_SUMS_H

#include <check.h>
#include <stdlib.h>

#include "cache/cache_int.h"

#define SEGMENT_SUMS_MAX 4096

struct segment_sums {
	uint64_t live[SEGMENT_SUMS_MAX];
	uint64_t dirty[SEGMENT_SUMS_MAX];
	uint64_t dirty_bytes;
};

static inline uint32_t segment_sums_chunk_length(struct index *index, uint64_t chunk)
{
	struct buffer value = BUFFER_INIT;
	struct chunk_row row;
	struct row_key key;

	key_chunk(&key, chunk);
	ck_assert_int_eq(index_get(index, &key, &value), 0);
	ck_assert_int_eq(row_get_chunk(value.data, value.length, &row), 0);
	buffer_release(&value);
	return row.raw_length;
}

static inline void segment_sums_add(struct segment_sums *sums, struct index *index,
				    const uint8_t *key, size_t key_length, const uint8_t *value,
				    size_t value_length)
{
	struct cached_row cached;
	struct extent_row extent;

	if (key_table(key, key_length) == TABLE_EXTENT) {
		ck_assert_int_eq(row_get_extent(value, value_length, &extent), 0);
		ck_assert_uint_lt(extent.segment, SEGMENT_SUMS_MAX);
		if (!extent.segment)
			return;
		sums->live[extent.segment] += extent.length;
		if (!extent.refs_count) {
			sums->dirty[extent.segment] += extent.length;
			sums->dirty_bytes += extent.length;
		}
	} else if (key_table(key, key_length) == TABLE_CACHED) {
		ck_assert_int_eq(row_get_cached(value, value_length, &cached), 0);
		ck_assert_uint_lt(cached.segment, SEGMENT_SUMS_MAX);
		sums->live[cached.segment] +=
			segment_sums_chunk_length(index, key_number(key, key_length));
	}
}

static inline void segment_sums_compare(struct segment_sums *sums, const struct segment_info *info)
{
	ck_assert_uint_lt(info->number, SEGMENT_SUMS_MAX);
	ck_assert_uint_eq(info->live, sums->live[info->number]);
	ck_assert_uint_eq(info->dirty, sums->dirty[info->number]);
	sums->live[info->number] = 0;
}

static inline void segment_sums_check(struct cache *cache)
{
	struct segment_sums *sums = xcalloc(1, sizeof(*sums));
	struct segment_info *list;
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	size_t count;
	size_t i;

	key_extent(&start, 0, 0, 0);
	ck_assert_int_eq(index_cursor_open(cache->index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) > 0)
		segment_sums_add(sums, cache->index, key, key_length, value, value_length);
	index_cursor_close(cursor);
	count = segments_list(cache->segments, &list);
	for (i = 0; i < count; i++)
		segment_sums_compare(sums, &list[i]);
	free(list);
	/* Rows point to no other segments. */
	for (i = 0; i < SEGMENT_SUMS_MAX; i++)
		ck_assert_uint_eq(sums->live[i], 0);
	ck_assert_uint_eq(segments_dirty_bytes(cache->segments), sums->dirty_bytes);
	free(sums);
}

#endif
