/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_local.h"

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/unsynced.h"

/* A cache is at least so many segments, or evicting one would be a jolt. And
 * what the journal and the memtables before it take leaves room for them. */
#define FILES_A_CACHE	   32
#define FILE_BYTES_MIN	   (1ull << 20)
#define SEGMENT_BYTES_MAX  (64ull << 20)
#define JOURNAL_BYTES_MAX  (64ull << 20)
#define MEMTABLE_BYTES_MAX (16ull << 20)

static void hook_use(void *arg, uint64_t segment, int64_t live, int64_t dirty)
{
	segments_use(arg, segment, live, dirty);
}

static void hook_rows(void *arg, struct batch *batch)
{
	segments_put_rows(arg, batch);
}

static int hook_flush(void *arg)
{
	return segments_flush(arg);
}

/* Are the bytes good that this extent points to? */
static int hook_verify(void *arg, uint64_t ino, uint64_t end, const struct extent_row *row)
{
	struct segment_tag tag = {
		.class = SEGMENT_CLASS_WRITTEN,
		.number = ino,
		.offset = end - row->length - row->delta,
	};

	return segments_verify(arg, row->segment, row->record, &tag, row->delta, row->length);
}

static int hook_redo(void *arg, uint64_t segment, uint32_t offset, const void *bytes,
		     uint32_t length)
{
	return segments_redo(arg, segment, offset, bytes, length);
}

static void replay_progress(void *arg, uint64_t done, uint64_t total)
{
	struct cache *cache = arg;

	if (cache->conf.progress)
		cache->conf.progress("replaying the journal", done, total,
				     cache->conf.progress_arg);
}

static uint64_t file_bytes(const struct cache *cache, uint64_t max)
{
	uint64_t bytes = cache->conf.cache_bytes / FILES_A_CACHE;

	if (bytes < FILE_BYTES_MIN)
		return FILE_BYTES_MIN;
	return bytes > max ? max : bytes;
}

static int open_segments(struct cache *cache, bool read_only)
{
	CLEANUP_FREE char *directory = xasprintf("%s/segments", cache->directory);
	struct segments_conf conf = {
		.directory = directory,
		.segment_bytes = file_bytes(cache, SEGMENT_BYTES_MAX),
		.read_only = read_only,
	};

	return segments_open(&conf, &cache->segments);
}

static int open_index(struct cache *cache, bool read_only)
{
	CLEANUP_FREE char *index_directory = xasprintf("%s/index", cache->directory);
	CLEANUP_FREE char *journal_directory = xasprintf("%s/journal", cache->directory);
	struct index_conf conf = {
		.index_directory = index_directory,
		.journal_directory = journal_directory,
		.read_only = read_only,
		.memtable_bytes = file_bytes(cache, MEMTABLE_BYTES_MAX),
		.journal_file_bytes = file_bytes(cache, JOURNAL_BYTES_MAX),
		.boot_id = cache->conf.boot_id,
		.hooks = { .arg = cache->segments,
			   .segment_use = hook_use,
			   .segment_rows = hook_rows,
			   .segments_flush = hook_flush,
			   .segment_verify = hook_verify,
			   .segment_redo = hook_redo },
		.progress = replay_progress,
		.progress_arg = cache,
	};

	return index_open(&conf, &cache->index);
}

/* The counters as of the last checkpoint; replay brings them up to date. */
static int load_segment_rows(struct cache *cache)
{
	struct index_cursor *cursor;
	struct segment_row row;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_segment(&start, 0);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0) {
		if (key_table(key, key_length) != TABLE_SEGMENT) {
			result = 0;
			break;
		}
		result = row_get_segment(value, value_length, &row);
		if (result)
			break;
		segments_load(cache->segments, key_number(key, key_length), &row);
	}
	index_cursor_close(cursor);
	return result;
}

static void init_limits(struct cache *cache)
{
	const struct limits_conf conf = {
		.cache_bytes = cache->conf.cache_bytes,
		.dirty_bytes = cache->conf.dirty_bytes,
		.min_free_bytes = cache->conf.min_free_bytes,
		.on_full = cache->conf.on_full,
	};

	limits_init(&cache->limits, &conf);
}

int cache_local_open(struct cache *cache, bool read_only)
{
	int result = 0;

	init_limits(cache);
	if (!read_only)
		result = unsynced_mend(cache->directory, cache->conf.progress,
				       cache->conf.progress_arg);
	if (!result)
		result = open_segments(cache, read_only);
	if (!result)
		result = open_index(cache, read_only);
	if (!result)
		result = load_segment_rows(cache);
	if (!result)
		result = index_open_replay(cache->index);
	if (!result && !read_only)
		result = segments_start(cache->segments);
	/* Bytes that a killed process left unflushed: an fsync only knows of
	 * those that are written from now on. */
	if (!result && !read_only)
		result = index_flush_all(cache->index);
	CRASH_POINT(open_flushed);
	if (result) {
		cache_local_abandon(cache);
		return result;
	}
	cache->nodes = node_table_new();
	return 0;
}

static void close_local(struct cache *cache, void (*close_index)(struct index *index))
{
	if (cache->nodes)
		node_table_free(cache->nodes);
	if (cache->index)
		close_index(cache->index);
	if (cache->segments)
		segments_close(cache->segments);
	cache->nodes = NULL;
	cache->index = NULL;
	cache->segments = NULL;
}

void cache_local_close(struct cache *cache)
{
	close_local(cache, index_close);
}

void cache_local_abandon(struct cache *cache)
{
	close_local(cache, index_abandon);
}
