/* SPDX-License-Identifier: Apache-2.0 */
/* What directories ask for, and which files below a path lack the cloud. */
#include <string.h>

#include "cache/dirty_below.h"
#include "cache/io.h"
#include "cache/policy.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

static struct local_cache local;

static uint64_t make(uint64_t parent, const char *name, mode_t mode)
{
	struct ns_make row = { .mode = mode };
	struct attributes out;

	ck_assert_int_eq(ns_create(local.cache, parent, name, &row, &out), 0);
	return out.ino;
}

static void set(uint64_t ino, const char *name, const char *value)
{
	ck_assert_int_eq(xattr_set(local.cache, ino, name, value, strlen(value), 0), 0);
}

static struct policy of(uint64_t ino)
{
	struct policy policy;

	ck_assert_int_eq(policy_of_inode(local.cache, ino, &policy), 0);
	return policy;
}

static int64_t rpo(uint64_t ino)
{
	return of(ino).rpo_ns / NS_PER_SECOND;
}

START_TEST(a_policy_holds_for_all_that_is_below)
{
	uint64_t a;
	uint64_t b;
	uint64_t file;

	local_cache_init(&local);
	a = make(ROOT_INO, "a", S_IFDIR | 0755);
	b = make(a, "b", S_IFDIR | 0755);
	file = make(b, "file", S_IFREG | 0644);
	ck_assert_int_eq(rpo(file), 60);
	ck_assert_int_eq(of(file).durability, DURABILITY_LOCAL);
	set(a, POLICY_RPO_XATTR, "5");
	set(ROOT_INO, POLICY_DURABILITY_XATTR, "cloud");
	ck_assert_int_eq(rpo(file), 5);
	ck_assert_int_eq(rpo(b), 5);
	ck_assert_int_eq(rpo(ROOT_INO), 60);
	ck_assert_int_eq(of(file).durability, DURABILITY_CLOUD);
	set(b, POLICY_DURABILITY_XATTR, "local");
	ck_assert_int_eq(of(file).durability, DURABILITY_LOCAL);
	ck_assert_int_eq(of(a).durability, DURABILITY_CLOUD);
	ck_assert_int_eq(xattr_remove(local.cache, a, POLICY_RPO_XATTR), 0);
	ck_assert_int_eq(rpo(file), 60);
	local_cache_release(&local);
}
END_TEST

START_TEST(a_file_takes_the_policy_of_where_it_is_moved)
{
	uint64_t quick;
	uint64_t slow;
	uint64_t below;
	uint64_t file;

	local_cache_init(&local);
	quick = make(ROOT_INO, "quick", S_IFDIR | 0755);
	slow = make(ROOT_INO, "slow", S_IFDIR | 0755);
	below = make(slow, "below", S_IFDIR | 0755);
	file = make(below, "file", S_IFREG | 0644);
	set(quick, POLICY_RPO_XATTR, "1");
	set(slow, POLICY_RPO_XATTR, "3600");
	ck_assert_int_eq(rpo(file), 3600);
	ck_assert_int_eq(ns_rename(local.cache, slow, "below", quick, "below", 0), 0);
	ck_assert_int_eq(rpo(file), 1);
	ck_assert_int_eq(ns_rename(local.cache, below, "file", slow, "file", 0), 0);
	ck_assert_int_eq(rpo(file), 3600);
	local_cache_release(&local);
}
END_TEST

START_TEST(a_policy_outlives_the_gateway)
{
	uint64_t a;
	uint64_t file;

	local_cache_init(&local);
	a = make(ROOT_INO, "a", S_IFDIR | 0755);
	file = make(a, "file", S_IFREG | 0644);
	set(a, POLICY_RPO_XATTR, "7");
	local_cache_kill(&local);
	ck_assert_int_eq(rpo(file), 7);
	local_cache_release(&local);
}
END_TEST

static void assert_below(const char *path, const uint64_t *expected, size_t expected_count)
{
	uint64_t *inos;
	size_t count;
	size_t i;

	ck_assert_int_eq(dirty_below(local.cache, path, &inos, &count), 0);
	ck_assert_uint_eq(count, expected_count);
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(inos[i], expected[i]);
	free(inos);
}

START_TEST(dirty_files_are_found_below_a_path)
{
	uint64_t a;
	uint64_t b;
	uint64_t files[3];
	uint64_t *inos;
	size_t count;
	struct attributes out;
	size_t i;

	local_cache_init(&local);
	a = make(ROOT_INO, "a", S_IFDIR | 0755);
	b = make(a, "b", S_IFDIR | 0755);
	files[0] = make(a, "one", S_IFREG | 0644);
	files[1] = make(b, "two", S_IFREG | 0644);
	files[2] = make(ROOT_INO, "three", S_IFREG | 0644);
	make(b, "empty", S_IFREG | 0644); /* has no content to be uploaded */
	ck_assert_int_eq(ns_link(local.cache, files[2], b, "linked", &out), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(io_write(local.cache, files[i], 0, "x", 1), 0);
	assert_below("/", files, 3);
	assert_below("/a", files, 3);
	assert_below("/a/b", files + 1, 2);
	assert_below("/a/one", files, 1);
	assert_below("/a/b/empty", NULL, 0);
	ck_assert_int_eq(dirty_below(local.cache, "/none", &inos, &count), -ENOENT);
	local_cache_release(&local);
}
END_TEST

UNIT_MAIN("policy", a_policy_holds_for_all_that_is_below,
	  a_file_takes_the_policy_of_where_it_is_moved, a_policy_outlives_the_gateway,
	  dirty_files_are_found_below_a_path)
