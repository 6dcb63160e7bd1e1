/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/upload_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"
#include "cache/cache_int.h"
#include "cache/log_put.h"
#include "cache/rate_meter.h"

struct upload_pool {
	/* immutable */
	struct cache *cache;
	pthread_t *threads;
	unsigned int threads_count;

	struct lock lock;
	struct condition work; /* a job is queued, or the end */
	struct condition done; /* a job is done, or left the queue */
	/* guarded by lock */
	struct upload_job *first;
	struct upload_job *last;
	unsigned int queued;
	unsigned int in_flight;
	int64_t busy_ns; /* until in_flight was 0 the last time */
	int64_t busy_since_ns;
	bool stopping;
	bool cancelled;
	struct rate_meter rate;
};

static void drop_job(struct upload_job *job)
{
	job->result = -ERR_stopping;
	snprintf(job->message, sizeof(job->message), "the gateway is stopping");
}

/* Without the lock. */
static void put_job(struct upload_pool *pool, struct upload_job *job)
{
	CRASH_POINT(upload_before_put);
	job->result = log_put_object(pool->cache, job->key, job->bytes.data, job->bytes.length);
	CRASH_POINT(upload_after_put);
	if (job->result == -EEXIST)
		job->result =
			err_set(-ERR_diverged,
				"%s exists with other bytes: its name was drawn at random, so "
				"another gateway or a copy of this cache must have put it",
				job->key);
	if (job->result)
		snprintf(job->message, sizeof(job->message), "%s", err_message(job->result));
}

static struct upload_job *take_locked(struct upload_pool *pool)
{
	struct upload_job *job;

	lock_assert_held(&pool->lock);
	while (!pool->first && !pool->stopping)
		condition_wait(&pool->work, &pool->lock);
	job = pool->first;
	if (!job)
		return NULL;
	pool->first = job->next;
	if (!pool->first)
		pool->last = NULL;
	pool->queued--;
	if (!pool->in_flight++)
		pool->busy_since_ns = clock_boot_ns();
	condition_broadcast(&pool->done);
	return job;
}

static void *pool_main(void *arg)
{
	struct upload_pool *pool = arg;
	struct upload_job *job;

	lock_acquire(&pool->lock);
	while ((job = take_locked(pool))) {
		size_t length = job->bytes.length;
		bool cancelled = pool->cancelled;

		lock_release(&pool->lock);
		if (cancelled)
			drop_job(job);
		else
			put_job(pool, job);
		buffer_release(&job->bytes);
		lock_acquire(&pool->lock);
		if (!--pool->in_flight)
			pool->busy_ns += clock_boot_ns() - pool->busy_since_ns;
		if (!job->result)
			rate_meter_add(&pool->rate, clock_boot_ns(), length);
		job->done = true;
		condition_broadcast(&pool->done);
	}
	lock_release(&pool->lock);
	return NULL;
}

struct upload_pool *upload_pool_start(struct cache *cache, unsigned int threads)
{
	struct upload_pool *pool = xcalloc(1, sizeof(*pool));
	unsigned int i;

	pool->cache = cache;
	pool->threads_count = threads;
	pool->threads = xcalloc(threads, sizeof(*pool->threads));
	lock_init(&pool->lock, LOCK_RANK_LEAF);
	condition_init(&pool->work);
	condition_init(&pool->done);
	for (i = 0; i < threads; i++)
		if (pthread_create(&pool->threads[i], NULL, pool_main, pool))
			abort(); /* out of threads, as out of memory */
	return pool;
}

void upload_pool_stop(struct upload_pool *pool)
{
	unsigned int i;

	if (!pool)
		return;
	lock_acquire(&pool->lock);
	pool->stopping = true;
	condition_broadcast(&pool->work);
	lock_release(&pool->lock);
	for (i = 0; i < pool->threads_count; i++)
		pthread_join(pool->threads[i], NULL);
	condition_destroy(&pool->work);
	condition_destroy(&pool->done);
	lock_destroy(&pool->lock);
	free(pool->threads);
	free(pool);
}

void upload_pool_cancel(struct upload_pool *pool)
{
	lock_acquire(&pool->lock);
	pool->cancelled = true;
	lock_release(&pool->lock);
}

bool upload_pool_is_cancelled(struct upload_pool *pool)
{
	bool cancelled;

	lock_acquire(&pool->lock);
	cancelled = pool->cancelled;
	lock_release(&pool->lock);
	return cancelled;
}

void upload_submit(struct upload_pool *pool, struct upload_job *job)
{
	job->next = NULL;
	job->done = false;
	job->result = 0;
	lock_acquire(&pool->lock);
	/* One waits while all threads are busy: the next is encoded meanwhile. */
	while (pool->queued)
		condition_wait(&pool->done, &pool->lock);
	if (pool->last)
		pool->last->next = job;
	else
		pool->first = job;
	pool->last = job;
	pool->queued++;
	condition_signal(&pool->work);
	lock_release(&pool->lock);
}

int upload_wait(struct upload_pool *pool, struct upload_job *job)
{
	lock_acquire(&pool->lock);
	while (!job->done)
		condition_wait(&pool->done, &pool->lock);
	lock_release(&pool->lock);
	return job->result ? err_set(job->result, "%s", job->message) : 0;
}

bool upload_is_done(struct upload_pool *pool, const struct upload_job *job)
{
	bool done;

	lock_acquire(&pool->lock);
	done = job->done;
	lock_release(&pool->lock);
	return done;
}

int64_t upload_pool_busy_ns(struct upload_pool *pool)
{
	int64_t busy_ns;

	lock_acquire(&pool->lock);
	busy_ns = pool->busy_ns;
	if (pool->in_flight)
		busy_ns += clock_boot_ns() - pool->busy_since_ns;
	lock_release(&pool->lock);
	return busy_ns;
}

void upload_pool_status_get(struct upload_pool *pool, struct upload_pool_status *out)
{
	lock_acquire(&pool->lock);
	out->in_flight = pool->in_flight + pool->queued;
	out->bytes_per_second = rate_meter_get(&pool->rate, clock_boot_ns());
	lock_release(&pool->lock);
}
