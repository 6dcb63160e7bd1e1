/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/worker_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "backend/base/buffer.h"
#include "backend/base/lock.h"
#include "backend/base/log.h"

struct worker_pool {
	/* immutable after start */
	pthread_t *threads;
	unsigned int count;
	struct lock lock;
	struct condition changed;
	/* guarded by lock */
	struct worker_job *first;
	struct worker_job **last;
	bool stopping;
};

/* The next job, or NULL when the pool stops. */
static struct worker_job *take_locked(struct worker_pool *pool)
{
	struct worker_job *job;

	lock_assert_held(&pool->lock);
	while (!pool->first && !pool->stopping)
		condition_wait(&pool->changed, &pool->lock);
	job = pool->first;
	if (!job)
		return NULL;
	pool->first = job->next;
	if (!pool->first)
		pool->last = &pool->first;
	return job;
}

static void *worker(void *arg)
{
	struct worker_pool *pool = arg;
	struct worker_job *job;

	lock_acquire(&pool->lock);
	while ((job = take_locked(pool)) != NULL) {
		bool cancelled = pool->stopping;

		lock_release(&pool->lock);
		job->run(job, cancelled);
		lock_acquire(&pool->lock);
	}
	lock_release(&pool->lock);
	return NULL;
}

struct worker_pool *worker_pool_start(unsigned int threads)
{
	struct worker_pool *pool = xcalloc(1, sizeof(*pool));

	lock_init(&pool->lock, LOCK_RANK_SESSION);
	condition_init(&pool->changed);
	pool->last = &pool->first;
	pool->threads = xcalloc(threads, sizeof(*pool->threads));
	for (; pool->count < threads; pool->count++) {
		if (pthread_create(&pool->threads[pool->count], NULL, worker, pool)) {
			/* Fewer threads do; without any, nothing would be answered. */
			log_error("cannot start thread %u of %u", pool->count + 1, threads);
			if (!pool->count)
				abort();
			break;
		}
	}
	return pool;
}

void worker_pool_submit(struct worker_pool *pool, struct worker_job *job)
{
	job->next = NULL;
	lock_acquire(&pool->lock);
	*pool->last = job;
	pool->last = &job->next;
	condition_signal(&pool->changed);
	lock_release(&pool->lock);
}

void worker_pool_stop(struct worker_pool *pool)
{
	unsigned int i;

	lock_acquire(&pool->lock);
	pool->stopping = true;
	condition_broadcast(&pool->changed);
	lock_release(&pool->lock);
	for (i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	condition_destroy(&pool->changed);
	lock_destroy(&pool->lock);
	free(pool->threads);
	free(pool);
}
