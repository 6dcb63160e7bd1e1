/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a cache (cache.h), and why it became read-only. */
#include <stdio.h>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"

void cache_init_locks(struct cache *cache)
{
	lock_init(&cache->lifecycle, LOCK_RANK_LIFECYCLE);
	rwlock_init_writers_first(&cache->shown, LOCK_RANK_SHOWN);
	lock_init(&cache->cached, LOCK_RANK_CACHED);
	lock_init(&cache->renames, LOCK_RANK_RENAMES);
	policies_init(&cache->policies);
	damage_init(&cache->damage);
}

void cache_destroy_locks(struct cache *cache)
{
	lock_destroy(&cache->lifecycle);
	rwlock_destroy(&cache->shown);
	lock_destroy(&cache->cached);
	lock_destroy(&cache->renames);
	policies_destroy(&cache->policies);
	damage_release(&cache->damage);
}

const char *cache_state_name(enum cache_state state)
{
	switch (state) {
	case CACHE_STATE_OPENING:
		return "opening";
	case CACHE_STATE_SERVING:
		return "serving";
	case CACHE_STATE_FOLLOWING:
		return "following";
	case CACHE_STATE_READ_ONLY:
		return "read-only";
	case CACHE_STATE_STOPPING:
		return "stopping";
	case CACHE_STATE_STOPPED:
		return "stopped";
	case CACHE_STATE_INVALID:
		break;
	}
	return "invalid";
}

uint32_t cache_epoch(struct cache *cache)
{
	return atomic_load(&cache->epoch);
}

void cache_fail(struct cache *cache, int code)
{
	bool first;

	lock_acquire(&cache->lifecycle);
	first = !cache->state_code;
	if (first) {
		cache->state_code = code;
		snprintf(cache->state_cause, sizeof(cache->state_cause), "%s", err_message(code));
		/* A cache that is being closed stays so. */
		if (atomic_load(&cache->state) != CACHE_STATE_STOPPING)
			atomic_store(&cache->state, CACHE_STATE_READ_ONLY);
	}
	lock_release(&cache->lifecycle);
	if (first)
		log_error("%s; nothing can be changed until the cause is removed and the volume "
			  "is mounted again; what is not yet in the cloud is kept in %s",
			  err_message(code), cache->directory);
}

int cache_check_writable(struct cache *cache)
{
	int result = 0;

	if (atomic_load(&cache->state) == CACHE_STATE_SERVING)
		return 0;
	lock_acquire(&cache->lifecycle);
	switch (atomic_load(&cache->state)) {
	case CACHE_STATE_SERVING:
		break;
	case CACHE_STATE_FOLLOWING:
		result = -EROFS;
		break;
	case CACHE_STATE_READ_ONLY:
		result = err_set(cache->state_code, "%s", cache->state_cause);
		break;
	default:
		result = err_set(-ERR_stopping, "the cache %s is %s: it takes no changes",
				 cache->directory, cache_state_name(atomic_load(&cache->state)));
	}
	lock_release(&cache->lifecycle);
	return result;
}
