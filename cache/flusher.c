/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/flusher.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"

#define FLUSH_PERIOD_NS (1 * NS_PER_SECOND)
#define FLUSH_BYTES_MAX (256ull << 20)

struct flusher {
	/* immutable */
	struct cache *cache;
	pthread_t thread;
	struct lock lock;
	struct condition wake;
	_Atomic uint64_t unflushed_bytes; /* written since the last round began */
	/* guarded by lock */
	bool stopping;
	bool full; /* FLUSH_BYTES_MAX are unflushed */
	/* owned by the thread */
	uint64_t flushed_lsn;
};

int flusher_flush(struct cache *cache)
{
	uint64_t doomed = segments_doomed_mark(cache->segments);
	uint64_t lsn = index_lsn(cache->index);
	int result = index_flush_all(cache->index);

	if (result)
		return result;
	node_table_flushed(cache->nodes, lsn);
	segments_unlink_doomed(cache->segments, doomed);
	return 0;
}

void flusher_note_written(struct flusher *flusher, uint64_t bytes)
{
	uint64_t before;

	if (!flusher)
		return;
	before = atomic_fetch_add(&flusher->unflushed_bytes, bytes);
	if (before >= FLUSH_BYTES_MAX || before + bytes < FLUSH_BYTES_MAX)
		return;
	lock_acquire(&flusher->lock);
	flusher->full = true;
	condition_signal(&flusher->wake);
	lock_release(&flusher->lock);
}

static bool wait_a_period(struct flusher *flusher)
{
	int64_t until = clock_boot_ns() + FLUSH_PERIOD_NS;
	bool go_on;

	lock_acquire(&flusher->lock);
	while (!flusher->stopping && !flusher->full &&
	       condition_wait_until(&flusher->wake, &flusher->lock, until))
		;
	go_on = !flusher->stopping;
	flusher->full = false;
	lock_release(&flusher->lock);
	atomic_store(&flusher->unflushed_bytes, 0);
	return go_on;
}

static void *flusher_thread(void *arg)
{
	struct flusher *flusher = arg;
	struct cache *cache = flusher->cache;
	uint64_t lsn;
	int result;

	while (wait_a_period(flusher)) {
		/* A checkpoint may have failed while nothing is changed. */
		result = index_health(cache->index);
		if (result)
			cache_fail(cache, result);
		lsn = index_lsn(cache->index);
		if (lsn == flusher->flushed_lsn && !segments_have_doomed(cache->segments))
			continue;
		result = flusher_flush(cache);
		if (result)
			cache_fail(cache, result);
		else
			flusher->flushed_lsn = lsn;
	}
	return NULL;
}

struct flusher *flusher_start(struct cache *cache)
{
	struct flusher *flusher = xcalloc(1, sizeof(*flusher));

	flusher->cache = cache;
	lock_init(&flusher->lock, LOCK_RANK_LEAF);
	condition_init(&flusher->wake);
	if (pthread_create(&flusher->thread, NULL, flusher_thread, flusher)) {
		log_error("cannot start a thread to flush with: %s", strerror(errno));
		abort();
	}
	return flusher;
}

void flusher_stop(struct flusher *flusher)
{
	if (!flusher)
		return;
	lock_acquire(&flusher->lock);
	flusher->stopping = true;
	condition_signal(&flusher->wake);
	lock_release(&flusher->lock);
	pthread_join(flusher->thread, NULL);
	condition_destroy(&flusher->wake);
	lock_destroy(&flusher->lock);
	free(flusher);
}
