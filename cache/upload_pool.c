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

/* Puts of less tell how long an answer takes, not how wide the link is. */
#define LINK_JOB_BYTES (1u << 20)

/* In the order in which they are served. */
enum queue_class {
	QUEUE_URGENT,
	QUEUE_BULK,
	QUEUE_CLASSES,
};

struct queue {
	struct upload_job *first;
	struct upload_job *last;
	unsigned int queued;
};

struct upload_pool {
	/* immutable */
	struct cache *cache;
	pthread_t *threads;
	unsigned int threads_count; /* one of them serves urgent jobs only */

	struct lock lock;
	struct condition work; /* a job is queued, or the end */
	struct condition done; /* a job is done, or left the queue */
	/* guarded by lock */
	struct queue queues[QUEUE_CLASSES];
	unsigned int in_flight;
	int64_t busy_ns; /* until in_flight was 0 the last time */
	int64_t busy_since_ns;
	bool reserved; /* the thread for urgent jobs is there */
	uint64_t link_rate;
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

static struct upload_job *shift_locked(struct upload_pool *pool, bool urgent_only)
{
	int class;

	lock_assert_held(&pool->lock);
	for (class = 0; class < (urgent_only ? QUEUE_BULK : QUEUE_CLASSES); class ++) {
		struct queue *queue = &pool->queues[class];
		struct upload_job *job = queue->first;

		if (!job)
			continue;
		queue->first = job->next;
		if (!queue->first)
			queue->last = NULL;
		queue->queued--;
		return job;
	}
	return NULL;
}

static struct upload_job *take_locked(struct upload_pool *pool, bool urgent_only)
{
	struct upload_job *job;

	lock_assert_held(&pool->lock);
	while (!(job = shift_locked(pool, urgent_only)) && !pool->stopping)
		condition_wait(&pool->work, &pool->lock);
	if (!job)
		return NULL;
	if (!pool->in_flight++)
		pool->busy_since_ns = clock_boot_ns();
	condition_broadcast(&pool->done);
	return job;
}

/* One put of several that went on side by side. */
static void note_speed_locked(struct upload_pool *pool, size_t length, int64_t took_ns)
{
	double rate;

	lock_assert_held(&pool->lock);
	if (length < LINK_JOB_BYTES || took_ns <= 0)
		return;
	rate = (double)length * pool->in_flight / (double)took_ns * (double)NS_PER_SECOND;
	if (pool->link_rate)
		rate = ((double)pool->link_rate * 3 + rate) / 4;
	pool->link_rate = (uint64_t)rate + 1;
}

static void work_off(struct upload_pool *pool, struct upload_job *job, bool cancelled)
{
	if (cancelled)
		drop_job(job);
	else
		put_job(pool, job);
	buffer_release(&job->bytes);
}

static void *pool_main(void *arg)
{
	struct upload_pool *pool = arg;
	struct upload_job *job;
	bool urgent_only;

	lock_acquire(&pool->lock);
	urgent_only = !pool->reserved;
	pool->reserved = true;
	while ((job = take_locked(pool, urgent_only))) {
		int64_t begun_ns = clock_boot_ns();
		size_t length = job->bytes.length;
		bool cancelled = pool->cancelled;

		lock_release(&pool->lock);
		work_off(pool, job, cancelled);
		lock_acquire(&pool->lock);
		if (!job->result) {
			note_speed_locked(pool, length, clock_boot_ns() - begun_ns);
			rate_meter_add(&pool->rate, clock_boot_ns(), length);
		}
		if (!--pool->in_flight)
			pool->busy_ns += clock_boot_ns() - pool->busy_since_ns;
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
	pool->threads_count = threads + 1;
	pool->threads = xcalloc(pool->threads_count, sizeof(*pool->threads));
	lock_init(&pool->lock, LOCK_RANK_LEAF);
	condition_init(&pool->work);
	condition_init(&pool->done);
	for (i = 0; i < pool->threads_count; i++)
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
	struct queue *queue = &pool->queues[job->urgent ? QUEUE_URGENT : QUEUE_BULK];

	job->next = NULL;
	job->done = false;
	job->result = 0;
	lock_acquire(&pool->lock);
	/* One waits while all threads are busy: the next is encoded meanwhile. */
	while (queue->queued)
		condition_wait(&pool->done, &pool->lock);
	if (queue->last)
		queue->last->next = job;
	else
		queue->first = job;
	queue->last = job;
	queue->queued++;
	condition_broadcast(&pool->work);
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
	out->in_flight = pool->in_flight + pool->queues[QUEUE_URGENT].queued +
			 pool->queues[QUEUE_BULK].queued;
	out->link_bytes_per_second = pool->link_rate;
	out->bytes_per_second = rate_meter_get(&pool->rate, clock_boot_ns());
	lock_release(&pool->lock);
}
