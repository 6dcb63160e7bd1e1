/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that do random operations on the same few names: nothing deadlocks
 * (ranks are checked in debug builds), and in the end links, entries and
 * counts agree with each other.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/cache_int.h"
#include "cache/inode.h"
#include "cache/ns.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define THREADS		   8
#define OPERATIONS	   6000
#define DIRECTORIES	   4
#define NAMES		   3
#define INODES_MAX	   65536
#define IS_EXPECTED(error) ((error) <= 0 && (error) > -ERR_CODE_FIRST)

static struct local_cache local;
/* Directories that are moved about, but stay. */
static uint64_t directories[DIRECTORIES];

static uint64_t any_directory(uint64_t *random)
{
	return directories[noise_next(random) % DIRECTORIES];
}

static void any_name(uint64_t *random, char name[16])
{
	snprintf(name, 16, "n%u", (unsigned int)(noise_next(random) % NAMES));
}

static int one_operation(uint64_t *random)
{
	static const unsigned int flags[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	struct ns_make make = { .mode = S_IFREG | 0644 };
	struct attributes out;
	uint64_t from = any_directory(random);
	uint64_t to = any_directory(random);
	char name[16];
	char other[16];
	int result;

	any_name(random, name);
	any_name(random, other);
	switch (noise_next(random) % 12) {
	case 0:
		make.mode = S_IFDIR | 0755;
		/* fall through */
	case 1:
		return ns_create(local.cache, from, name, &make, &out);
	case 2:
		return ns_unlink(local.cache, from, name);
	case 3:
		return ns_rmdir(local.cache, from, name);
	case 4:
		result = ns_lookup(local.cache, from, name, &out);
		return result ? result : ns_link(local.cache, out.ino, to, other, &out);
	case 5:
		result = ns_lookup(local.cache, from, name, &out);
		return result ? result : xattr_set(local.cache, out.ino, "user.a", "1", 1, 0);
	default:
		return ns_rename(local.cache, from, name, to, other, flags[noise_next(random) % 3]);
	}
}

static void *work(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg * 77 + 1;
	unsigned int i;
	int result;

	for (i = 0; i < OPERATIONS; i++) {
		result = one_operation(&random);
		if (!IS_EXPECTED(result)) {
			fprintf(stderr, "%s\n", err_message(result));
			return arg;
		}
	}
	return NULL;
}

struct count {
	uint32_t names;
	uint32_t sub_directories;
	uint64_t entries;
};

static int count_row(struct count *counts, const uint8_t *key, size_t key_length,
		     const uint8_t *value, size_t value_length)
{
	struct dirent_row row;
	uint64_t parent;
	uint64_t cookie;

	if (!key_dirent_parse(key, key_length, &parent, &cookie))
		return 0;
	ck_assert_int_eq(row_get_dirent(value, value_length, &row), 0);
	ck_assert_uint_lt(row.ino, INODES_MAX);
	ck_assert_uint_lt(parent, INODES_MAX);
	counts[row.ino].names++;
	counts[parent].entries++;
	counts[parent].sub_directories += row.type == DT_DIR;
	return 0;
}

static void check_inode(const struct count *counts, uint64_t ino)
{
	struct inode inode = { 0 };
	const struct count *count = &counts[ino];

	if (inode_load(local.cache, ino, &inode)) {
		ck_assert_uint_eq(count->names, 0);
	} else if (!S_ISDIR(inode.row.mode)) {
		ck_assert_uint_eq(inode.row.nlink, count->names);
	} else if (!count->names && ino != ROOT_INO) {
		ck_assert_uint_eq(inode.row.nlink, 0);
		ck_assert_uint_eq(count->entries, 0);
	} else {
		ck_assert_uint_eq(inode.row.nlink, 2 + count->sub_directories);
		ck_assert_uint_eq(inode.row.children, count->entries);
		ck_assert_uint_le(count->names, 1);
	}
	inode_release(&inode);
}

static void check_all(void)
{
	struct count *counts = xcalloc(INODES_MAX, sizeof(*counts));
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t ino;

	key_meta(&start, "");
	ck_assert_int_eq(index_cursor_open(local.cache->index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) == 1)
		count_row(counts, key, key_length, value, value_length);
	index_cursor_close(cursor);
	for (ino = 1; ino < INODES_MAX; ino++)
		check_inode(counts, ino);
	free(counts);
}

/* From each directory ".." leads to the root: none was moved below itself. */
static void check_no_loops(void)
{
	struct inode inode = { 0 };
	unsigned int depth;
	unsigned int i;
	uint64_t ino;

	for (i = 0; i < DIRECTORIES; i++) {
		ino = directories[i];
		for (depth = 0; ino != ROOT_INO; depth++) {
			ck_assert_uint_lt(depth, 1000);
			if (inode_load(local.cache, ino, &inode))
				break; /* removed, with all above it */
			ino = inode.row.parent;
		}
	}
	inode_release(&inode);
}

START_TEST(counts_agree_after_many_threads)
{
	struct ns_make make = { .mode = S_IFDIR | 0755 };
	pthread_t threads[THREADS];
	struct attributes out;
	char name[16];
	void *failed;
	uintptr_t i;

	local_cache_init(&local);
	directories[0] = ROOT_INO;
	for (i = 1; i < DIRECTORIES; i++) {
		snprintf(name, sizeof(name), "n%u", (unsigned int)i % NAMES);
		ck_assert_int_eq(ns_create(local.cache, directories[i - 1], name, &make, &out), 0);
		directories[i] = out.ino;
	}
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	check_all();
	check_no_loops();
	ck_assert_int_eq(ns_reap_orphans(local.cache), 0);
	check_all();
	local_cache_kill(&local);
	check_all();
	local_cache_release(&local);
}
END_TEST

/*
 * Two directories, /home0/top and /home1/top, each of which moves below the
 * other, to top/deep/x: the two renames have no inode in common.
 */
struct mover {
	uint64_t home;
	uint64_t top;
	uint64_t deep; /* in the other's top */
	bool failed;
};

/* The way up from a directory leads to it again. */
static bool is_below_itself(uint64_t directory)
{
	struct inode inode = { 0 };
	uint64_t ino = directory;

	do {
		ck_assert_int_eq(inode_load(local.cache, ino, &inode), 0);
		ino = inode.row.parent;
	} while (ino != ROOT_INO && ino != directory);
	inode_release(&inode);
	return ino == directory;
}

static void *move_in_and_out(void *arg)
{
	struct mover *mover = arg;
	unsigned int i;
	int result;

	for (i = 0; i < OPERATIONS && !mover->failed; i++) {
		result = ns_rename(local.cache, mover->home, "top", mover->deep, "x", 0);
		if (result) {
			mover->failed = result != -EINVAL;
			continue;
		}
		if (is_below_itself(mover->top))
			mover->failed = true;
		if (ns_rename(local.cache, mover->deep, "x", mover->home, "top", 0))
			mover->failed = true;
	}
	return NULL;
}

static uint64_t make_directory(uint64_t parent, const char *name)
{
	struct ns_make make = { .mode = S_IFDIR | 0755 };
	struct attributes out;

	ck_assert_int_eq(ns_create(local.cache, parent, name, &make, &out), 0);
	return out.ino;
}

START_TEST(directories_never_move_below_each_other)
{
	struct mover movers[2] = { { 0 } };
	pthread_t threads[2];
	char name[16];
	int i;

	local_cache_init(&local);
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "home%d", i);
		movers[i].home = make_directory(ROOT_INO, name);
		movers[i].top = make_directory(movers[i].home, "top");
		movers[!i].deep = make_directory(movers[i].top, "deep");
	}
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, move_in_and_out, &movers[i]), 0);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert(!movers[0].failed && !movers[1].failed);
	local_cache_release(&local);
}
END_TEST

UNIT_MAIN("ns_threads", counts_agree_after_many_threads, directories_never_move_below_each_other)
