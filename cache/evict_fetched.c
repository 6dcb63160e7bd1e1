/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/evict_fetched.h"

#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/chunk_use.h"
#include "cache/evict_policy.h"
#include "cache/evict_segment.h"
#include "cache/pins.h"

/* Chunks whose rows change in one batch. */
#define EVICT_BATCH_CHUNKS 256

/* What becomes of a chunk. */
struct fate {
	uint64_t chunk;
	uint32_t record; /* its place in the segment */
	uint32_t length;
	struct segment_place place; /* the new one, pinned; segment 0: it goes */
};

struct drop {
	struct cache *cache;
	const struct segment_info *info;
	uint64_t live;
	uint64_t used; /* bytes of the live ones that stay */
	struct fate *fates;
	size_t count;
	struct buffer bytes;
};

/* True when the record is what the chunk's row points to. */
static bool is_live(const struct drop *drop, uint64_t chunk, uint32_t record)
{
	struct cached_row row;

	return !evict_get_cached(drop->cache, chunk, &row) && row.segment == drop->info->number &&
	       row.record == record;
}

static bool stays(const struct drop *drop, uint64_t chunk)
{
	return pins_has_chunk(drop->cache->pins, chunk) ||
	       chunk_use_is_used(drop->cache->chunk_use, chunk);
}

static int weigh(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	struct drop *drop = arg;

	if (!is_live(drop, tag->number, record))
		return 0;
	drop->live += length;
	if (stays(drop, tag->number))
		drop->used += length;
	return 0;
}

/* The segment stays; what was used counts as looked at. */
static int look_at(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	struct drop *drop = arg;
	struct chunk_use *use = drop->cache->chunk_use;

	if (is_live(drop, tag->number, record) && chunk_use_is_used(use, tag->number))
		chunk_use_judge(use, tag->number, length, drop->info->kept);
	return 0;
}

/* Writes the chunk once more; when that fails it goes. */
static void keep(struct drop *drop, struct fate *fate)
{
	struct segments *segments = drop->cache->segments;
	struct segment_tag tag = { .class = SEGMENT_CLASS_FETCHED, .number = fate->chunk };
	int result;

	buffer_clear(&drop->bytes);
	result = segments_read(segments, drop->info->number, fate->record, &tag, 0, fate->length,
			       buffer_extend(&drop->bytes, fate->length));
	if (!result)
		result = segments_append_chunk(segments, SEGMENT_CLASS_KEPT, fate->chunk,
					       drop->bytes.data, fate->length, &fate->place);
	if (!result)
		return;
	log_warn("a chunk in use leaves the cache: %s", err_message(result));
	fate->place.segment = 0;
}

/* The row of one chunk, if it is what it was. */
static void add_change(const struct drop *drop, const struct fate *fate, struct batch *batch)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct cached_row row = { .segment = fate->place.segment, .record = fate->place.record };
	struct row_key key;

	if (!is_live(drop, fate->chunk, fate->record))
		return;
	key_cached(&key, fate->chunk);
	batch_segment_use(batch, drop->info->number, -(int64_t)fate->length, 0);
	if (!row.segment) {
		batch_delete(batch, &key, ROW_LOCAL);
		return;
	}
	row_put_cached(&value, &row);
	batch_put(batch, &key, &value, ROW_LOCAL);
	batch_segment_use(batch, row.segment, fate->length, 0);
}

static int change_rows(struct drop *drop)
{
	struct cache *cache = drop->cache;
	struct batch batch;
	int result = 0;
	size_t i;

	batch_init(&batch, BATCH_ROWS, 0);
	lock_acquire(&cache->cached);
	for (i = 0; i < drop->count; i++)
		add_change(drop, &drop->fates[i], &batch);
	if (!batch_is_empty(&batch))
		result = index_commit(cache->index, &batch, NULL);
	lock_release(&cache->cached);
	CRASH_POINT(evict_dropped);
	batch_release(&batch);
	for (i = 0; i < drop->count; i++) {
		if (drop->fates[i].place.segment)
			segment_unpin(cache->segments, drop->fates[i].place.segment);
	}
	drop->count = 0;
	return result;
}

static int decide(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	struct drop *drop = arg;
	struct fate *fate = &drop->fates[drop->count];

	if (!is_live(drop, tag->number, record))
		return 0; /* fetched again since, into another segment */
	*fate = (struct fate){ .chunk = tag->number, .record = record, .length = length };
	if (chunk_use_judge(drop->cache->chunk_use, tag->number, length, drop->info->kept) ||
	    pins_has_chunk(drop->cache->pins, tag->number))
		keep(drop, fate);
	return ++drop->count < EVICT_BATCH_CHUNKS ? 0 : change_rows(drop);
}

int evict_fetched(struct cache *cache, const struct segment_info *info)
{
	struct drop drop = { .cache = cache, .info = info, .bytes = BUFFER_INIT };
	int result = segment_scan(cache->segments, info->number, weigh, &drop);
	int changed;

	if (!result && evict_policy_requeues(drop.live, drop.used)) {
		segments_requeue(cache->segments, info->number);
		return segment_scan(cache->segments, info->number, look_at, &drop);
	}
	if (result)
		return result;
	drop.fates = xcalloc(EVICT_BATCH_CHUNKS, sizeof(*drop.fates));
	result = segment_scan(cache->segments, info->number, decide, &drop);
	changed = change_rows(&drop); /* also after an error: they are pinned */
	free(drop.fates);
	buffer_release(&drop.bytes);
	return result ? result : changed;
}
