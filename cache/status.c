/* SPDX-License-Identifier: Apache-2.0 */
/* cache_status_get() and cache_space_get() of cache.h. */
#include <stdio.h>
#include <string.h>

#include "backend/store.h"
#include "cache/cache_int.h"
#include "cache/commit_record.h"
#include "cache/checkpointer.h"
#include "cache/committer.h"
#include "cache/evict.h"
#include "cache/pins.h"
#include "cache/follow.h"
#include "cache/state.h"

static void fill_identity(struct cache *cache, struct cache_status *out)
{
	id_to_uuid(&cache->conf.volume.uuid, out->volume);
	snprintf(out->name, sizeof(out->name), "%s", cache->conf.volume.name);
	out->url = cache->url;
	out->directory = cache->directory;
	out->state = atomic_load(&cache->state);
	out->epoch = cache_epoch(cache);
	lock_acquire(&cache->lifecycle);
	snprintf(out->state_cause, sizeof(out->state_cause), "%s", cache->state_cause);
	lock_release(&cache->lifecycle);
}

static void fill_local(struct cache *cache, struct cache_status *out)
{
	struct index_counters counters;
	struct pins_stats pinned;

	index_counters_get(cache->index, &counters);
	out->dirty_bytes = segments_dirty_bytes(cache->segments);
	out->dirty_files = counters.dirty_files;
	out->files = counters.inodes;
	out->cache_used_bytes = evict_used_bytes(cache);
	out->cache_limit_bytes = limits_cache_bytes(&cache->limits);
	read_stats_get(&cache->read_stats, &out->reads);
	rewriter_stats_get(cache->rewriter, &out->rewriter);
	pins_stats_get(cache->pins, &pinned);
	out->pinned_paths = pinned.paths;
	out->pinned_bytes = pinned.bytes;
}

/* Each acknowledged pack makes it less. */
static void fill_held_by(struct cache *cache, const struct committer_status *status,
			 struct cache_status *out)
{
	struct file_state state;
	unsigned int i;

	for (i = 0; i < status->held_count; i++) {
		const struct held_content *held = &status->held[i];
		struct cache_held_by *row = &out->held_by[out->held_by_count];

		snprintf(row->path, sizeof(row->path), "%s", held->path);
		row->bytes = held->bytes;
		if (!state_get(cache, held->ino, &state) && state.dirty_bytes < row->bytes)
			row->bytes = state.dirty_bytes;
		out->held_by_count += row->bytes > 0;
	}
}

static void fill_committer(struct cache *cache, struct cache_status *out)
{
	struct committer_status status;

	committer_status_get(cache->committer, &status);
	fill_held_by(cache, &status, out);
	out->pending_files = status.pending_files;
	out->late_files = status.late_files;
	out->rpo_breaches_total = status.breaches;
	out->oldest_dirty_age_ns = status.oldest_dirty_age_ns;
	out->committed_seq = status.committed_seq;
	out->committed_time_ns = status.committed_time_ns;
	out->checkpoint_seq = checkpointer_seq(cache->checkpointer);
	out->uploads_in_flight = status.uploads_in_flight;
	out->upload_bytes_per_second = status.upload_bytes_per_second;
	out->eta_ns = status.eta_ns;
	out->failing = status.failing;
	snprintf(out->last_error, sizeof(out->last_error), "%s", status.last_error);
	out->logical_bytes_committed_total = status.logical_bytes;
	out->commits_total = status.commits;
}

static void fill_follow(struct cache *cache, struct cache_status *out)
{
	struct follow_status status;

	follow_status_get(cache->follow, &status);
	out->follower = true;
	out->eta_ns = -1;
	out->committed_seq = status.seq;
	out->committed_time_ns = status.cut_real_ns;
	out->checked_age_ns = status.checked_age_ns;
	out->commits_total = status.commits;
	out->failing = status.failing;
	snprintf(out->last_error, sizeof(out->last_error), "%s", status.last_error);
}

/* A dead cache: what the index recorded. */
static void fill_record(struct cache *cache, struct cache_status *out)
{
	struct commit_record record;

	out->eta_ns = -1;
	if (commit_record_get(cache->index, &record))
		return;
	out->pending_files = record.pending_files;
	out->committed_seq = record.seq;
	out->committed_time_ns = record.cut_real_ns;
}

void cache_status_get(struct cache *cache, struct cache_status *out)
{
	memset(out, 0, sizeof(*out));
	fill_identity(cache, out);
	fill_local(cache, out);
	if (cache->committer)
		fill_committer(cache, out);
	else if (cache->follow)
		fill_follow(cache, out);
	else
		fill_record(cache, out);
	out->damaged_count = damage_list(cache, out->damaged);
	if (cache->conf.stats)
		store_stats_get(cache->conf.stats, &out->store);
}

/* What a store without a limit is said to take: more than anybody will write,
 * and little enough for programs that count in smaller numbers. */
#define UNLIMITED_BYTES (1ULL << 50)

/* What is not in the store yet will need its place there. */
void cache_space_get(struct cache *cache, struct cache_space *out)
{
	uint64_t free_bytes = cache->store ? store_space(cache->store) : UNLIMITED_BYTES;
	uint64_t limit = limits_dirty_bytes(&cache->limits);
	uint64_t dirty = segments_dirty_bytes(cache->segments);
	struct index_counters counters;

	if (free_bytes > UNLIMITED_BYTES)
		free_bytes = UNLIMITED_BYTES;
	/* Who is refused, not delayed, when the cache is full must see that. */
	if (limits_on_full(&cache->limits) != FULL_BLOCK && free_bytes > limit)
		free_bytes = limit;
	index_counters_get(cache->index, &counters);
	out->used_bytes = counters.mapped;
	out->free_bytes = dirty < free_bytes ? free_bytes - dirty : 0;
	out->files = counters.inodes;
}
