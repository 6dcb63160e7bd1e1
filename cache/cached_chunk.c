/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cached_chunk.h"

#include <inttypes.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/chunk_use.h"
#include "cache/evict.h"
#include "cache/evict_segment.h"

/* The chunk's place on the cache disk did not give its bytes: it is forgotten,
 * so that what is fetched now is kept instead. */
static void forget_rotten(struct cache *cache, uint64_t chunk, const struct cached_row *row,
			  int why)
{
	uint64_t bytes;
	int result;

	log_warn("%s; fetching chunk %" PRIu64 " again", err_message(why), chunk);
	result = evict_chunk(cache, chunk, row, &bytes);
	if (result)
		log_warn("%s", err_message(result));
}

int cached_chunk_read(struct cache *cache, uint64_t chunk, uint32_t offset, uint32_t length,
		      void *bytes)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct segment_tag tag = { .class = SEGMENT_CLASS_FETCHED, .number = chunk };
	struct cached_row row;
	struct row_key key;
	int result;

	key_cached(&key, chunk);
	result = index_get(cache->index, &key, &value);
	if (!result)
		result = row_get_cached(value.data, value.length, &row);
	if (result)
		return result;
	result = segments_read(cache->segments, row.segment, row.record, &tag, offset, length,
			       bytes);
	if (result == -ERR_segment_corrupt || result == -ERR_local_io) {
		forget_rotten(cache, chunk, &row, result);
		result = -ENOENT;
	}
	return result;
}

bool cached_chunk_exists(struct cache *cache, uint64_t chunk)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;

	key_cached(&key, chunk);
	return !index_get(cache->index, &key, &value);
}

/* Points the chunk's row to the place, unless it has one. */
static int put_row(struct cache *cache, uint64_t chunk, const struct segment_place *place,
		   uint32_t length)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct cached_row row = { .segment = place->segment, .record = place->record };
	struct row_key key;
	struct batch batch;
	int result = 0;

	row_put_cached(&value, &row);
	key_cached(&key, chunk);
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put(&batch, &key, &value, ROW_LOCAL);
	batch_segment_use(&batch, place->segment, length, 0);
	lock_acquire(&cache->cached);
	if (!cached_chunk_exists(cache, chunk))
		result = index_commit(cache->index, &batch, NULL);
	lock_release(&cache->cached);
	batch_release(&batch);
	return result;
}

int cached_chunk_put(struct cache *cache, enum segment_class class, uint64_t chunk,
		     const void *bytes, uint32_t length)
{
	struct segment_place place;
	int result;

	result = segments_append_chunk(cache->segments, class, chunk, bytes, length, &place);
	if (result)
		return result;
	CRASH_POINT(fetch_appended);
	result = put_row(cache, chunk, &place, length);
	CRASH_POINT(fetch_cached);
	segment_unpin(cache->segments, place.segment);
	return result;
}

void cached_chunk_keep(struct cache *cache, const struct chunk_bytes *bytes)
{
	int result;

	/* Read ahead twice: its flight had just ended when the second began. */
	if (cached_chunk_exists(cache, bytes->chunk) || !evict_admit(cache, bytes->length))
		return;
	result = cached_chunk_put(cache, chunk_use_admit(cache->chunk_use, bytes->chunk),
				  bytes->chunk, bytes->data, (uint32_t)bytes->length);
	if (result)
		log_warn("chunk %" PRIu64 " is not cached: %s", bytes->chunk, err_message(result));
}
