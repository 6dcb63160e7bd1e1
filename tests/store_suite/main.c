/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/store_suite/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"

#define EXIT_SKIPPED	 77
#define CASE_SECONDS_MAX 300

const struct factory *suite_factory;
struct store *suite_store;

void suite_reopen(void)
{
	store_free(suite_store);
	suite_store = suite_factory->open();
}

int suite_rounds(int rounds)
{
	return suite_factory->remote ? (rounds + 9) / 10 : rounds;
}

void suite_put_text(const char *key, const char *text)
{
	int result = store_put(suite_store, key, text, strlen(text), 0);

	ck_assert_msg(result == 0, "put %s: %s", key, err_message(result));
}

void suite_expect(const char *key, const void *bytes, size_t length)
{
	struct buffer object = BUFFER_INIT;
	int result = store_get(suite_store, key, 0, STORE_GET_ALL, &object);

	ck_assert_msg(result == 0, "get %s: %s", key, err_message(result));
	ck_assert_uint_eq(object.length, length);
	ck_assert_msg(!length || memcmp(object.data, bytes, length) == 0, "%s: wrong bytes", key);
	buffer_release(&object);
}

void suite_expect_text(const char *key, const char *text)
{
	suite_expect(key, text, strlen(text));
}

static void open_store(void)
{
	suite_factory->begin();
	suite_store = suite_factory->open();
}

static void close_store(void)
{
	store_free(suite_store);
	suite_factory->end();
}

static void add_cases(Suite *suite, TCase *cases)
{
	tcase_add_checked_fixture(cases, open_store, close_store);
	tcase_set_timeout(cases, CASE_SECONDS_MAX);
	suite_add_tcase(suite, cases);
}

int main(int argc, char **argv)
{
	Suite *suite;
	SRunner *runner;
	int failed;

	suite_factory = argc == 2 ? factory_find(argv[1]) : NULL;
	if (!suite_factory) {
		fprintf(stderr, "usage: store_suite mem|file|retry|stats|s3\n");
		return EXIT_FAILURE;
	}
	if (suite_factory->remote && !getenv("DRAY_TEST_S3_URL")) {
		printf("skipped: DRAY_TEST_S3_URL is not set (s3://bucket/prefix)\n");
		return EXIT_SKIPPED;
	}
	suite = suite_create(suite_factory->name);
	add_cases(suite, cases_object());
	add_cases(suite, cases_list());
	add_cases(suite, cases_threads());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
