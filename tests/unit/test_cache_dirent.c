/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names with equal hashes. Nobody finds such names without the key, so the
 * tests make the chain themselves: a row of another name at the place where
 * the hash of "name" leads.
 */
#include <dirent.h>
#include <string.h>

#include "cache/cache_int.h"
#include "cache/cookie.h"
#include "cache/dirent.h"
#include "cache/ns.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

static struct local_cache local;

static uint64_t base(const char *name)
{
	return cookie_base(local.cache->conf.volume.name_hash_key, name, strlen(name));
}

static void put(uint64_t cookie, const char *name, uint64_t ino)
{
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	dirent_put(&batch, ROOT_INO, cookie, name, ino, DT_REG);
	ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
	batch_release(&batch);
}

static void take(uint64_t cookie)
{
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	ck_assert_int_eq(dirent_remove(local.cache, &batch, ROOT_INO, cookie), 0);
	ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
	batch_release(&batch);
}

static unsigned int count_rows(void)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	unsigned int count = 0;

	key_dirent(&start, ROOT_INO, 0);
	ck_assert_int_eq(index_cursor_open(local.cache->index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) == 1)
		count += key_table(key, key_length) == TABLE_DIRENT;
	index_cursor_close(cursor);
	return count;
}

START_TEST(a_name_is_put_behind_the_chain_of_its_hash)
{
	struct dirent_place place;

	local_cache_init(&local);
	ck_assert_int_eq(dirent_find(local.cache, ROOT_INO, "name", &place), -ENOENT);
	ck_assert_uint_eq(place.cookie, base("name"));
	put(base("name"), "first", 10);
	ck_assert_int_eq(dirent_find(local.cache, ROOT_INO, "name", &place), -ENOENT);
	ck_assert_uint_eq(place.cookie, base("name") + 1);
	put(place.cookie, "name", 11);
	ck_assert_int_eq(dirent_find(local.cache, ROOT_INO, "name", &place), 0);
	ck_assert_uint_eq(place.ino, 11);
	ck_assert_uint_eq(place.type, DT_REG);
	local_cache_release(&local);
}
END_TEST

START_TEST(removing_the_head_of_a_chain_keeps_the_rest_of_it)
{
	struct dirent_place place;

	local_cache_init(&local);
	put(base("name"), "first", 10);
	put(base("name") + 1, "second", 11);
	put(base("name") + 2, "name", 12);
	take(base("name"));
	take(base("name") + 1);
	ck_assert_uint_eq(count_rows(), 3);
	ck_assert_int_eq(dirent_find(local.cache, ROOT_INO, "name", &place), 0);
	ck_assert_uint_eq(place.ino, 12);
	ck_assert_uint_eq(place.cookie, base("name") + 2);
	/* With the last entry of the chain its placeholders go. */
	take(base("name") + 2);
	ck_assert_uint_eq(count_rows(), 0);
	local_cache_release(&local);
}
END_TEST

START_TEST(placeholders_before_an_entry_stay)
{
	struct dirent_place place;

	local_cache_init(&local);
	put(base("name"), "first", 10);
	put(base("name") + 1, "name", 11);
	put(base("name") + 2, "third", 12);
	take(base("name"));
	take(base("name") + 2);
	ck_assert_uint_eq(count_rows(), 2);
	ck_assert_int_eq(dirent_find(local.cache, ROOT_INO, "name", &place), 0);
	ck_assert_uint_eq(place.ino, 11);
	local_cache_release(&local);
}
END_TEST

static int count_entry(const char *name, size_t name_length, uint64_t ino, uint8_t type,
		       uint64_t cookie, void *arg)
{
	(void)name;
	(void)name_length;
	(void)type;
	(void)cookie;
	ck_assert_uint_ne(ino, 0);
	++*(unsigned int *)arg;
	return 0;
}

START_TEST(placeholders_are_not_listed)
{
	unsigned int entries = 0;

	local_cache_init(&local);
	put(base("name"), "first", 10);
	put(base("name") + 1, "name", 11);
	take(base("name"));
	ck_assert_int_eq(ns_readdir(local.cache, ROOT_INO, COOKIE_DOT_DOT, count_entry, &entries),
			 0);
	ck_assert_uint_eq(entries, 1);
	local_cache_release(&local);
}
END_TEST

START_TEST(a_full_chain_takes_no_more_names)
{
	struct ns_make make = { .mode = S_IFREG };
	struct dirent_place place;
	struct attributes out;
	unsigned int i;

	local_cache_init(&local);
	for (i = 0; i < COOKIE_ORDINALS; i++)
		put(base("name") + i, "other", 10 + i);
	ck_assert_int_eq(dirent_find(local.cache, ROOT_INO, "name", &place), -ENOENT);
	ck_assert_uint_eq(place.cookie, 0);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "name", &make, &out), -ENOSPC);
	take(base("name") + COOKIE_ORDINALS - 1);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "name", &make, &out), 0);
	local_cache_release(&local);
}
END_TEST

UNIT_MAIN("dirent", a_name_is_put_behind_the_chain_of_its_hash,
	  removing_the_head_of_a_chain_keeps_the_rest_of_it, placeholders_before_an_entry_stay,
	  placeholders_are_not_listed, a_full_chain_takes_no_more_names)
