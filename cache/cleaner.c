/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cleaner.h"

#include <stdlib.h>

#include "backend/base/buffer.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/evict.h"

#define CLEANER_PAUSE_NS (60 * NS_PER_SECOND)

struct dirty_segments {
	struct segment_info *list;
	size_t count;
	size_t capacity;
};

static int collect_dirty(const struct segment_info *info, void *arg)
{
	struct dirty_segments *found = arg;

	if (info->class != SEGMENT_CLASS_WRITTEN || !info->dirty)
		return 0;
	if (found->count == found->capacity) {
		found->capacity = found->capacity ? 2 * found->capacity : 64;
		found->list = xrealloc(found->list, found->capacity * sizeof(*found->list));
	}
	found->list[found->count++] = *info;
	return 0;
}

static bool may_be_emptied(const struct segment_info *info)
{
	return !info->open && !info->pinned;
}

/* The share of the segment that is alive, greater first last. */
static int compare_live(const void *a, const void *b)
{
	const struct segment_info *left = a;
	const struct segment_info *right = b;
	double shares[2] = { (double)left->live / (double)left->size,
			     (double)right->live / (double)right->size };

	return (shares[0] > shares[1]) - (shares[0] < shares[1]);
}

static int compare_dirty(const void *a, const void *b)
{
	const struct segment_info *left = a;
	const struct segment_info *right = b;

	return (left->dirty > right->dirty) - (left->dirty < right->dirty);
}

uint64_t cleaner_choose(struct segment_info *list, size_t *count, uint64_t segment_bytes)
{
	uint64_t bound = CLEANER_SPARE_SEGMENTS * segment_bytes;
	uint64_t size = 0;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < *count; i++) {
		size += list[i].size;
		bound += 2 * list[i].live;
		if (may_be_emptied(&list[i]) && list[i].live <= list[i].size / 2)
			list[kept++] = list[i];
	}
	*count = kept;
	if (kept)
		qsort(list, kept, sizeof(*list), compare_live);
	return size > bound ? size - bound : 0;
}

/* Empties one; *gained_out is how many bytes of disk that gave. */
static int empty(struct cleaner *cleaner, struct cache *cache, const struct segment_info *info,
		 bool drop_clean, uint64_t *gained_out)
{
	struct clean_stats stats = { 0 };
	int result = clean_segment(cache, info->number, drop_clean, &stats);

	*gained_out = info->size > stats.record_bytes ? info->size - stats.record_bytes : 0;
	if (!result && (stats.rotten_bytes || *gained_out < info->size / 4))
		cleaner->paused_until_ns = clock_boot_ns() + CLEANER_PAUSE_NS;
	cleaner->stats.moved_bytes += stats.moved_bytes;
	cleaner->stats.record_bytes += stats.record_bytes;
	cleaner->stats.dropped_bytes += stats.dropped_bytes;
	cleaner->stats.rotten_bytes += stats.rotten_bytes;
	cleaner->segments_total++;
	return result;
}

static bool is_paused(const struct cleaner *cleaner)
{
	return clock_boot_ns() < cleaner->paused_until_ns;
}

int cleaner_keep_bound(struct cleaner *cleaner, struct cache *cache)
{
	struct dirty_segments found = { 0 };
	uint64_t gained;
	uint64_t over;
	size_t i;
	int result = segments_each(cache->segments, collect_dirty, &found);

	over = cleaner_choose(found.list, &found.count, segments_size(cache->segments));
	for (i = 0; !result && over && i < found.count && !is_paused(cleaner); i++) {
		result = empty(cleaner, cache, &found.list[i], false, &gained);
		over = over > gained ? over - gained : 0;
	}
	free(found.list);
	return result;
}

int cleaner_make_room(struct cleaner *cleaner, struct cache *cache, uint64_t target)
{
	struct dirty_segments found = { 0 };
	uint64_t gained;
	size_t i;
	int result = segments_each(cache->segments, collect_dirty, &found);

	qsort(found.list, found.count, sizeof(*found.list), compare_dirty);
	for (i = 0; !result && i < found.count && !is_paused(cleaner); i++) {
		if (evict_used_bytes(cache) <= target ||
		    found.list[i].dirty > found.list[i].size / 2)
			break;
		if (may_be_emptied(&found.list[i]))
			result = empty(cleaner, cache, &found.list[i], true, &gained);
	}
	free(found.list);
	return result;
}
