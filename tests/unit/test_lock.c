/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong locking must abort: each such case runs in a process of its own. */
#include "backend/base/lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "tests/lib/unit.h"

static bool aborts(void (*act)(void))
{
	static const struct rlimit no_core = { 0, 0 };
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (!child) {
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		act();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void take_two(enum lock_rank first, enum lock_rank second)
{
	struct lock locks[2];

	lock_init(&locks[0], first);
	lock_init(&locks[1], second);
	lock_acquire(&locks[0]);
	lock_acquire(&locks[1]);
	lock_release(&locks[1]);
	lock_release(&locks[0]);
	lock_destroy(&locks[1]);
	lock_destroy(&locks[0]);
}

static void take_in_order(void)
{
	take_two(LOCK_RANK_CONTROL, LOCK_RANK_LEAF);
	take_two(LOCK_RANK_NODE, LOCK_RANK_NODE_TABLE);
	take_two(LOCK_RANK_NODE, LOCK_RANK_NODE);
	/* what was released does not count */
	take_two(LOCK_RANK_CONTROL, LOCK_RANK_LEAF);
}

START_TEST(rising_ranks_are_allowed)
{
	ck_assert(!aborts(take_in_order));
}
END_TEST

#ifdef DRAY_LOCK_CHECK
static void take_in_wrong_order(void)
{
	take_two(LOCK_RANK_LEAF, LOCK_RANK_JOURNAL);
}

static void take_one_rank_twice(void)
{
	take_two(LOCK_RANK_JOURNAL, LOCK_RANK_JOURNAL);
}

static void read_under_a_higher_rank(void)
{
	struct rwlock view;
	struct lock leaf;

	rwlock_init(&view, LOCK_RANK_INDEX_VIEW);
	lock_init(&leaf, LOCK_RANK_LEAF);
	lock_acquire(&leaf);
	rwlock_acquire_read(&view);
}

START_TEST(violated_ranks_abort)
{
	ck_assert(aborts(take_in_wrong_order));
	ck_assert(aborts(take_one_rank_twice));
	ck_assert(aborts(read_under_a_higher_rank));
}
END_TEST
#endif

static void release_a_free_lock(void)
{
	struct lock lock;

	lock_init(&lock, LOCK_RANK_LEAF);
	lock_release(&lock);
}

static void assert_a_free_lock_is_held(void)
{
	struct lock lock;

	lock_init(&lock, LOCK_RANK_LEAF);
	lock_assert_held(&lock);
}

static struct lock shared;

static void *acquire_shared(void *arg)
{
	lock_acquire(&shared);
	return arg;
}

static void assert_a_lock_of_another_thread_is_held(void)
{
	pthread_t thread;

	lock_init(&shared, LOCK_RANK_LEAF);
	pthread_create(&thread, NULL, acquire_shared, NULL);
	pthread_join(thread, NULL);
	lock_assert_held(&shared);
}

START_TEST(lock_that_is_not_held_is_noticed)
{
	ck_assert(aborts(release_a_free_lock));
	ck_assert(aborts(assert_a_free_lock_is_held));
	ck_assert(aborts(assert_a_lock_of_another_thread_is_held));
}
END_TEST

/* A baton that two threads pass to each other by one condition. */
struct baton {
	struct lock lock;
	struct condition changed;
	int turn;
	int passes;
};

static void *pass_baton(void *arg)
{
	struct baton *baton = arg;
	int i;

	lock_acquire(&baton->lock);
	for (i = 0; i < 1000; i++) {
		while (baton->turn != 1)
			condition_wait(&baton->changed, &baton->lock);
		lock_assert_held(&baton->lock);
		baton->passes++;
		baton->turn = 0;
		condition_signal(&baton->changed);
	}
	lock_release(&baton->lock);
	return NULL;
}

START_TEST(condition_wakes_the_waiter_and_gives_the_lock_back)
{
	struct baton baton = { .turn = 0 };
	pthread_t thread;
	int i;

	lock_init(&baton.lock, LOCK_RANK_LEAF);
	condition_init(&baton.changed);
	pthread_create(&thread, NULL, pass_baton, &baton);
	lock_acquire(&baton.lock);
	for (i = 0; i < 1000; i++) {
		baton.turn = 1;
		condition_signal(&baton.changed);
		while (baton.turn != 0)
			condition_wait(&baton.changed, &baton.lock);
	}
	lock_release(&baton.lock);
	pthread_join(thread, NULL);
	ck_assert_int_eq(baton.passes, 1000);
	condition_destroy(&baton.changed);
	lock_destroy(&baton.lock);
}
END_TEST

START_TEST(timed_wait_ends_when_the_time_has_passed)
{
	struct lock lock;
	struct condition condition;
	int64_t until = clock_boot_ns() + 20 * NS_PER_MS;

	lock_init(&lock, LOCK_RANK_LEAF);
	condition_init(&condition);
	lock_acquire(&lock);
	while (condition_wait_until(&condition, &lock, until))
		;
	ck_assert_int_ge(clock_boot_ns(), until);
	ck_assert(!condition_wait_until(&condition, &lock, 0));
	lock_release(&lock);
	condition_destroy(&condition);
	lock_destroy(&lock);
}
END_TEST

#ifdef DRAY_LOCK_CHECK
UNIT_MAIN("lock", rising_ranks_are_allowed, violated_ranks_abort, lock_that_is_not_held_is_noticed,
	  condition_wakes_the_waiter_and_gives_the_lock_back,
	  timed_wait_ends_when_the_time_has_passed)
#else
UNIT_MAIN("lock", rising_ranks_are_allowed, lock_that_is_not_held_is_noticed,
	  condition_wakes_the_waiter_and_gives_the_lock_back,
	  timed_wait_ends_when_the_time_has_passed)
#endif
