/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/lock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backend/base/clock.h"

#define CHECK(call)                                      \
	do {                                             \
		int check_result = (call);               \
		if (check_result)                        \
			lock_fatal(#call, check_result); \
	} while (0)

static _Noreturn void lock_fatal(const char *call, int result)
{
	fprintf(stderr, "dray: %s: %d\n", call, result);
	abort();
}

#ifdef DRAY_LOCK_CHECK
static const char *const rank_names[] = { "INVALID",
#define X(name) #name,
					  LOCK_RANKS(X)
#undef X
					 };

/* How many locks of each rank this thread holds. */
static _Thread_local unsigned char ranks_held[sizeof(rank_names) / sizeof(rank_names[0])];

static void rank_enter(enum lock_rank rank)
{
	size_t other;

	assert(rank != LOCK_RANK_INVALID);
	for (other = rank; other < sizeof(ranks_held); other++) {
		if (!ranks_held[other] || (other == rank && rank == LOCK_RANK_NODE))
			continue;
		fprintf(stderr, "dray: lock order: %s taken under %s\n", rank_names[rank],
			rank_names[other]);
		abort();
	}
	ranks_held[rank]++;
}

static void rank_leave(enum lock_rank rank)
{
	assert(ranks_held[rank] > 0);
	ranks_held[rank]--;
}
#else
static void rank_enter(enum lock_rank rank)
{
	(void)rank;
}

static void rank_leave(enum lock_rank rank)
{
	(void)rank;
}
#endif

void lock_init(struct lock *lock, enum lock_rank rank)
{
	CHECK(pthread_mutex_init(&lock->mutex, NULL));
	lock->rank = rank;
	lock->held = false;
}

void lock_destroy(struct lock *lock)
{
	CHECK(pthread_mutex_destroy(&lock->mutex));
}

void lock_acquire(struct lock *lock)
{
	rank_enter(lock->rank);
	CHECK(pthread_mutex_lock(&lock->mutex));
	lock->owner = pthread_self();
	lock->held = true;
}

void lock_release(struct lock *lock)
{
	lock_assert_held(lock);
	lock->held = false;
	CHECK(pthread_mutex_unlock(&lock->mutex));
	rank_leave(lock->rank);
}

void lock_assert_held(const struct lock *lock)
{
	assert(lock->held && pthread_equal(lock->owner, pthread_self()));
	(void)lock;
}

void rwlock_init(struct rwlock *lock, enum lock_rank rank)
{
	CHECK(pthread_rwlock_init(&lock->rwlock, NULL));
	lock->rank = rank;
}

void rwlock_init_writers_first(struct rwlock *lock, enum lock_rank rank)
{
	pthread_rwlockattr_t attributes;

	CHECK(pthread_rwlockattr_init(&attributes));
	CHECK(pthread_rwlockattr_setkind_np(&attributes,
					    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
	CHECK(pthread_rwlock_init(&lock->rwlock, &attributes));
	CHECK(pthread_rwlockattr_destroy(&attributes));
	lock->rank = rank;
}

void rwlock_destroy(struct rwlock *lock)
{
	CHECK(pthread_rwlock_destroy(&lock->rwlock));
}

void rwlock_acquire_read(struct rwlock *lock)
{
	rank_enter(lock->rank);
	CHECK(pthread_rwlock_rdlock(&lock->rwlock));
}

void rwlock_acquire_write(struct rwlock *lock)
{
	rank_enter(lock->rank);
	CHECK(pthread_rwlock_wrlock(&lock->rwlock));
}

void rwlock_release(struct rwlock *lock)
{
	CHECK(pthread_rwlock_unlock(&lock->rwlock));
	rank_leave(lock->rank);
}

void condition_init(struct condition *condition)
{
	pthread_condattr_t attributes;

	CHECK(pthread_condattr_init(&attributes));
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
	CHECK(pthread_cond_init(&condition->cond, &attributes));
	CHECK(pthread_condattr_destroy(&attributes));
}

void condition_destroy(struct condition *condition)
{
	CHECK(pthread_cond_destroy(&condition->cond));
}

void condition_wait(struct condition *condition, struct lock *lock)
{
	lock_assert_held(lock);
	lock->held = false;
	CHECK(pthread_cond_wait(&condition->cond, &lock->mutex));
	lock->owner = pthread_self();
	lock->held = true;
}

bool condition_wait_until(struct condition *condition, struct lock *lock, int64_t boot_ns)
{
	struct timespec now;
	struct timespec until;
	int64_t left = boot_ns - clock_boot_ns();

	if (left <= 0)
		return false;
	lock_assert_held(lock);
	lock->held = false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	until = clock_to_timespec(clock_from_timespec(&now) + left);
	pthread_cond_timedwait(&condition->cond, &lock->mutex, &until);
	lock->owner = pthread_self();
	lock->held = true;
	return clock_boot_ns() < boot_ns;
}

void condition_signal(struct condition *condition)
{
	CHECK(pthread_cond_signal(&condition->cond));
}

void condition_broadcast(struct condition *condition)
{
	CHECK(pthread_cond_broadcast(&condition->cond));
}
