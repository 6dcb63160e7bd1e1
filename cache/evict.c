/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/evict.h"

#include <assert.h>
#include <dirent.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/chunk_use.h"
#include "cache/cleaner.h"
#include "cache/evict_policy.h"
#include "cache/evict_segment.h"
#include "cache/pins.h"
#include "cache/space.h"

/* Shares of what data may take, in percent: where eviction starts and stops.
 * It starts below the limit to which writers are held, or they would wait for it
 * in vain. */
#define EVICT_START_PERCENT 94
#define EVICT_STOP_PERCENT  84
/* The thread looks by itself so often: writes fill the cache as well. */
#define EVICT_PERIOD (1 * NS_PER_SECOND)

struct evictor {
	/* immutable */
	struct cache *cache;
	pthread_t thread;
	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	bool stopping;
	bool wanted;
	/* owned by the thread */
	struct cleaner cleaner;
};

uint64_t evict_used_bytes(struct cache *cache)
{
	struct segments_stats segments;
	struct index_stats index;

	segments_stats_get(cache->segments, &segments);
	index_stats_get(cache->index, &index);
	return segments.written_bytes + segments.fetched_bytes + index.journal_bytes +
	       index.lmdb_bytes;
}

static bool may_be_dropped(const struct segment_info *info)
{
	return !info->dirty && !info->open && info->live;
}

static enum evict_queue queue_of(const struct segment_info *info)
{
	return info->kept ? EVICT_KEPT : EVICT_PROBATION;
}

/* Those of each queue together, the oldest first. */
static int compare_order(const void *a, const void *b)
{
	const struct segment_info *left = a;
	const struct segment_info *right = b;

	if (queue_of(left) != queue_of(right))
		return queue_of(left) < queue_of(right) ? -1 : 1;
	if (left->position != right->position)
		return left->position < right->position ? -1 : 1;
	return (left->number > right->number) - (left->number < right->number);
}

/* The segments that may go, in the order in which they do, and how many. */
static size_t list_candidates(struct cache *cache, struct segment_info **out)
{
	size_t count = segments_list(cache->segments, out);
	struct segment_info *list = *out;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < count; i++)
		if (may_be_dropped(&list[i]))
			list[kept++] = list[i];
	qsort(list, kept, sizeof(*list), compare_order);
	return kept;
}

/* Is more used than that, without what is about to go? */
static bool is_above(struct cache *cache, uint64_t target)
{
	return evict_used_bytes(cache) > target + segments_dying_bytes(cache->segments);
}

/* Looks at each segment once at most. */
static int evict_pass(struct cache *cache, uint64_t target)
{
	CLEANUP_FREE struct segment_info *list = NULL;
	size_t count = list_candidates(cache, &list);
	size_t next[EVICT_KEPT + 1] = { 0 };
	size_t end[EVICT_KEPT + 1] = { 0 };
	uint64_t bytes[EVICT_KEPT + 1] = { 0 };
	enum evict_queue queue;
	int result = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		queue = queue_of(&list[i]);
		bytes[queue] += list[i].size;
		end[queue] = i + 1;
		next[EVICT_KEPT] += queue == EVICT_PROBATION;
	}
	for (i = 0; !result && i < count && is_above(cache, target); i++) {
		queue = evict_policy_next(bytes[EVICT_PROBATION], bytes[EVICT_KEPT]);
		if (next[queue] >= end[queue])
			queue = queue == EVICT_KEPT ? EVICT_PROBATION : EVICT_KEPT;
		bytes[queue] -= list[next[queue]].size;
		result = evict_segment(cache, &list[next[queue]++]);
	}
	return result;
}

static int seal_all(struct segments *segments)
{
	int result = segments_seal(segments, SEGMENT_CLASS_FETCHED);

	if (!result)
		result = segments_seal(segments, SEGMENT_CLASS_KEPT);
	if (!result)
		result = segments_seal(segments, SEGMENT_CLASS_WRITTEN);
	return result;
}

int evict_to(struct cache *cache, uint64_t target)
{
	int result = evict_pass(cache, target);
	int round;

	/* What is left is dirty, in the open segments, or in use: that stays for
	 * so many rounds. */
	for (round = 0; !result && round <= EVICT_USES_MAX; round++) {
		if (!is_above(cache, target))
			break;
		result = seal_all(cache->segments);
		if (!result)
			result = evict_pass(cache, target);
	}
	return result;
}

void evict_wake(struct cache *cache)
{
	struct evictor *evictor = cache->evictor;

	if (!evictor)
		return;
	lock_acquire(&evictor->lock);
	evictor->wanted = true;
	condition_signal(&evictor->wake);
	lock_release(&evictor->lock);
}

bool evict_admit(struct cache *cache, size_t bytes)
{
	uint64_t used = evict_used_bytes(cache) + bytes;

	if (used > space_level(cache, EVICT_START_PERCENT))
		evict_wake(cache);
	return used <= space_level(cache, 100);
}

static bool wait_for_work(struct evictor *evictor)
{
	int64_t until = clock_boot_ns() + EVICT_PERIOD;
	bool go_on;

	lock_acquire(&evictor->lock);
	while (!evictor->stopping && !evictor->wanted &&
	       condition_wait_until(&evictor->wake, &evictor->lock, until))
		;
	evictor->wanted = false;
	go_on = !evictor->stopping;
	lock_release(&evictor->lock);
	return go_on;
}

/* What others left on the disk bounds the cache as well. */
static void note_disk(struct cache *cache)
{
	struct statvfs disk;

	if (statvfs(cache->directory, &disk)) {
		log_warn("%s: how much the disk has left is unknown: %s", cache->directory,
			 strerror(errno));
		return;
	}
	limits_note_disk(&cache->limits, disk.f_blocks * disk.f_frsize,
			 disk.f_bavail * disk.f_frsize, evict_used_bytes(cache));
}

static int evict_round(struct evictor *evictor)
{
	struct cache *cache = evictor->cache;
	uint64_t target = space_level(cache, EVICT_STOP_PERCENT);
	int result = cleaner_keep_bound(&evictor->cleaner, cache);

	if (result || !is_above(cache, space_level(cache, EVICT_START_PERCENT)))
		return result;
	result = pins_refresh(cache->pins);
	if (!result)
		result = evict_to(cache, target);
	if (!result && is_above(cache, target))
		result = cleaner_make_room(&evictor->cleaner, cache, target);
	return result;
}

static void *evict_thread(void *arg)
{
	struct evictor *evictor = arg;
	int result;

	while (wait_for_work(evictor)) {
		note_disk(evictor->cache);
		space_update(evictor->cache);
		result = evict_round(evictor);
		if (result)
			log_error("eviction stopped early: %s", err_message(result));
	}
	return NULL;
}

struct evictor *evict_start(struct cache *cache)
{
	struct evictor *evictor = xcalloc(1, sizeof(*evictor));

	evictor->cache = cache;
	note_disk(cache);
	lock_init(&evictor->lock, LOCK_RANK_LEAF);
	condition_init(&evictor->wake);
	if (pthread_create(&evictor->thread, NULL, evict_thread, evictor)) {
		log_error("cannot start a thread to evict with: %s", strerror(errno));
		abort();
	}
	return evictor;
}

void evict_stop(struct evictor *evictor)
{
	if (!evictor)
		return;
	lock_acquire(&evictor->lock);
	evictor->stopping = true;
	condition_signal(&evictor->wake);
	lock_release(&evictor->lock);
	pthread_join(evictor->thread, NULL);
	condition_destroy(&evictor->wake);
	lock_destroy(&evictor->lock);
	free(evictor);
}
