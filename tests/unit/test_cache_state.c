/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/cache_int.h"

static struct cache cache;

static void setup(void)
{
	memset(&cache, 0, sizeof(cache));
	cache.directory = (char *)"/var/cache/dray/x";
	cache_init_locks(&cache);
	atomic_store(&cache.state, CACHE_STATE_SERVING);
}

static void teardown(void)
{
	lock_destroy(&cache.lifecycle);
}

START_TEST(the_first_cause_of_a_failure_is_kept_and_told)
{
	int result;

	ck_assert_int_eq(cache_check_writable(&cache), 0);
	cache_fail(&cache, err_set(-ERR_fenced, "host b took the volume over"));
	cache_fail(&cache, err_set(-ERR_local_io, "the disk is broken as well"));
	ck_assert_int_eq(atomic_load(&cache.state), CACHE_STATE_READ_ONLY);
	err_clear();
	result = cache_check_writable(&cache);
	ck_assert_int_eq(result, -ERR_fenced);
	ck_assert_str_eq(err_message(result), "host b took the volume over");
}
END_TEST

START_TEST(a_cache_that_opens_or_stops_takes_no_changes)
{
	atomic_store(&cache.state, CACHE_STATE_OPENING);
	ck_assert_int_eq(cache_check_writable(&cache), -ERR_stopping);
	atomic_store(&cache.state, CACHE_STATE_STOPPING);
	ck_assert_int_eq(cache_check_writable(&cache), -ERR_stopping);
	cache_fail(&cache, err_set(-ERR_local_io, "the disk is broken"));
	ck_assert_int_eq(atomic_load(&cache.state), CACHE_STATE_STOPPING);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache_state");
	TCase *tcase = tcase_create("cache_state");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_first_cause_of_a_failure_is_kept_and_told);
	tcase_add_test(tcase, a_cache_that_opens_or_stops_takes_no_changes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
