/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cache/cache_int.h"
#include "cache/inode.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

/*
 * The tree of each test:
 *
 *	/a/         directory       /file    "12345"
 *	/a/b/       directory       /empty   no bytes
 *	/a/b/deep   file            /dir/    empty directory
 */
struct tree {
	struct local_cache local;
	struct cache *cache;
	uint64_t a, b, deep, file, empty, dir;
};

static uint64_t make(struct tree *tree, uint64_t parent, const char *name, uint32_t mode)
{
	struct ns_make what = { .mode = mode };
	struct attributes out;

	ck_assert_int_eq(ns_create(tree->cache, parent, name, &what, &out), 0);
	return out.ino;
}

static void start(struct tree *tree)
{
	local_cache_init(&tree->local);
	tree->cache = tree->local.cache;
	tree->a = make(tree, ROOT_INO, "a", S_IFDIR | 0755);
	tree->b = make(tree, tree->a, "b", S_IFDIR | 0755);
	tree->deep = make(tree, tree->b, "deep", S_IFREG | 0644);
	tree->file = make(tree, ROOT_INO, "file", S_IFREG | 0644);
	tree->empty = make(tree, ROOT_INO, "empty", S_IFREG | 0644);
	tree->dir = make(tree, ROOT_INO, "dir", S_IFDIR | 0755);
	ck_assert_int_eq(io_write(tree->cache, tree->file, 0, "12345", 5), 0);
}

static void end(struct tree *tree)
{
	local_cache_release(&tree->local);
}

static uint64_t find(struct tree *tree, uint64_t parent, const char *name)
{
	struct attributes out;
	int result = ns_lookup(tree->cache, parent, name, &out);

	ck_assert(result == 0 || result == -ENOENT);
	return result ? 0 : out.ino;
}

static struct attributes get(struct tree *tree, uint64_t ino)
{
	struct attributes out;

	ck_assert_int_eq(attr_get(tree->cache, ino, &out), 0);
	return out;
}

static uint64_t children(struct tree *tree, uint64_t ino)
{
	struct inode inode = { 0 };
	uint64_t count;

	ck_assert_int_eq(inode_load(tree->cache, ino, &inode), 0);
	count = inode.row.children;
	inode_release(&inode);
	return count;
}

START_TEST(a_name_moves_to_another_directory)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", t.b, "moved", 0), 0);
	ck_assert_uint_eq(find(&t, ROOT_INO, "file"), 0);
	ck_assert_uint_eq(find(&t, t.b, "moved"), t.file);
	ck_assert_uint_eq(children(&t, ROOT_INO), 3);
	ck_assert_uint_eq(children(&t, t.b), 2);
	end(&t);
}
END_TEST

START_TEST(a_moved_directory_has_a_new_parent)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, t.a, "b", t.dir, "c", 0), 0);
	ck_assert_uint_eq(find(&t, t.b, ".."), t.dir);
	ck_assert_uint_eq(get(&t, t.a).nlink, 2);
	ck_assert_uint_eq(get(&t, t.dir).nlink, 3);
	end(&t);
}
END_TEST

static bool same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

START_TEST(renaming_stamps_directories_and_the_inode)
{
	struct attributes before;
	struct attributes after;
	struct tree t;

	start(&t);
	before = get(&t, t.deep);
	ck_assert_int_eq(ns_rename(t.cache, t.b, "deep", t.dir, "deep", 0), 0);
	after = get(&t, t.deep);
	ck_assert(same(before.mtime, after.mtime));
	ck_assert(!same(before.ctime, after.ctime));
	ck_assert(same(get(&t, t.b).mtime, after.ctime));
	ck_assert(same(get(&t, t.dir).mtime, after.ctime));
	end(&t);
}
END_TEST

START_TEST(a_replaced_file_loses_its_name)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "empty", ROOT_INO, "file", 0), 0);
	ck_assert_uint_eq(find(&t, ROOT_INO, "file"), t.empty);
	ck_assert_uint_eq(find(&t, ROOT_INO, "empty"), 0);
	ck_assert_uint_eq(get(&t, t.file).nlink, 0);
	ck_assert_uint_eq(children(&t, ROOT_INO), 3);
	ns_forget(t.cache, t.file);
	ck_assert_int_eq(attr_get(t.cache, t.file, &(struct attributes){ 0 }), -ENOENT);
	end(&t);
}
END_TEST

START_TEST(an_empty_directory_is_replaced_by_a_directory)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, t.a, "b", ROOT_INO, "dir", 0), 0);
	ck_assert_uint_eq(find(&t, ROOT_INO, "dir"), t.b);
	ck_assert_uint_eq(get(&t, ROOT_INO).nlink, 4);
	ck_assert_uint_eq(get(&t, t.a).nlink, 2);
	ck_assert_uint_eq(get(&t, t.dir).nlink, 0);
	end(&t);
}
END_TEST

START_TEST(what_does_not_fit_is_not_replaced)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "dir", ROOT_INO, "file", 0), -ENOTDIR);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", ROOT_INO, "dir", 0), -EISDIR);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "dir", ROOT_INO, "a", 0), -ENOTEMPTY);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "none", ROOT_INO, "x", 0), -ENOENT);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", t.file, "x", 0), -ENOTDIR);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", ROOT_INO, "..", 0), -EBUSY);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", ROOT_INO, "x",
				   RENAME_NOREPLACE | RENAME_EXCHANGE),
			 -EINVAL);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", ROOT_INO, "x", RENAME_WHITEOUT),
			 -EINVAL);
	end(&t);
}
END_TEST

START_TEST(a_directory_does_not_move_below_itself)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "a", t.a, "x", 0), -EINVAL);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "a", t.b, "x", 0), -EINVAL);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "a", t.b, "deep", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(ns_rename(t.cache, t.b, "deep", ROOT_INO, "a", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(ns_rename(t.cache, t.a, "b", ROOT_INO, "a", 0), -ENOTEMPTY);
	end(&t);
}
END_TEST

START_TEST(two_names_of_one_inode_are_left_alone)
{
	struct attributes out;
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_link(t.cache, t.file, t.dir, "link", &out), 0);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", t.dir, "link", 0), 0);
	ck_assert_uint_eq(find(&t, ROOT_INO, "file"), t.file);
	ck_assert_uint_eq(find(&t, t.dir, "link"), t.file);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", ROOT_INO, "file", 0), 0);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "a", ROOT_INO, "a", 0), 0);
	ck_assert_uint_eq(get(&t, t.file).nlink, 2);
	end(&t);
}
END_TEST

START_TEST(noreplace_keeps_what_is_there)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "empty", ROOT_INO, "file", RENAME_NOREPLACE),
			 -EEXIST);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "empty", ROOT_INO, "new", RENAME_NOREPLACE),
			 0);
	ck_assert_uint_eq(find(&t, ROOT_INO, "new"), t.empty);
	end(&t);
}
END_TEST

START_TEST(exchange_swaps_names_of_different_kinds)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "none", ROOT_INO, "file", RENAME_EXCHANGE),
			 -ENOENT);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", ROOT_INO, "none", RENAME_EXCHANGE),
			 -ENOENT);
	ck_assert_int_eq(ns_rename(t.cache, t.a, "b", ROOT_INO, "file", RENAME_EXCHANGE), 0);
	ck_assert_uint_eq(find(&t, t.a, "b"), t.file);
	ck_assert_uint_eq(find(&t, ROOT_INO, "file"), t.b);
	ck_assert_uint_eq(find(&t, t.b, ".."), ROOT_INO);
	ck_assert_uint_eq(get(&t, t.a).nlink, 2);
	ck_assert_uint_eq(get(&t, ROOT_INO).nlink, 5);
	ck_assert_uint_eq(children(&t, t.a), 1);
	ck_assert_uint_eq(children(&t, ROOT_INO), 4);
	end(&t);
}
END_TEST

static bool is_barrier(struct tree *tree, uint64_t ino)
{
	struct dirty_row row = { 0 };
	struct row_key key;
	int result;

	key_content(&key, ino);
	result = inode_load_dirty(tree->cache, &key, &row);
	ck_assert(result == 0 || result == -ENOENT);
	return row.flags & DIRTY_BARRIER;
}

static bool is_unflushed(struct tree *tree, uint64_t ino)
{
	struct node *node = inode_lock_shared(tree->cache, ino);
	bool unflushed = node->unflushed_bytes;

	inode_unlock_shared(tree->cache, node);
	return unflushed;
}

START_TEST(a_file_moved_over_bytes_is_durable_and_a_barrier)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(io_write(t.cache, t.empty, 0, "new", 3), 0);
	ck_assert(is_unflushed(&t, t.empty));
	ck_assert(!is_barrier(&t, t.empty));
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "empty", ROOT_INO, "file", 0), 0);
	ck_assert(!is_unflushed(&t, t.empty));
	ck_assert(is_barrier(&t, t.empty));
	end(&t);
}
END_TEST

START_TEST(flushed_bytes_moved_over_bytes_are_a_barrier_too)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(io_write(t.cache, t.empty, 0, "new", 3), 0);
	ck_assert_int_eq(segments_flush(t.cache->segments), 0);
	ck_assert_int_eq(index_flush(t.cache->index, index_lsn(t.cache->index)), 0);
	node_table_flushed(t.cache->nodes, index_lsn(t.cache->index));
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "empty", ROOT_INO, "file", 0), 0);
	ck_assert(is_barrier(&t, t.empty));
	end(&t);
}
END_TEST

START_TEST(a_file_moved_over_nothing_waits_for_nothing)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "file", ROOT_INO, "new", 0), 0);
	ck_assert_int_eq(ns_rename(t.cache, ROOT_INO, "new", ROOT_INO, "empty", 0), 0);
	ck_assert(is_unflushed(&t, t.file));
	ck_assert(!is_barrier(&t, t.file));
	end(&t);
}
END_TEST

START_TEST(a_rename_survives_a_kill_whole)
{
	struct tree t;

	start(&t);
	ck_assert_int_eq(ns_rename(t.cache, t.a, "b", ROOT_INO, "file", RENAME_EXCHANGE), 0);
	local_cache_kill(&t.local);
	t.cache = t.local.cache;
	ck_assert_uint_eq(find(&t, t.a, "b"), t.file);
	ck_assert_uint_eq(find(&t, t.b, ".."), ROOT_INO);
	ck_assert_uint_eq(get(&t, t.file).size, 5);
	end(&t);
}
END_TEST

UNIT_MAIN("ns_rename", a_name_moves_to_another_directory, a_moved_directory_has_a_new_parent,
	  renaming_stamps_directories_and_the_inode, a_replaced_file_loses_its_name,
	  an_empty_directory_is_replaced_by_a_directory, what_does_not_fit_is_not_replaced,
	  a_directory_does_not_move_below_itself, two_names_of_one_inode_are_left_alone,
	  noreplace_keeps_what_is_there, exchange_swaps_names_of_different_kinds,
	  a_file_moved_over_bytes_is_durable_and_a_barrier,
	  flushed_bytes_moved_over_bytes_are_a_barrier_too,
	  a_file_moved_over_nothing_waits_for_nothing, a_rename_survives_a_kill_whole)
