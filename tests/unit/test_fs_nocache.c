/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "fs/nocache.h"
#include "tests/lib/unit.h"

static struct nocache *named(const char *comms, const char *uids)
{
	struct nocache *nocache;

	ck_assert_int_eq(nocache_new(comms, uids, &nocache), 0);
	return nocache;
}

START_TEST(nobody_is_named)
{
	struct nocache *nocache = named(NULL, NULL);

	ck_assert_ptr_null(nocache);
	ck_assert(!nocache_is_for(nocache, 0, getpid()));
	nocache_free(nocache);
}
END_TEST

START_TEST(users_are_named_by_number)
{
	struct nocache *nocache = named(NULL, "7:4294967294");

	ck_assert(nocache_is_for(nocache, 7, getpid()));
	ck_assert(nocache_is_for(nocache, 4294967294u, 0));
	ck_assert(!nocache_is_for(nocache, 8, getpid()));
	nocache_free(nocache);
}
END_TEST

START_TEST(programs_are_named_as_the_kernel_names_them)
{
	struct nocache *nocache = named("clamscan:a-name-of-more-than-15-bytes", NULL);

	prctl(PR_SET_NAME, "clamscan");
	ck_assert(nocache_is_for(nocache, 1, getpid()));
	ck_assert(!nocache_is_for(nocache, 1, 0));
	prctl(PR_SET_NAME, "clamscan2");
	ck_assert(!nocache_is_for(nocache, 1, getpid()));
	prctl(PR_SET_NAME, "a-name-of-more-than-15-bytes");
	ck_assert(nocache_is_for(nocache, 1, getpid()));
	nocache_free(nocache);
}
END_TEST

static void *ask_as_worker(void *nocache)
{
	prctl(PR_SET_NAME, "worker");
	return nocache_is_for(nocache, 1, (pid_t)syscall(SYS_gettid)) ? nocache : NULL;
}

START_TEST(a_thread_with_a_name_of_its_own_belongs_to_its_program)
{
	struct nocache *nocache = named("indexer", NULL);
	pthread_t thread;
	void *answer;

	prctl(PR_SET_NAME, "indexer");
	ck_assert(!pthread_create(&thread, NULL, ask_as_worker, nocache));
	pthread_join(thread, &answer);
	ck_assert_ptr_nonnull(answer);
	prctl(PR_SET_NAME, "other");
	ck_assert(!pthread_create(&thread, NULL, ask_as_worker, nocache));
	pthread_join(thread, &answer);
	ck_assert_ptr_null(answer);
	nocache_free(nocache);
}
END_TEST

START_TEST(what_is_no_user_and_no_name_is_refused)
{
	static const char *const bad[] = { "", "x", "-1", "1:", "1,2", "4294967295", "1 " };
	struct nocache *nocache;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(nocache_new(NULL, bad[i], &nocache), -ERR_bad_option);
		ck_assert_ptr_null(nocache);
	}
	ck_assert_int_eq(nocache_new("a::b", NULL, &nocache), -ERR_bad_option);
}
END_TEST

UNIT_MAIN("fs_nocache", nobody_is_named, users_are_named_by_number,
	  programs_are_named_as_the_kernel_names_them,
	  a_thread_with_a_name_of_its_own_belongs_to_its_program,
	  what_is_no_user_and_no_name_is_refused)
