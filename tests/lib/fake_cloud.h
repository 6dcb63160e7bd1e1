/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a local cache that are as if they were in the cloud: chunks whose
 * rows lead to a pack that does not exist, and whose bytes lie in a FETCHED
 * segment. So io_read() finds them by way of fetch_read() until their CACHED
 * row goes (evict_chunk()), and then fails to find the pack.
 */
#ifndef DRAY_TESTS_FAKE_CLOUD_H
#define DRAY_TESTS_FAKE_CLOUD_H

#include <check.h>

#include "backend/base/cleanup.h"
#include "cache/attach.h"
#include "cache/cache_int.h"
#include "cache/extent_cursor.h"
#include "cache/io.h"

/* Puts the rows of a chunk with these bytes; its id. */
static inline uint64_t fake_cloud_chunk(struct cache *cache, const void *bytes, uint32_t length)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct segment_tag tag = { .class = SEGMENT_CLASS_FETCHED };
	struct pack_row pack = { .kind = PACK_KIND_OBJECT, .epoch = 1, .length = 1u << 30 };
	struct chunk_row chunk = { .stored_length = length, .raw_length = length };
	struct segment_place place;
	struct cached_row cached;
	struct row_key key;
	struct batch batch;

	tag.number = index_new_chunks(cache->index, 2);
	chunk.pack = tag.number + 1;
	ck_assert_int_eq(segments_append(cache->segments, &tag, bytes, length, &place), 0);
	batch_init(&batch, BATCH_ROWS, 0);
	row_put_pack(&value, &pack);
	key_pack(&key, chunk.pack);
	batch_put(&batch, &key, &value, ROW_LOCAL);
	buffer_clear(&value);
	row_put_chunk(&value, &chunk);
	key_chunk(&key, tag.number);
	batch_put(&batch, &key, &value, ROW_LOCAL);
	buffer_clear(&value);
	cached.segment = place.segment;
	cached.record = place.record;
	row_put_cached(&value, &cached);
	key_cached(&key, tag.number);
	batch_put(&batch, &key, &value, ROW_LOCAL);
	batch_segment_use(&batch, place.segment, length, 0);
	ck_assert_int_eq(index_commit(cache->index, &batch, NULL), 0);
	batch_release(&batch);
	segment_unpin(cache->segments, place.segment);
	return tag.number;
}

/* One extent becomes STORED: in two chunks, the second one with other bytes
 * before, when it is longer than a byte. */
static inline void fake_cloud_store_extent(struct cache *cache, uint64_t ino, uint32_t generation,
					   const struct extent *extent)
{
	uint32_t length = extent->row.length;
	CLEANUP_FREE uint8_t *bytes = xcalloc(1, length + 100);
	struct extent_ref refs[2];
	struct attach_item item = {
		.ino = ino,
		.generation = generation,
		.offset = extent->offset,
		.length = length,
		.segment = extent->row.segment,
		.record = extent->row.record,
		.delta = extent->row.delta,
		.refs_count = length > 1 ? 2 : 1,
		.refs = refs,
	};
	uint64_t stored = 0;
	size_t got;

	ck_assert_int_eq(io_read(cache, ino, NULL, extent->offset, length, 0, bytes + 100, &got),
			 0);
	ck_assert_uint_eq(got, length);
	refs[0].length = item.refs_count == 2 ? length / 2 : length;
	refs[0].chunk_offset = 0;
	refs[0].chunk = fake_cloud_chunk(cache, bytes + 100, refs[0].length);
	refs[1].length = length - refs[0].length;
	refs[1].chunk_offset = 100;
	if (item.refs_count == 2) {
		memmove(bytes + 100, bytes + 100 + refs[0].length, refs[1].length);
		refs[1].chunk = fake_cloud_chunk(cache, bytes, refs[1].length + 100);
	}
	ck_assert_int_eq(attach_refs(cache, &item, 1, &stored), 0);
	ck_assert_uint_eq(stored, length);
}

/* The first dirty extent of a file that ends behind `offset` becomes STORED;
 * where it ends, or 0 when there is none. */
static inline uint64_t fake_cloud_store_next(struct cache *cache, uint64_t ino, uint64_t offset)
{
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	int found;

	ck_assert_int_eq(extent_content_get(cache->index, ino, &content), 0);
	ck_assert_int_eq(extent_cursor_open(&cursor, cache->index, ino, content.generation, offset),
			 0);
	do {
		found = extent_cursor_next(&cursor, &extent);
		ck_assert_int_ge(found, 0);
	} while (found && extent.row.refs_count);
	extent_cursor_close(&cursor);
	if (!found)
		return 0;
	fake_cloud_store_extent(cache, ino, content.generation, &extent);
	return extent.end;
}

/* All of them. */
static inline void fake_cloud_store_file(struct cache *cache, uint64_t ino)
{
	uint64_t end = 0;

	while ((end = fake_cloud_store_next(cache, ino, end)))
		;
}

#endif
