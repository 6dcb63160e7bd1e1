/* SPDX-License-Identifier: Apache-2.0 */
/* What statfs(2) tells: the bytes of all files, and what the store still takes. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "backend/store.h"
#include "cache/io.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

static struct local_cache local;
static const uint8_t data[100000];

static void write_at(uint64_t ino, uint64_t offset, size_t length)
{
	ck_assert_int_eq(io_write(local.cache, ino, offset, data, length), 0);
}

static void truncate_to(uint64_t ino, uint64_t size)
{
	struct attributes in = { .size = size };

	ck_assert_int_eq(attr_set(local.cache, ino, ATTR_SIZE, &in, NULL), 0);
}

static uint64_t used(void)
{
	struct cache_space space;

	cache_space_get(local.cache, &space);
	return space.used_bytes;
}

START_TEST(the_bytes_of_all_files_are_used)
{
	uint64_t a;
	uint64_t b;

	local_cache_init(&local);
	a = local_cache_make_file(&local, "a");
	b = local_cache_make_file(&local, "b");
	ck_assert_uint_eq(used(), 0);
	write_at(a, 0, 50000);
	write_at(b, 1 << 20, 100000);
	ck_assert_uint_eq(used(), 150000);
	write_at(a, 40000, 20000);
	ck_assert_uint_eq(used(), 160000);
	truncate_to(a, 1 << 30);
	ck_assert_uint_eq(used(), 160000);
	truncate_to(a, 10000);
	ck_assert_uint_eq(used(), 110000);
	truncate_to(b, 0);
	ck_assert_uint_eq(used(), 10000);
	local_cache_release(&local);
}
END_TEST

/* In the memtable, below it, and read anew: one sum. */
START_TEST(the_sum_survives_checkpoints_and_kills)
{
	uint64_t files[10];
	char name[8];
	unsigned int i;

	local_cache_init(&local);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%u", i);
		files[i] = local_cache_make_file(&local, name);
		write_at(files[i], 0, 1000);
		if (i == 3)
			ck_assert_int_eq(index_checkpoint(local.cache->index), 0);
		if (i == 6)
			local_cache_kill(&local);
	}
	ck_assert_uint_eq(used(), 10000);
	local_cache_kill(&local);
	ck_assert_uint_eq(used(), 10000);
	for (i = 0; i < 10; i++)
		write_at(files[i], 500, 1000);
	ck_assert_uint_eq(used(), 15000);
	ck_assert_int_eq(index_checkpoint(local.cache->index), 0);
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, name), 0);
		ck_assert_uint_eq(used(), 15000 - i * 1500);
		ns_forget(local.cache, files[i]);
	}
	local_cache_kill(&local);
	ck_assert_uint_eq(used(), 7500);
	local_cache_release(&local);
}
END_TEST

static uint64_t store_bytes;

static int tell_space(struct store *store, uint64_t *free_out)
{
	(void)store;
	*free_out = store_bytes;
	return store_bytes ? 0 : -EIO;
}

START_TEST(what_is_not_uploaded_needs_its_place)
{
	const struct store_ops ops = { .space = tell_space };
	struct store bottom = { .ops = &ops };
	struct store retry = { .below = &bottom };
	struct cache_space space;
	uint64_t file;

	local_cache_init(&local);
	local.cache->store = &retry;
	store_bytes = 1000000;
	file = local_cache_make_file(&local, "f");
	write_at(file, 0, 100000);
	cache_space_get(local.cache, &space);
	ck_assert_uint_eq(space.free_bytes, 900000);
	ck_assert_int_eq(io_fallocate(local.cache, file, 0, 0, 1000000), 0);
	ck_assert_int_eq(io_fallocate(local.cache, file, 0, 0, 1000001 + 1024), -ENOSPC);
	ck_assert_int_eq(io_fallocate(local.cache, file, FALLOC_FL_KEEP_SIZE, 0, 1 << 30), -ENOSPC);
	ck_assert_int_eq(io_fallocate(local.cache, file, FALLOC_FL_ZERO_RANGE, 0, 1 << 30), 0);
	store_bytes = 50000;
	write_at(file, 0, 100000);
	cache_space_get(local.cache, &space);
	ck_assert_uint_eq(space.free_bytes, 0);
	/* It does not tell. */
	store_bytes = 0;
	cache_space_get(local.cache, &space);
	ck_assert_uint_gt(space.free_bytes, 1ULL << 49);
	local.cache->store = NULL;
	local_cache_release(&local);
}
END_TEST

UNIT_MAIN("cache_space", the_bytes_of_all_files_are_used, the_sum_survives_checkpoints_and_kills,
	  what_is_not_uploaded_needs_its_place)
