/* SPDX-License-Identifier: Apache-2.0 */
/* Opening by URL; what stores do when open is in tests/store_suite. */
#include "backend/store.h"

#include <string.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "backend/store_mem.h"
#include "tests/lib/unit.h"

START_TEST(mem_stores_of_one_name_share_their_objects)
{
	struct buffer out = BUFFER_INIT;
	struct store *first, *second, *other;

	ck_assert_int_eq(store_open("mem://a", false, &first), 0);
	ck_assert_int_eq(store_open("mem://a", false, &second), 0);
	ck_assert_int_eq(store_open("mem://b", false, &other), 0);
	ck_assert_str_eq(first->kind, "mem");
	ck_assert_str_eq(first->url, "mem://a");
	ck_assert_int_eq(store_put(first, "k", "x", 1, 0), 0);
	ck_assert_int_eq(store_get(second, "k", 0, STORE_GET_ALL, &out), 0);
	ck_assert_uint_eq(out.length, 1);
	ck_assert_int_eq(store_get(other, "k", 0, STORE_GET_ALL, &out), -ENOENT);
	store_free(first);
	store_free(second);
	store_free(other);
	buffer_release(&out);
	store_mem_forget("a");
	store_mem_forget("b");
}
END_TEST

START_TEST(forgotten_mem_store_is_empty)
{
	struct store *store = store_mem_open("a");
	uint64_t size;

	ck_assert_int_eq(store_put(store, "k", "x", 1, 0), 0);
	store_mem_forget("a");
	ck_assert_int_eq(store_head(store, "k", &size), -ENOENT);
	store_free(store);
}
END_TEST

START_TEST(file_url_opens_a_directory)
{
	char root[] = "store-XXXXXX";
	char *here = getcwd(NULL, 0);
	struct store *store;
	char *url;

	ck_assert_ptr_nonnull(mkdtemp(root));
	url = xasprintf("file://%s//%s/", here, root);
	ck_assert_int_eq(store_open(url, false, &store), 0);
	ck_assert_str_eq(store->kind, "file");
	free(url);
	url = xasprintf("file://%s/%s", here, root);
	ck_assert_str_eq(store->url, url);
	store_free(store);
	ck_assert_int_eq(rmdir(root), 0);
	ck_assert_int_eq(store_open(url, false, &store), -ERR_store_no_bucket);
	free(url);
	free(here);
}
END_TEST

START_TEST(bad_url_opens_nothing)
{
	struct store *store = NULL;

	ck_assert_int_eq(store_open("gopher://x", true, &store), -ERR_bad_url);
	ck_assert_ptr_null(store);
	store_free(store);
}
END_TEST

UNIT_MAIN("store", mem_stores_of_one_name_share_their_objects, forgotten_mem_store_is_empty,
	  file_url_opens_a_directory, bad_url_opens_nothing)
