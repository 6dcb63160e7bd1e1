/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/store_suite/suite.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"

#define LARGE_BYTES (20u << 20)

START_TEST(get_returns_what_was_put)
{
	static const char bytes[] = "a\0b\r\n\xff";

	ck_assert_int_eq(store_put(suite_store, "dir/object", bytes, sizeof(bytes), 0), 0);
	suite_expect("dir/object", bytes, sizeof(bytes));
}
END_TEST

START_TEST(put_replaces_the_object)
{
	suite_put_text("k", "a longer first version");
	suite_put_text("k", "second");
	suite_expect_text("k", "second");
}
END_TEST

START_TEST(objects_outlive_the_store)
{
	suite_put_text("a/b/c", "kept");
	suite_reopen();
	suite_expect_text("a/b/c", "kept");
	ck_assert_int_eq(store_put(suite_store, "a/b/c", "x", 1, STORE_IF_ABSENT), -EEXIST);
}
END_TEST

START_TEST(put_if_absent_stores_a_new_object)
{
	ck_assert_int_eq(store_put(suite_store, "log/1", "one", 3, STORE_IF_ABSENT), 0);
	suite_expect_text("log/1", "one");
}
END_TEST

START_TEST(put_if_absent_leaves_an_existing_object_alone)
{
	suite_put_text("log/1", "first");
	ck_assert_int_eq(store_put(suite_store, "log/1", "other", 5, STORE_IF_ABSENT), -EEXIST);
	ck_assert_int_eq(store_put(suite_store, "log/1", "", 0, STORE_IF_ABSENT), -EEXIST);
	suite_expect_text("log/1", "first");
}
END_TEST

START_TEST(put_if_absent_succeeds_again_after_removal)
{
	suite_put_text("k", "old");
	ck_assert_int_eq(store_remove(suite_store, "k"), 0);
	ck_assert_int_eq(store_put(suite_store, "k", "new", 3, STORE_IF_ABSENT), 0);
	suite_expect_text("k", "new");
}
END_TEST

START_TEST(absent_object_is_enoent_and_leaves_the_outputs_alone)
{
	struct buffer out = BUFFER_INIT;
	uint64_t size = 77;

	suite_put_text("dir/object", "x");
	buffer_put_text(&out, "before");
	ck_assert_int_eq(store_get(suite_store, "none", 0, STORE_GET_ALL, &out), -ENOENT);
	ck_assert_int_eq(store_get(suite_store, "none", 5, 10, &out), -ENOENT);
	ck_assert_int_eq(store_get(suite_store, "no/dir/none", 0, 1, &out), -ENOENT);
	ck_assert_int_eq(store_get(suite_store, "dir", 0, 1, &out), -ENOENT);
	ck_assert_int_eq(store_get(suite_store, "dir/object/below", 0, 1, &out), -ENOENT);
	ck_assert_uint_eq(out.length, 6);
	ck_assert_int_eq(store_head(suite_store, "none", &size), -ENOENT);
	ck_assert_int_eq(store_head(suite_store, "dir", &size), -ENOENT);
	ck_assert_int_eq(store_head(suite_store, "dir/object/below", &size), -ENOENT);
	ck_assert_uint_eq(size, 77);
	buffer_release(&out);
}
END_TEST

START_TEST(head_tells_the_size)
{
	uint64_t size = 0;

	suite_put_text("k", "12345");
	ck_assert_int_eq(store_head(suite_store, "k", &size), 0);
	ck_assert_uint_eq(size, 5);
}
END_TEST

START_TEST(empty_object_is_an_object)
{
	uint64_t size = 77;

	ck_assert_int_eq(store_put(suite_store, "empty", NULL, 0, STORE_IF_ABSENT), 0);
	ck_assert_int_eq(store_head(suite_store, "empty", &size), 0);
	ck_assert_uint_eq(size, 0);
	suite_expect("empty", "", 0);
	ck_assert_int_eq(store_put(suite_store, "empty", "x", 1, STORE_IF_ABSENT), -EEXIST);
	suite_put_text("empty", "filled");
	ck_assert_int_eq(store_put(suite_store, "empty", NULL, 0, 0), 0);
	suite_expect("empty", "", 0);
}
END_TEST

/* Gets one range behind three bytes of the caller's, and compares. */
static void check_range(const char *key, const char *object, uint64_t object_length,
			uint64_t offset, size_t length)
{
	uint64_t expected = offset < object_length ? object_length - offset : 0;
	struct buffer out = BUFFER_INIT;
	int result;

	if (length < expected)
		expected = length;
	buffer_put_text(&out, "own");
	result = store_get(suite_store, key, offset, length, &out);
	ck_assert_msg(result == 0, "get %llu+%zu: %s", (unsigned long long)offset, length,
		      err_message(result));
	ck_assert_msg(out.length == 3 + expected, "get %llu+%zu of %llu gave %zu bytes",
		      (unsigned long long)offset, length, (unsigned long long)object_length,
		      out.length - 3);
	ck_assert_int_eq(memcmp(out.data, "own", 3), 0);
	if (expected)
		ck_assert_int_eq(memcmp(out.data + 3, object + offset, expected), 0);
	buffer_release(&out);
}

START_TEST(ranges_end_where_the_object_ends)
{
	static const char object[] = "0123456789";
	static const uint64_t offsets[] = { 0, 1, 9, 10, 11, 1000, 1ULL << 40, INT64_MAX };
	static const size_t lengths[] = { 0, 1, 2, 9, 10, 11, 1000, SIZE_MAX / 2, STORE_GET_ALL };
	size_t i, j;

	suite_put_text("k", object);
	suite_put_text("empty", "");
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		for (j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
			check_range("k", object, 10, offsets[i], lengths[j]);
			check_range("empty", "", 0, offsets[i], lengths[j]);
		}
	}
}
END_TEST

START_TEST(large_object_comes_back_whole_and_in_ranges)
{
	uint8_t *bytes = xmalloc(LARGE_BYTES);
	uint32_t state = 1;
	uint64_t size;
	size_t i;

	for (i = 0; i < LARGE_BYTES; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
	ck_assert_int_eq(store_put(suite_store, "large", bytes, LARGE_BYTES, STORE_IF_ABSENT), 0);
	ck_assert_int_eq(store_head(suite_store, "large", &size), 0);
	ck_assert_uint_eq(size, LARGE_BYTES);
	suite_expect("large", bytes, LARGE_BYTES);
	check_range("large", (char *)bytes, LARGE_BYTES, (8u << 20) - 3, 4099);
	check_range("large", (char *)bytes, LARGE_BYTES, LARGE_BYTES - 5, 100);
	free(bytes);
}
END_TEST

START_TEST(removed_object_is_gone)
{
	uint64_t size;

	suite_put_text("dir/a", "x");
	suite_put_text("dir/b", "y");
	ck_assert_int_eq(store_remove(suite_store, "dir/a"), 0);
	ck_assert_int_eq(store_head(suite_store, "dir/a", &size), -ENOENT);
	suite_expect_text("dir/b", "y");
}
END_TEST

START_TEST(remove_of_an_absent_object_succeeds)
{
	suite_put_text("dir/a", "x");
	ck_assert_int_eq(store_remove(suite_store, "none"), 0);
	ck_assert_int_eq(store_remove(suite_store, "no/dir"), 0);
	ck_assert_int_eq(store_remove(suite_store, "dir"), 0);
	ck_assert_int_eq(store_remove(suite_store, "dir/a/below"), 0);
	suite_expect_text("dir/a", "x");
}
END_TEST

START_TEST(invalid_keys_are_refused_by_every_call)
{
	static const char *const keys[] = { "",	   "/",	     "/a",	 "a/",	 "a//b", ".",
					    "..",  "a/../b", "a/.",	 "../a", "a b",	 "a+b",
					    "a\n", "a%2f",   "\xc3\xa4", "a\\b", "a?b",	 "+tmp/x" };
	struct buffer out = BUFFER_INIT;
	uint64_t size;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		ck_assert_int_eq(store_put(suite_store, keys[i], "x", 1, 0), -ERR_store_refused);
		ck_assert_int_eq(store_get(suite_store, keys[i], 0, 1, &out), -ERR_store_refused);
		ck_assert_int_eq(store_head(suite_store, keys[i], &size), -ERR_store_refused);
		ck_assert_int_eq(store_remove(suite_store, keys[i]), -ERR_store_refused);
	}
	ck_assert_ptr_null(out.data);
}
END_TEST

/* Fills text with "aaa/aaa/..." of this length, components of `part` bytes. */
static void make_key(char *text, size_t length, size_t part)
{
	size_t i;

	for (i = 0; i < length; i++)
		text[i] = (i + 1) % (part + 1) ? 'a' : '/';
	text[length] = '\0';
}

START_TEST(longest_keys_work_and_longer_ones_are_refused)
{
	char key[STORE_KEY_MAX + 2];

	make_key(key, STORE_KEY_MAX, 100);
	suite_put_text(key, "x");
	suite_expect_text(key, "x");
	make_key(key, STORE_KEY_MAX + 1, 100);
	ck_assert_int_eq(store_put(suite_store, key, "x", 1, 0), -ERR_store_refused);
	make_key(key, STORE_KEY_COMPONENT_MAX, 300);
	suite_put_text(key, "y");
	suite_expect_text(key, "y");
	make_key(key, STORE_KEY_COMPONENT_MAX + 1, 300);
	ck_assert_int_eq(store_put(suite_store, key, "x", 1, 0), -ERR_store_refused);
}
END_TEST

TCase *cases_object(void)
{
	TCase *cases = tcase_create("object");

	tcase_add_test(cases, get_returns_what_was_put);
	tcase_add_test(cases, put_replaces_the_object);
	tcase_add_test(cases, objects_outlive_the_store);
	tcase_add_test(cases, put_if_absent_stores_a_new_object);
	tcase_add_test(cases, put_if_absent_leaves_an_existing_object_alone);
	tcase_add_test(cases, put_if_absent_succeeds_again_after_removal);
	tcase_add_test(cases, absent_object_is_enoent_and_leaves_the_outputs_alone);
	tcase_add_test(cases, head_tells_the_size);
	tcase_add_test(cases, empty_object_is_an_object);
	tcase_add_test(cases, ranges_end_where_the_object_ends);
	tcase_add_test(cases, large_object_comes_back_whole_and_in_ranges);
	tcase_add_test(cases, removed_object_is_gone);
	tcase_add_test(cases, remove_of_an_absent_object_succeeds);
	tcase_add_test(cases, invalid_keys_are_refused_by_every_call);
	tcase_add_test(cases, longest_keys_work_and_longer_ones_are_refused);
	return cases;
}
