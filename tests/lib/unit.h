/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main function of a Check program of one group of tests:
 *
 *	UNIT_MAIN("size", sizes_are_parsed, sizes_are_formatted)
 */
#ifndef DRAY_TESTS_UNIT_H
#define DRAY_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/* A test that takes longer has failed. */
#ifndef UNIT_SECONDS_MAX
#define UNIT_SECONDS_MAX 600 /* against hangs: a busy machine is slow */
#endif

/* Runs the cases, for programs that add theirs in another way, as loops say;
 * the status to exit with. */
static inline int unit_run_cases(const char *name, TCase *cases)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(cases, UNIT_SECONDS_MAX);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int unit_run(const char *name, const TTest *const *tests, size_t count)
{
	TCase *cases = tcase_create(name);
	size_t i;

	for (i = 0; i < count; i++)
		tcase_add_test(cases, tests[i]);
	return unit_run_cases(name, cases);
}

#define UNIT_MAIN(name, ...)                                                    \
	int main(void)                                                          \
	{                                                                       \
		const TTest *const tests[] = { __VA_ARGS__ };                   \
                                                                                \
		return unit_run(name, tests, sizeof(tests) / sizeof(tests[0])); \
	}

#endif
