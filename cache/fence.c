/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fence.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/object_name.h"
#include "cache/cache_int.h"
#include "cache/fence_wait.h"
#include "cache/probe.h"
#include "cache/writer_format.h"

struct fence {
	/* immutable after fence_open() */
	struct cache *cache;
	struct writer_claim claim;
	int64_t ttl_ns;
	pthread_t thread;

	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	int64_t verified_boot_ns; /* when the epoch was last asked for */
	bool over;		  /* somebody has the next one */
	uint64_t floor;		  /* that readers must reach */
	uint64_t commit;	  /* newest of ours */
	uint64_t root_floor;	  /* as floor, of checkpoints */
	uint64_t root;		  /* newest of ours */
	bool stopping;

	/* owned by the lease thread */
	uint64_t renewal;
};

uint64_t fence_epoch(const struct fence *fence)
{
	return fence->claim.epoch;
}

const struct id *fence_session(const struct fence *fence)
{
	return &fence->claim.session;
}

uint64_t fence_floor(struct fence *fence)
{
	uint64_t floor;

	lock_acquire(&fence->lock);
	floor = fence->floor;
	lock_release(&fence->lock);
	return floor;
}

void fence_note_commit(struct fence *fence, uint64_t seq)
{
	lock_acquire(&fence->lock);
	if (seq > fence->commit)
		fence->commit = seq;
	lock_release(&fence->lock);
}

uint64_t fence_root_floor(struct fence *fence)
{
	uint64_t floor;

	lock_acquire(&fence->lock);
	floor = fence->root_floor;
	lock_release(&fence->lock);
	return floor;
}

void fence_note_root(struct fence *fence, uint64_t seq)
{
	lock_acquire(&fence->lock);
	if (seq > fence->root)
		fence->root = seq;
	lock_release(&fence->lock);
}

int fence_explain(struct fence *fence, uint64_t epoch)
{
	struct writer_claim claim;

	if (fence_get_claim(fence->cache->store, epoch, &claim))
		return err_set(-ERR_fenced, "another gateway took over %s with epoch %" PRIu64,
			       fence->cache->url, epoch);
	return err_set(-ERR_fenced,
		       "the gateway on host %s (process %" PRId64
		       ") took over %s with epoch %" PRIu64,
		       claim.host, claim.pid, fence->cache->url, epoch);
}

/* Asks whether the next epoch was claimed. */
static int verify_now(struct fence *fence)
{
	int64_t asked = clock_boot_ns();
	char name[OBJECT_NAME_SIZE];
	uint64_t size;
	int result;

	object_name_writer(fence->claim.epoch + 1, name);
	result = store_head(fence->cache->store, name, &size);
	if (result && result != -ENOENT)
		return result;
	lock_acquire(&fence->lock);
	fence->verified_boot_ns = asked;
	fence->over = !result;
	lock_release(&fence->lock);
	return result ? 0 : fence_explain(fence, fence->claim.epoch + 1);
}

int fence_verify(struct fence *fence)
{
	bool fresh;

	lock_acquire(&fence->lock);
	fresh = !fence->over && clock_boot_ns() - fence->verified_boot_ns <= fence->ttl_ns / 2;
	lock_release(&fence->lock);
	return fresh ? 0 : verify_now(fence);
}

static int put_lease(struct fence *fence, bool released)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct writer_lease lease = {
		.claim = fence->claim,
		.ttl_ms = fence->ttl_ns / NS_PER_MS ? fence->ttl_ns / NS_PER_MS : 1,
		.renewal = ++fence->renewal,
		.released = released,
	};
	char name[OBJECT_NAME_SIZE];

	lock_acquire(&fence->lock);
	lease.commit = fence->commit > fence->floor ? fence->commit : fence->floor;
	lease.root = fence->root > fence->root_floor ? fence->root : fence->root_floor;
	lock_release(&fence->lock);
	writer_lease_encode(&lease, &bytes);
	object_name_lease(fence->claim.epoch, name);
	return store_put(fence->cache->store, name, bytes.data, bytes.length, 0);
}

/* True until stopping. */
static bool lease_sleep(struct fence *fence)
{
	int64_t until = clock_boot_ns() + fence->ttl_ns / 3;
	bool stopping;

	lock_acquire(&fence->lock);
	while (!fence->stopping && condition_wait_until(&fence->wake, &fence->lock, until))
		;
	stopping = fence->stopping;
	lock_release(&fence->lock);
	return !stopping;
}

static void *lease_main(void *arg)
{
	struct fence *fence = arg;

	while (lease_sleep(fence)) {
		int result = verify_now(fence);

		if (!result)
			result = put_lease(fence, false);
		if (result == -ERR_fenced) {
			cache_fail(fence->cache, result);
			break;
		}
		if (result && result != -ERR_stopping)
			log_warn("the lease was not renewed: %s", err_message(result));
	}
	return NULL;
}

/* Claims the epoch behind the newest one. -EEXIST when somebody was faster. */
static int claim_next(struct fence *fence, uint64_t newest)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	char name[OBJECT_NAME_SIZE];
	int result;

	fence->claim.epoch = newest + 1;
	fence->claim.claimed_real_ns = clock_real_ns();
	writer_claim_encode(&fence->claim, &bytes);
	object_name_writer(fence->claim.epoch, name);
	fence->verified_boot_ns = clock_boot_ns();
	CRASH_POINT(fence_claim);
	result = store_put(fence->cache->store, name, bytes.data, bytes.length, STORE_IF_ABSENT);
	CRASH_POINT(fence_claimed);
	return result ? result
		      : probe_put_if_absent(fence->cache->store, fence->cache->url, name, &bytes);
}

static int claim(struct fence *fence)
{
	struct cache *cache = fence->cache;
	int result;

	do {
		struct fence_wait wait = {
			.store = cache->store,
			.url = cache->url,
			.cache_id = &cache->cache_id,
			.ttl_ns = fence->ttl_ns,
			.takeover = cache->conf.takeover,
			.progress = cache->conf.progress,
			.progress_arg = cache->conf.progress_arg,
		};

		result = fence_wait_newest(&wait);
		if (result)
			return result;
		fence->floor = wait.floor;
		fence->root_floor = wait.root_floor;
		result = claim_next(fence, wait.newest);
	} while (result == -EEXIST);
	return result;
}

static void claim_init(struct fence *fence)
{
	struct writer_claim *claim = &fence->claim;
	char *p;

	claim->cache = fence->cache->cache_id;
	claim->session = id_new();
	claim->pid = getpid();
	if (gethostname(claim->host, sizeof(claim->host) - 1) || !claim->host[0])
		snprintf(claim->host, sizeof(claim->host), "unknown");
	for (p = claim->host; *p; p++)
		if (!isascii(*p) || !isgraph((unsigned char)*p))
			*p = '?';
}

int fence_open(struct cache *cache, struct fence **out)
{
	struct fence *fence = xcalloc(1, sizeof(*fence));
	int result;

	fence->cache = cache;
	fence->ttl_ns = cache->conf.lease_ttl_ns ? cache->conf.lease_ttl_ns : FENCE_TTL_NS_DEFAULT;
	claim_init(fence);
	lock_init(&fence->lock, LOCK_RANK_COMMIT);
	condition_init(&fence->wake);
	result = claim(fence);
	if (!result)
		result = put_lease(fence, false);
	if (!result && pthread_create(&fence->thread, NULL, lease_main, fence))
		abort(); /* out of threads, as out of memory */
	if (!result) {
		*out = fence;
		return 0;
	}
	condition_destroy(&fence->wake);
	lock_destroy(&fence->lock);
	free(fence);
	return result;
}

void fence_close(struct fence *fence, bool released)
{
	if (!fence)
		return;
	lock_acquire(&fence->lock);
	fence->stopping = true;
	condition_broadcast(&fence->wake);
	lock_release(&fence->lock);
	pthread_join(fence->thread, NULL);
	if (released && put_lease(fence, true))
		log_warn("the lease was not released; another machine waits for its end");
	condition_destroy(&fence->wake);
	lock_destroy(&fence->lock);
	free(fence);
}
