/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cleaner.h"

#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "cache/cache_int.h"
#include "cache/evict.h"

#define CLEANER_PAUSE_NS (60 * NS_PER_SECOND)

/* The segments that hold dirty bytes, in an array that the caller frees. */
static size_t list_dirty(struct cache *cache, struct segment_info **out)
{
	size_t count = segments_list(cache->segments, out);
	struct segment_info *list = *out;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i].class == SEGMENT_CLASS_WRITTEN && list[i].dirty)
			list[kept++] = list[i];
	return kept;
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
	CLEANUP_FREE struct segment_info *list = NULL;
	size_t count = list_dirty(cache, &list);
	uint64_t over = cleaner_choose(list, &count, segments_size(cache->segments));
	uint64_t gained;
	size_t i;
	int result = 0;

	for (i = 0; !result && over && i < count && !is_paused(cleaner); i++) {
		result = empty(cleaner, cache, &list[i], false, &gained);
		over = over > gained ? over - gained : 0;
	}
	return result;
}

int cleaner_make_room(struct cleaner *cleaner, struct cache *cache, uint64_t target)
{
	CLEANUP_FREE struct segment_info *list = NULL;
	size_t count = list_dirty(cache, &list);
	uint64_t gained;
	size_t i;
	int result = 0;

	qsort(list, count, sizeof(*list), compare_dirty);
	for (i = 0; !result && i < count && !is_paused(cleaner); i++) {
		if (evict_used_bytes(cache) <= target || list[i].dirty > list[i].size / 2)
			break;
		if (may_be_emptied(&list[i]))
			result = empty(cleaner, cache, &list[i], true, &gained);
	}
	return result;
}
