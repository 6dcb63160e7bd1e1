/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/rewriter.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/committer.h"
#include "cache/fetch.h"
#include "cache/fetch_job.h"
#include "cache/fragments.h"
#include "cache/rewrite.h"
#include "cache/upload_pool.h"

/* Rows of extents looked at in a step, and steps a second. */
#define STEP_ROWS	3000
#define STEP_NS		NS_PER_SECOND
#define FAILED_PAUSE_NS (60 * NS_PER_SECOND)
/* Ranges that are rewritten together: into one pack, mostly. */
#define RANGES_MAX 16
/* Points in time of which is known which chunks there were. */
#define AGE_MARKS 8

struct age_mark {
	int64_t boot_ns;
	uint64_t next_chunk;
};

struct rewriter {
	struct cache *cache;
	struct upload_pool *pool;
	pthread_t thread;

	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	bool stopping;
	struct rewriter_stats stats;

	/* owned by the thread */
	struct age_mark marks[AGE_MARKS]; /* oldest first */
	unsigned int marks_count;
	struct row_key next;			     /* where the scan goes on */
	uint64_t misses;			     /* of readers, when it looked last */
	struct rewrite_range ranges[RANGES_MAX + 1]; /* found */
	size_t ranges_count;

	/* the region that the scan is in */
	struct fragments fragments;
	struct rewrite_range region; /* ino 0: none */
};

/* Age. */

/* Chunks below were there conf.rewrite_age_ns ago. */
static uint64_t cold_chunk(struct rewriter *rewriter)
{
	int64_t age = rewriter->cache->conf.rewrite_age_ns;
	int64_t now = clock_boot_ns();
	struct index_counters counters;
	uint64_t cold = 0;
	unsigned int i;

	index_counters_get(rewriter->cache->index, &counters);
	if (!rewriter->marks_count ||
	    rewriter->marks[rewriter->marks_count - 1].boot_ns <= now - age / (AGE_MARKS - 1)) {
		if (rewriter->marks_count == AGE_MARKS)
			memmove(rewriter->marks, rewriter->marks + 1,
				--rewriter->marks_count * sizeof(rewriter->marks[0]));
		rewriter->marks[rewriter->marks_count++] =
			(struct age_mark){ .boot_ns = now, .next_chunk = counters.next_chunk };
	}
	for (i = 0; i < rewriter->marks_count && rewriter->marks[i].boot_ns <= now - age; i++)
		cold = rewriter->marks[i].next_chunk;
	return cold;
}

/* Looking. */

static bool lies_in_many_packs(struct rewriter *rewriter)
{
	const struct fragments *fragments = &rewriter->fragments;
	uint64_t packs[FRAGMENTS_CHUNKS_MAX];
	struct chunk_row chunk;
	struct pack_row pack;
	unsigned int i;

	for (i = 0; i < fragments->count; i++) {
		if (fetch_locate(rewriter->cache->index, fragments->chunks[i], &chunk, &pack))
			return false;
		packs[i] = chunk.pack;
	}
	return fragments_are(packs, fragments->count);
}

static void end_region(struct rewriter *rewriter, uint64_t cold)
{
	if (rewriter->region.ino && fragments_may_be(&rewriter->fragments, cold) &&
	    lies_in_many_packs(rewriter))
		rewriter->ranges[rewriter->ranges_count++] = rewriter->region;
	rewriter->region.ino = 0;
	rewriter->fragments = (struct fragments){ 0 };
}

static void look_at(struct rewriter *rewriter, uint64_t ino, const struct extent *extent,
		    uint64_t cold)
{
	uint64_t region = FRAGMENTS_REGION_BYTES;
	uint64_t at = extent->offset / region * region;

	for (; at < extent->end && rewriter->ranges_count < RANGES_MAX; at += region) {
		if (rewriter->region.ino != ino || rewriter->region.from != at) {
			end_region(rewriter, cold);
			rewriter->region = (struct rewrite_range){ .ino = ino,
								   .from = at,
								   .until = at + region };
		}
		fragments_add(&rewriter->fragments, extent, at, at + region);
	}
}

/* One row: 1 when the step goes on, 0 when there are no more extents. */
static int look_at_row(struct rewriter *rewriter, struct index_cursor *cursor, uint64_t *ino,
		       struct content_row *content, uint64_t cold)
{
	struct extent extent;
	uint32_t generation;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t found;
	int result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);

	if (result <= 0)
		return result;
	if (!key_extent_parse(key, key_length, &found, &generation, &extent.end))
		return 0;
	if (found != *ino) {
		*ino = found;
		result = extent_content_get(rewriter->cache->index, found, content);
		if (result)
			return result;
	}
	result = row_get_extent(value, value_length, &extent.row);
	if (result)
		return result;
	extent.offset = extent.end - extent.row.length;
	if (generation == content->generation)
		look_at(rewriter, found, &extent, cold);
	key_extent(&rewriter->next, found, generation, extent.end + 1);
	return 1;
}

static void begin_pass(struct rewriter *rewriter)
{
	key_extent(&rewriter->next, 0, 0, 0);
	rewriter->region.ino = 0;
	rewriter->fragments = (struct fragments){ 0 };
}

/* Some rows more. 1 when something is to be done: enough was found, or
 * something and the pass is over. */
static int scan(struct rewriter *rewriter, uint64_t cold)
{
	struct content_row content = { 0 };
	struct index_cursor *cursor;
	uint64_t ino = 0;
	unsigned int rows = 0;
	int result = index_cursor_open(rewriter->cache->index, &rewriter->next, &cursor);

	if (result)
		return result;
	do {
		result = look_at_row(rewriter, cursor, &ino, &content, cold);
	} while (result > 0 && ++rows < STEP_ROWS && rewriter->ranges_count < RANGES_MAX);
	index_cursor_close(cursor);
	if (!result) {
		end_region(rewriter, cold);
		begin_pass(rewriter);
		lock_acquire(&rewriter->lock);
		rewriter->stats.rewrite_passes_total++;
		lock_release(&rewriter->lock);
		return rewriter->ranges_count > 0;
	}
	return result < 0 ? result : rewriter->ranges_count == RANGES_MAX;
}

/* Working. */

/* Does anybody need what rewriting would take? */
static bool is_busy(struct rewriter *rewriter)
{
	struct cache *cache = rewriter->cache;
	struct committer_status status;
	struct fetch_stats stats;
	uint64_t misses = rewriter->misses;

	fetch_stats_get(cache->fetch, &stats);
	rewriter->misses = stats.misses;
	committer_status_get(cache->committer, &status);
	return stats.misses != misses || status.uploads_in_flight || status.failing ||
	       segments_dirty_bytes(cache->segments) || cache_check_writable(cache);
}

/* Rewrites what was found; *pause_ns: how long that is to be made up for. */
static int work(struct rewriter *rewriter, int64_t *pause_ns)
{
	uint64_t rate = rewriter->cache->conf.rewrite_bytes;
	struct fetch_stats stats;
	uint64_t bytes = 0;
	int result = rewrite_ranges(rewriter->cache, rewriter->pool, rewriter->ranges,
				    rewriter->ranges_count, &bytes);

	lock_acquire(&rewriter->lock);
	rewriter->stats.rewritten_bytes_total += bytes;
	lock_release(&rewriter->lock);
	*pause_ns += (int64_t)((double)rewriter->ranges_count * FRAGMENTS_REGION_BYTES /
			       (double)rate * (double)NS_PER_SECOND);
	rewriter->ranges_count = 0;
	/* Its own are nobody's. */
	fetch_stats_get(rewriter->cache->fetch, &stats);
	rewriter->misses = stats.misses;
	return result;
}

/* One step; how long to wait before the next. */
static int64_t step(struct rewriter *rewriter)
{
	uint64_t cold = cold_chunk(rewriter);
	int64_t pause_ns = rewriter->cache->conf.rewrite_age_ns / AGE_MARKS;
	int result = 0;

	if (pause_ns > STEP_NS)
		pause_ns = STEP_NS;
	if (is_busy(rewriter) || !cold)
		return pause_ns;
	result = scan(rewriter, cold);
	if (result > 0)
		result = work(rewriter, &pause_ns);
	if (result) {
		log_warn("scattered files are left as they are for now: %s", err_message(result));
		begin_pass(rewriter);
		rewriter->ranges_count = 0;
		pause_ns += FAILED_PAUSE_NS;
	}
	return pause_ns;
}

static void *rewriter_main(void *arg)
{
	struct rewriter *rewriter = arg;
	int64_t until;

	lock_acquire(&rewriter->lock);
	while (!rewriter->stopping) {
		lock_release(&rewriter->lock);
		until = clock_boot_ns() + step(rewriter);
		lock_acquire(&rewriter->lock);
		while (!rewriter->stopping &&
		       condition_wait_until(&rewriter->wake, &rewriter->lock, until))
			;
	}
	lock_release(&rewriter->lock);
	return NULL;
}

struct rewriter *rewriter_start(struct cache *cache)
{
	struct rewriter *rewriter;

	if (!cache->conf.rewrite_bytes)
		return NULL;
	rewriter = xcalloc(1, sizeof(*rewriter));
	rewriter->cache = cache;
	lock_init(&rewriter->lock, LOCK_RANK_LEAF);
	condition_init(&rewriter->wake);
	begin_pass(rewriter);
	rewriter->pool = upload_pool_start(cache, 1);
	if (pthread_create(&rewriter->thread, NULL, rewriter_main, rewriter))
		abort(); /* out of threads, as out of memory */
	return rewriter;
}

void rewriter_stop(struct rewriter *rewriter)
{
	if (!rewriter)
		return;
	lock_acquire(&rewriter->lock);
	rewriter->stopping = true;
	condition_broadcast(&rewriter->wake);
	lock_release(&rewriter->lock);
	upload_pool_cancel(rewriter->pool);
	pthread_join(rewriter->thread, NULL);
	upload_pool_stop(rewriter->pool);
	condition_destroy(&rewriter->wake);
	lock_destroy(&rewriter->lock);
	free(rewriter);
}

void rewriter_stats_get(struct rewriter *rewriter, struct rewriter_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (!rewriter)
		return;
	lock_acquire(&rewriter->lock);
	*out = rewriter->stats;
	lock_release(&rewriter->lock);
}
