/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/siphash.h"
#include "cache/cookie.h"

#define NAMES 100000

static const uint8_t zero_key[VOLUME_HASH_KEY_BYTES];

static uint64_t base_of(const uint8_t *key, const char *name)
{
	return cookie_base(key, name, strlen(name));
}

START_TEST(cookies_are_positive_and_leave_room_for_dots_and_ordinals)
{
	char name[32];
	int i;

	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		ck_assert_uint_ge(base_of(zero_key, name), COOKIE_FIRST);
		ck_assert_int_ge((int64_t)base_of(zero_key, name), 0);
		ck_assert_uint_eq(cookie_ordinal(base_of(zero_key, name)), 0);
	}
}
END_TEST

START_TEST(the_hash_bits_of_the_cookie_are_those_of_siphash)
{
	uint64_t hash = siphash24(zero_key, "a", 1);

	ck_assert_uint_eq(base_of(zero_key, "a") >> 8, (hash << 1) >> 9);
}
END_TEST

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

START_TEST(names_of_a_large_directory_have_different_places)
{
	static uint64_t cookies[NAMES];
	char name[32];
	int i;

	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%08d.csv", i);
		cookies[i] = base_of(zero_key, name);
	}
	qsort(cookies, NAMES, sizeof(cookies[0]), compare);
	for (i = 1; i < NAMES; i++)
		ck_assert_uint_ne(cookies[i - 1], cookies[i]);
}
END_TEST

START_TEST(another_volume_has_other_places)
{
	static const uint8_t key[VOLUME_HASH_KEY_BYTES] = { 1 };

	ck_assert_uint_ne(base_of(zero_key, "a"), base_of(key, "a"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cookie");
	TCase *tcase = tcase_create("cookie");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, cookies_are_positive_and_leave_room_for_dots_and_ordinals);
	tcase_add_test(tcase, the_hash_bits_of_the_cookie_are_those_of_siphash);
	tcase_add_test(tcase, names_of_a_large_directory_have_different_places);
	tcase_add_test(tcase, another_volume_has_other_places);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
