/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/cloud_sync.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/cloud_wait.h"
#include "cache/policy.h"
#include "fs/caller.h"
#include "fs/reply.h"

/* So often it is asked who was killed, and whose time is over. */
#define TICK_NS (250 * NS_PER_MS)

struct cloud_call {
	struct cloud_call *next;
	fuse_req_t req;
	const char *operation;
	uint64_t ino;
	pid_t caller;
	int64_t deadline_boot_ns;
	struct cloud_wait wait;
};

struct cloud_sync {
	/* immutable */
	struct fs *fs;
	pthread_t thread;
	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	bool stopping;
	struct cloud_call *added;

	/* owned by the thread */
	struct cloud_call *calls;
};

static void answer(struct cloud_sync *sync, struct cloud_call *call, int result)
{
	cloud_wait_end(cache_cloud_waits(sync->fs->cache), &call->wait);
	/* What ends the gateway's commits is not for fsync(2) to tell apart. */
	if (result && result != -ETIMEDOUT && result != -EINTR)
		result = err_set(-ERR_local_io, "not in the cloud: %s", err_message(result));
	reply_result(call->req, call->operation, call->ino, NULL, result);
	free(call);
}

/* -EINPROGRESS: it waits on. */
static int look_at(struct cloud_sync *sync, const struct cloud_call *call)
{
	int result = cloud_wait_state(cache_cloud_waits(sync->fs->cache), &call->wait);

	if (result != -EINPROGRESS)
		return result;
	if (clock_boot_ns() >= call->deadline_boot_ns)
		return -ETIMEDOUT;
	return caller_is_killed(call->caller) ? -EINTR : result;
}

static void look_at_all(struct cloud_sync *sync)
{
	struct cloud_call **at = &sync->calls;

	while (*at) {
		struct cloud_call *call = *at;
		int result = look_at(sync, call);

		if (result == -EINPROGRESS) {
			at = &call->next;
			continue;
		}
		*at = call->next;
		answer(sync, call, result);
	}
}

/* Takes what was added; true when the thread is to end. Sleeps while there is
 * nothing to look after. */
static bool take_added(struct cloud_sync *sync)
{
	struct cloud_call **end = &sync->calls;
	bool stopping;

	while (*end)
		end = &(*end)->next;
	lock_acquire(&sync->lock);
	while (!sync->stopping && !sync->added && !sync->calls)
		condition_wait(&sync->wake, &sync->lock);
	*end = sync->added;
	sync->added = NULL;
	stopping = sync->stopping;
	lock_release(&sync->lock);
	return stopping;
}

static void *cloud_sync_main(void *arg)
{
	struct cloud_sync *sync = arg;
	struct cloud_waits *waits = cache_cloud_waits(sync->fs->cache);

	while (!take_added(sync)) {
		uint64_t changes = cloud_waits_changes(waits);

		look_at_all(sync);
		if (sync->calls)
			cloud_waits_sleep(waits, changes, clock_boot_ns() + TICK_NS);
	}
	while (sync->calls) {
		struct cloud_call *call = sync->calls;

		sync->calls = call->next;
		answer(sync, call, err_set(-ERR_stopping, "the gateway is stopping"));
	}
	return NULL;
}

struct cloud_sync *cloud_sync_start(struct fs *fs)
{
	struct cloud_sync *sync = xcalloc(1, sizeof(*sync));

	sync->fs = fs;
	lock_init(&sync->lock, LOCK_RANK_SESSION);
	condition_init(&sync->wake);
	if (pthread_create(&sync->thread, NULL, cloud_sync_main, sync))
		abort(); /* out of threads, as out of memory */
	return sync;
}

void cloud_sync_stop(struct cloud_sync *sync)
{
	if (!sync)
		return;
	lock_acquire(&sync->lock);
	sync->stopping = true;
	condition_signal(&sync->wake);
	lock_release(&sync->lock);
	pthread_join(sync->thread, NULL);
	condition_destroy(&sync->wake);
	lock_destroy(&sync->lock);
	free(sync);
}

/* 1: the cloud is to have it, and does not yet; the wait has begun. */
static int begin(struct cloud_sync *sync, uint64_t ino, struct cloud_wait *wait)
{
	struct cache *cache = sync->fs->cache;
	struct policy policy;
	int result = policy_of_inode(cache, ino, &policy);

	if (result || policy.durability != DURABILITY_CLOUD)
		return result == -ENOENT ? 0 : result; /* removed: there is nothing to keep */
	return cache_cloud_begin(cache, ino, wait);
}

void cloud_sync_reply(struct cloud_sync *sync, fuse_req_t req, const char *operation, uint64_t ino)
{
	int64_t timeout_ns = sync ? sync->fs->conf->durability_timeout_ns : 0;
	struct cloud_call *call;
	int result;

	if (!sync) { /* nothing is written by this mount */
		fuse_reply_err(req, 0);
		return;
	}
	call = xcalloc(1, sizeof(*call));
	result = begin(sync, ino, &call->wait);
	if (result != 1) {
		free(call);
		reply_result(req, operation, ino, NULL, result);
		return;
	}
	call->req = req;
	call->operation = operation;
	call->ino = ino;
	call->caller = fuse_req_ctx(req)->pid;
	call->deadline_boot_ns = timeout_ns ? clock_boot_ns() + timeout_ns : INT64_MAX;
	lock_acquire(&sync->lock);
	call->next = sync->added;
	sync->added = call;
	condition_signal(&sync->wake);
	lock_release(&sync->lock);
}
