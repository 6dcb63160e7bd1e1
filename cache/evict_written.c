/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/evict_written.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cached_chunk.h"
#include "cache/chunk_use.h"
#include "cache/clean_segment.h"
#include "cache/evict_policy.h"
#include "cache/evict_segment.h"
#include "cache/extent_cursor.h"
#include "cache/fetch_job.h"
#include "cache/io.h"
#include "cache/pins.h"
#include "cache/segment_format.h"

/* Parts that are gathered under one index cursor; one extent more fits in. */
#define EVICT_PARTS 128

/* What an extent of the segment has of a chunk. */
struct part {
	uint64_t ino;
	uint64_t chunk;
	int64_t start; /* of the chunk in the file; negative: not all of it is there */
	uint32_t length;
};

struct drop;
typedef void drop_part_fn(struct drop *drop, const struct part *part);

struct drop {
	struct cache *cache;
	const struct segment_info *info;
	drop_part_fn *fn;
	struct part *parts;
	size_t count;
	uint64_t live;
	uint64_t used; /* bytes of the live ones that stay */
	uint64_t last_chunk;
};

static void add_extent(struct drop *drop, uint64_t ino, const struct extent *extent)
{
	uint64_t offset = extent->offset;
	unsigned int i;

	for (i = 0; i < extent->row.refs_count; i++) {
		const struct extent_ref *ref = &extent->row.refs[i];

		drop->parts[drop->count++] = (struct part){
			.ino = ino,
			.chunk = ref->chunk,
			.start = (int64_t)offset - (int64_t)ref->chunk_offset,
			.length = ref->length,
		};
		offset += ref->length;
	}
}

/* Gathers what of [*from, until) of the file lies in the segment; *from becomes
 * the end of what was looked at. */
static int gather(struct drop *drop, uint64_t ino, uint64_t *from, uint64_t until)
{
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	int result = extent_content_get(drop->cache->index, ino, &content);

	drop->count = 0;
	if (!result)
		result = extent_cursor_open(&cursor, drop->cache->index, ino, content.generation,
					    *from);
	if (result)
		return result;
	*from = until;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0 && extent.offset < until) {
		if (extent.row.segment != drop->info->number)
			continue;
		if (drop->count > EVICT_PARTS) {
			*from = extent.offset;
			break;
		}
		add_extent(drop, ino, &extent);
	}
	extent_cursor_close(&cursor);
	return result < 0 ? result : 0;
}

/* Calls fn for each part that lies in the record. */
static int each_part(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	struct drop *drop = arg;
	uint64_t from = tag->offset;
	uint64_t until = tag->offset + length;
	int result = 0;
	size_t i;

	(void)record;
	while (!result && from < until) {
		result = gather(drop, tag->number, &from, until);
		for (i = 0; !result && i < drop->count; i++)
			drop->fn(drop, &drop->parts[i]);
	}
	return result;
}

static void weigh(struct drop *drop, const struct part *part)
{
	drop->live += part->length;
	if (pins_has_file(drop->cache->pins, part->ino) ||
	    chunk_use_is_used(drop->cache->chunk_use, part->chunk))
		drop->used += part->length;
}

/* The segment stays; what was used counts as looked at. */
static void look_at(struct drop *drop, const struct part *part)
{
	if (chunk_use_is_used(drop->cache->chunk_use, part->chunk))
		chunk_use_judge(drop->cache->chunk_use, part->chunk, part->length,
				drop->info->kept);
}

/* The chunk's bytes as the file has them. -ENOENT when it has not all of them,
 * or others, or not here. */
static int read_chunk(struct cache *cache, const struct part *part, struct buffer *bytes)
{
	struct chunk_digest digest;
	struct chunk_row chunk;
	struct pack_row pack;
	size_t got;
	int result = fetch_locate(cache->index, part->chunk, &chunk, &pack);

	if (result)
		return result;
	if (part->start < 0 || chunk.raw_length > SEGMENT_DATA_MAX)
		return -ENOENT;
	result = io_read(cache, part->ino, NULL, (uint64_t)part->start, chunk.raw_length, IO_LOCAL,
			 buffer_extend(bytes, chunk.raw_length), &got);
	if (result || got < chunk.raw_length)
		return -ENOENT;
	digest = seal_digest(cache->seal, bytes->data, bytes->length);
	return memcmp(digest.bytes, chunk.digest, sizeof(digest.bytes)) ? -ENOENT : 0;
}

static void keep(struct cache *cache, const struct part *part)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	int result;

	chunk_use_expect(cache->chunk_use, part->chunk);
	if (cached_chunk_exists(cache, part->chunk))
		return;
	result = read_chunk(cache, part, &bytes);
	if (!result)
		result = cached_chunk_put(cache, SEGMENT_CLASS_KEPT, part->chunk, bytes.data,
					  (uint32_t)bytes.length);
	if (result && result != -ENOENT)
		log_warn("a chunk in use leaves the cache: %s", err_message(result));
}

/* A chunk is judged where its first part is: the others are still here then. */
static void decide(struct drop *drop, const struct part *part)
{
	if (part->chunk == drop->last_chunk)
		return;
	drop->last_chunk = part->chunk;
	if (chunk_use_judge(drop->cache->chunk_use, part->chunk, part->length, drop->info->kept))
		keep(drop->cache, part);
}

static int detach(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	struct drop *drop = arg;
	uint64_t bytes = 0;
	int result;

	if (pins_has_file(drop->cache->pins, tag->number))
		return clean_range(drop->cache, drop->info->number, tag, length);
	result = each_part(tag, record, length, arg);
	return result ? result
		      : evict_extents(drop->cache, tag->number, tag->offset, tag->offset + length,
				      drop->info->number, &bytes);
}

int evict_written(struct cache *cache, const struct segment_info *info)
{
	struct drop drop = { .cache = cache, .info = info, .fn = weigh };
	int result;

	drop.parts = xcalloc(EVICT_PARTS + EXTENT_REFS_MAX + 1, sizeof(*drop.parts));
	result = segment_scan(cache->segments, info->number, each_part, &drop);
	if (!result && evict_policy_requeues(drop.live, drop.used)) {
		segments_requeue(cache->segments, info->number);
		drop.fn = look_at;
		result = segment_scan(cache->segments, info->number, each_part, &drop);
	} else if (!result) {
		drop.fn = decide;
		result = segment_scan(cache->segments, info->number, detach, &drop);
	}
	free(drop.parts);
	return result;
}
