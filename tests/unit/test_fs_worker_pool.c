/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "backend/base/buffer.h"
#include "fs/worker_pool.h"
#include "tests/lib/unit.h"

struct test_job {
	struct worker_job job;
	int number;
};

static atomic_int done;
static atomic_int cancelled_count;
static int last_number;
static sem_t gate;
static sem_t begun;

static struct test_job *new_job(int number, void (*run)(struct worker_job *, bool))
{
	struct test_job *job = xcalloc(1, sizeof(*job));

	job->job.run = run;
	job->number = number;
	return job;
}

static void count(struct worker_job *job, bool cancelled)
{
	atomic_fetch_add(cancelled ? &cancelled_count : &done, 1);
	free(job);
}

static void check_order(struct worker_job *job, bool cancelled)
{
	ck_assert_int_eq(((struct test_job *)job)->number, last_number + 1);
	last_number++;
	count(job, cancelled);
}

static void block(struct worker_job *job, bool cancelled)
{
	sem_post(&begun);
	sem_wait(&gate);
	count(job, cancelled);
}

static void *post_gate(void *arg)
{
	(void)arg;
	sem_post(&gate);
	sem_post(&gate);
	return NULL;
}

START_TEST(one_thread_runs_jobs_in_order)
{
	struct worker_pool *pool = worker_pool_start(1);
	int i;

	sem_init(&gate, 0, 0);
	sem_init(&begun, 0, 0);
	for (i = 1; i <= 1000; i++)
		worker_pool_submit(pool, &new_job(i, check_order)->job);
	worker_pool_submit(pool, &new_job(0, block)->job);
	sem_wait(&begun);
	sem_post(&gate);
	worker_pool_stop(pool);
	ck_assert_int_eq(done, 1001);
	ck_assert_int_eq(cancelled_count, 0);
}
END_TEST

START_TEST(blocked_jobs_leave_the_other_threads_free)
{
	struct worker_pool *pool = worker_pool_start(3);
	int i;

	sem_init(&gate, 0, 0);
	sem_init(&begun, 0, 0);
	for (i = 0; i < 2; i++)
		worker_pool_submit(pool, &new_job(0, block)->job);
	sem_wait(&begun);
	sem_wait(&begun);
	for (i = 0; i < 100; i++)
		worker_pool_submit(pool, &new_job(0, count)->job);
	while (atomic_load(&done) < 100)
		sched_yield();
	post_gate(NULL);
	worker_pool_stop(pool);
	ck_assert_int_eq(done, 102);
}
END_TEST

START_TEST(stopping_answers_every_job_once)
{
	struct worker_pool *pool = worker_pool_start(1);
	pthread_t thread;
	int i;

	sem_init(&gate, 0, 0);
	sem_init(&begun, 0, 0);
	worker_pool_submit(pool, &new_job(0, block)->job);
	sem_wait(&begun);
	for (i = 0; i < 50; i++)
		worker_pool_submit(pool, &new_job(0, count)->job);
	ck_assert(!pthread_create(&thread, NULL, post_gate, NULL));
	worker_pool_stop(pool);
	pthread_join(thread, NULL);
	/* How many ran before the stop came is not known. */
	ck_assert_int_eq(done + cancelled_count, 51);
}
END_TEST

UNIT_MAIN("fs_worker_pool", one_thread_runs_jobs_in_order,
	  blocked_jobs_leave_the_other_threads_free, stopping_answers_every_job_once)
