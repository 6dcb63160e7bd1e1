/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until the cloud has what was written (cache.h). */
#include <errno.h>
#include <stdlib.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/committer.h"
#include "cache/dirty_below.h"
#include "cache/state.h"

/* Waits for these inodes, or all. */
static int wait_for(struct cache *cache, bool all, const uint64_t *inos, size_t count,
		    int64_t deadline_boot_ns, cache_wait_fn *fn, void *arg)
{
	struct cloud_waits *waits;
	struct cloud_wait wait;
	int cancelled = 0;
	int result;

	if (cache->conf.follow)
		return 0;
	waits = committer_waits(cache->committer);
	committer_wait_begin(cache->committer, &wait, all, inos, count);
	while ((result = cloud_wait_state(waits, &wait)) == -EINPROGRESS && !cancelled &&
	       clock_boot_ns() < deadline_boot_ns) {
		int64_t turn_end = clock_boot_ns() + NS_PER_SECOND;

		cloud_wait_sleep(waits, &wait,
				 turn_end < deadline_boot_ns ? turn_end : deadline_boot_ns);
		if (fn && cloud_wait_state(waits, &wait) == -EINPROGRESS)
			cancelled = fn(arg);
	}
	cloud_wait_end(waits, &wait);
	if (result != -EINPROGRESS)
		return result;
	return cancelled ? cancelled
			 : err_set(-ERR_try_again, "not everything is in the cloud yet");
}

int cache_wait(struct cache *cache, int64_t deadline_boot_ns, cache_wait_fn *fn, void *arg)
{
	return wait_for(cache, true, NULL, 0, deadline_boot_ns, fn, arg);
}

int cache_wait_below(struct cache *cache, const char *path, int64_t deadline_boot_ns,
		     cache_wait_fn *fn, void *arg)
{
	CLEANUP_FREE uint64_t *inos = NULL;
	size_t count;
	int result = dirty_below(cache, path, &inos, &count);

	return result ? result : wait_for(cache, false, inos, count, deadline_boot_ns, fn, arg);
}

int cache_cloud_begin(struct cache *cache, uint64_t ino, struct cloud_wait *wait)
{
	struct file_state state;
	int result = state_get(cache, ino, &state);

	if (result || state.place == FILE_PLACE_CLOUD)
		return result == -ENOENT ? 0 : result;
	committer_wait_begin(cache->committer, wait, false, &ino, 1);
	return 1;
}

struct cloud_waits *cache_cloud_waits(struct cache *cache)
{
	return committer_waits(cache->committer);
}
