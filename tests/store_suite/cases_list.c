/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/store_suite/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Keys whose order by path components differs from their order by bytes
 * ('-' and '.' are less than '/', which is less than digits and letters), in
 * byte order.
 */
static const char *const awkward_keys[] = {
	"-",	   "--",  "-.",	   "...",   ".a",    "0",	 "A/B",	   "A0",
	"Z",	   "_",	  "a--",   "a-/x",  "a-b",   "a.",	 "a.b",	   "a.b-c",
	"a.b.c/d", "a/-", "a/.a",  "a/b",   "a/b-c", "a/b.c/d",	 "a/b0/c", "a/c/d/e",
	"a0",	   "aa",  "a_b/c", "b/b/b", "b/b/c", "b/b0/b/b", "tmp/x",  "z"
};

/* What a listing delivered: keys with their NULs, one behind the other. */
struct listing {
	struct buffer keys;
	size_t count;
	uint64_t bytes;
	size_t stop_at; /* return 4711 from this object on; 0: never */
};

static int collect(const struct store_object *object, void *arg)
{
	struct listing *listing = arg;

	buffer_append(&listing->keys, object->key, strlen(object->key) + 1);
	listing->bytes += object->size;
	listing->count++;
	return listing->count == listing->stop_at ? 4711 : 0;
}

static struct listing list_all(const char *prefix, const char *after)
{
	struct listing listing = { 0 };
	int result = store_list(suite_store, prefix, after, collect, &listing);

	ck_assert_msg(result == 0, "list \"%s\": %s", prefix, err_message(result));
	return listing;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Compares a listing with what it must be, computed from all keys, sorted. */
static void check_listing(const char *const *keys, size_t count, const char *prefix,
			  const char *after)
{
	struct listing listing = list_all(prefix, after);
	const char *next = (const char *)listing.keys.data;
	size_t expected = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (strncmp(keys[i], prefix, strlen(prefix)) != 0 ||
		    (after && strcmp(keys[i], after) <= 0))
			continue;
		ck_assert_msg(expected < listing.count && strcmp(next, keys[i]) == 0,
			      "list \"%s\" after \"%s\": got %s where %s belongs", prefix,
			      after ? after : "", expected < listing.count ? next : "the end",
			      keys[i]);
		next += strlen(next) + 1;
		expected++;
	}
	ck_assert_msg(listing.count == expected, "list \"%s\" after \"%s\": %s is too much", prefix,
		      after ? after : "", next);
	buffer_release(&listing.keys);
}

START_TEST(empty_store_lists_nothing)
{
	check_listing(NULL, 0, "", NULL);
	check_listing(NULL, 0, "a/b", "a");
}
END_TEST

START_TEST(listing_is_in_byte_order_with_any_prefix_and_start)
{
	static const char *const prefixes[] = { "",	"a",	     "a/",  "a.",   "a.b",
						"a/b",	"a/b.c/",    "b/b", "b/b/", "-",
						"none", "a/c/d/e/f", "tmp" };
	static const char *const starts[] = { "",    "a",   "a--", "a.b.c", "a/",  "a/b", "a/b/x",
					      "a/c", "a/z", "a0",  "b/b/b", "zzz", "\x7f" };
	const char *keys[COUNT(awkward_keys)];
	size_t i, j;

	memcpy(keys, awkward_keys, sizeof(keys));
	qsort(keys, COUNT(keys), sizeof(keys[0]), compare_texts);
	for (i = COUNT(keys); i-- > 0;)
		suite_put_text(keys[i * 7 % COUNT(keys)], "x");
	for (i = 0; i < COUNT(prefixes); i++) {
		check_listing(keys, COUNT(keys), prefixes[i], NULL);
		for (j = 0; j < COUNT(starts); j++)
			check_listing(keys, COUNT(keys), prefixes[i], starts[j]);
	}
}
END_TEST

START_TEST(listing_starts_behind_every_key)
{
	const char *keys[COUNT(awkward_keys)];
	size_t i;

	memcpy(keys, awkward_keys, sizeof(keys));
	qsort(keys, COUNT(keys), sizeof(keys[0]), compare_texts);
	for (i = 0; i < COUNT(keys); i++)
		suite_put_text(keys[i], "x");
	for (i = 0; i < COUNT(keys); i++) {
		check_listing(keys, COUNT(keys), "", keys[i]);
		check_listing(keys, COUNT(keys), keys[i], NULL);
	}
}
END_TEST

START_TEST(listing_tells_sizes)
{
	struct listing listing;

	suite_put_text("a", "");
	suite_put_text("b/c", "123");
	suite_put_text("b/d", "4567");
	listing = list_all("", NULL);
	ck_assert_uint_eq(listing.count, 3);
	ck_assert_uint_eq(listing.bytes, 7);
	buffer_release(&listing.keys);
}
END_TEST

START_TEST(removed_and_replaced_objects_are_listed_as_they_are)
{
	static const char *const keys[] = { "a/1", "a/3" };

	suite_put_text("a/1", "x");
	suite_put_text("a/2", "x");
	suite_put_text("a/3", "x");
	suite_put_text("a/3", "y");
	ck_assert_int_eq(store_remove(suite_store, "a/2"), 0);
	check_listing(keys, 2, "", NULL);
	ck_assert_int_eq(store_remove(suite_store, "a/1"), 0);
	ck_assert_int_eq(store_remove(suite_store, "a/3"), 0);
	check_listing(NULL, 0, "", NULL);
}
END_TEST

START_TEST(result_of_the_callback_ends_the_listing)
{
	struct listing listing = { .stop_at = 2 };

	suite_put_text("a", "x");
	suite_put_text("b", "x");
	suite_put_text("c", "x");
	ck_assert_int_eq(store_list(suite_store, "", NULL, collect, &listing), 4711);
	ck_assert_uint_eq(listing.count, 2);
	buffer_release(&listing.keys);
}
END_TEST

static int remove_listed(const struct store_object *object, void *arg)
{
	uint64_t size = 0;

	(*(int *)arg)++;
	ck_assert_int_eq(store_head(suite_store, object->key, &size), 0);
	ck_assert_uint_eq(size, object->size);
	return store_remove(suite_store, object->key);
}

START_TEST(callback_may_use_the_store)
{
	int count = 0;

	suite_put_text("a/1", "x");
	suite_put_text("a/2", "xx");
	suite_put_text("a/3", "xxx");
	ck_assert_int_eq(store_list(suite_store, "", NULL, remove_listed, &count), 0);
	ck_assert_int_eq(count, 3);
	check_listing(NULL, 0, "", NULL);
}
END_TEST

/* More keys than S3 lists in one page (1000), in two directories. */
START_TEST(listing_of_many_pages_is_complete)
{
	enum { KEYS = 2105 };
	static char texts[KEYS][32];
	static const char *keys[KEYS];
	struct listing listing = { .stop_at = 1001 };
	size_t i;

	for (i = 0; i < KEYS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s/%06zu", i % 2 ? "log" : "pack", i);
		keys[i] = texts[i];
		suite_put_text(keys[i], "");
	}
	qsort(keys, KEYS, sizeof(keys[0]), compare_texts);
	check_listing(keys, KEYS, "", NULL);
	check_listing(keys, KEYS, "pack/", NULL);
	check_listing(keys, KEYS, "pack/", keys[1500]);
	check_listing(keys, KEYS, "", keys[999]);
	check_listing(keys, KEYS, "", keys[1000]);
	check_listing(keys, KEYS, "log/0001", "log/000107");
	ck_assert_int_eq(store_list(suite_store, "", NULL, collect, &listing), 4711);
	ck_assert_uint_eq(listing.count, 1001);
	buffer_release(&listing.keys);
}
END_TEST

TCase *cases_list(void)
{
	TCase *cases = tcase_create("list");

	tcase_add_test(cases, empty_store_lists_nothing);
	tcase_add_test(cases, listing_is_in_byte_order_with_any_prefix_and_start);
	tcase_add_test(cases, listing_starts_behind_every_key);
	tcase_add_test(cases, listing_tells_sizes);
	tcase_add_test(cases, removed_and_replaced_objects_are_listed_as_they_are);
	tcase_add_test(cases, result_of_the_callback_ends_the_listing);
	tcase_add_test(cases, callback_may_use_the_store);
	tcase_add_test(cases, listing_of_many_pages_is_complete);
	return cases;
}
