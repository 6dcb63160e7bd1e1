/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of files are, told from the rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache_int.h"
#include "cache/inode.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "cache/state.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

static struct local_cache local;

static uint64_t make(uint64_t parent, const char *name, uint32_t mode)
{
	struct ns_make what = { .mode = mode, .target = "target" };
	struct attributes out;

	ck_assert_int_eq(ns_create(local.cache, parent, name, &what, &out), 0);
	return out.ino;
}

static struct file_state state(uint64_t ino)
{
	struct file_state out;

	ck_assert_int_eq(state_get(local.cache, ino, &out), 0);
	return out;
}

/* What a commit of everything so far does to the DIRTY rows. */
static void mark_all_clean(void)
{
	struct row_key *keys = xcalloc(1000, sizeof(*keys));
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	size_t count = 0;

	key_dirty(&start, "", 0);
	ck_assert_int_eq(index_cursor_open(local.cache->index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) == 1) {
		ck_assert_uint_lt(count, 1000);
		keys[count].length = (uint16_t)(key_length - 1);
		memcpy(keys[count++].bytes, key + 1, key_length - 1);
	}
	index_cursor_close(cursor);
	ck_assert_int_eq(
		index_mark_clean(local.cache->index, keys, count, index_lsn(local.cache->index), 0),
		0);
	free(keys);
}

static void put_meta(const char *name, uint64_t value)
{
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_u64(&batch, name, value);
	ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
	batch_release(&batch);
}

START_TEST(a_new_file_is_local_until_all_its_rows_are_committed)
{
	struct attributes in = { .mode = 0600 };
	uint64_t d;
	uint64_t f;

	local_cache_init(&local);
	d = make(ROOT_INO, "d", S_IFDIR | 0755);
	f = make(d, "f", S_IFREG | 0644);
	ck_assert_int_eq(state(f).place, FILE_PLACE_LOCAL);
	mark_all_clean();
	ck_assert_int_eq(state(f).place, FILE_PLACE_CLOUD);
	ck_assert_int_eq(state(d).place, FILE_PLACE_CLOUD);
	ck_assert_int_eq(state(f).dirty_since_ns, 0);

	ck_assert_int_eq(attr_set(local.cache, f, ATTR_MODE, &in, NULL), 0);
	ck_assert_int_eq(state(f).place, FILE_PLACE_LOCAL);
	ck_assert_int_eq(state(d).place, FILE_PLACE_CLOUD);
	mark_all_clean();
	ck_assert_int_eq(xattr_set(local.cache, f, "user.a", "1", 1, 0), 0);
	ck_assert_int_eq(state(f).place, FILE_PLACE_LOCAL);
	mark_all_clean();
	ck_assert_int_eq(io_write(local.cache, f, 0, "x", 1), 0);
	ck_assert_int_eq(state(f).place, FILE_PLACE_LOCAL);
	ck_assert_int_gt(state(f).dirty_since_ns, 0);
	mark_all_clean();
	make(d, "g", S_IFREG | 0644);
	ck_assert_int_eq(state(d).place, FILE_PLACE_LOCAL);
	ck_assert_int_eq(state(f).place, FILE_PLACE_CLOUD);
	local_cache_release(&local);
}
END_TEST

/* Each kind of DIRTY row alone keeps a file from being in the cloud. */
START_TEST(any_dirty_row_of_an_inode_counts)
{
	struct row_key keys[5];
	struct batch batch;
	struct buffer empty = BUFFER_INIT;
	uint64_t d;
	size_t i;

	local_cache_init(&local);
	d = make(ROOT_INO, "d", S_IFDIR | 0755);
	key_xattr(&keys[0], d, "user.a", 6);
	key_extent(&keys[1], d, 3, 4096);
	key_dirent(&keys[2], d, 512);
	key_content(&keys[3], d);
	key_xattr(&keys[4], d + 1, "user.a", 6);
	for (i = 0; i < 5; i++) {
		mark_all_clean();
		batch_init(&batch, BATCH_ROWS, 0);
		batch_delete(&batch, &keys[i], ROW_CLOUD);
		ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
		batch_release(&batch);
		ck_assert_int_eq(state(d).place, i < 4 ? FILE_PLACE_LOCAL : FILE_PLACE_CLOUD);
	}
	buffer_release(&empty);
	local_cache_release(&local);
}
END_TEST

START_TEST(what_the_open_commit_has_is_uploading)
{
	struct attributes in = { .mode = 0600 };
	uint64_t f;

	local_cache_init(&local);
	f = make(ROOT_INO, "f", S_IFREG | 0644);
	atomic_store(&local.cache->uploading_lsn, index_lsn(local.cache->index));
	ck_assert_int_eq(state(f).place, FILE_PLACE_UPLOADING);
	ck_assert_int_eq(attr_set(local.cache, f, ATTR_MODE, &in, NULL), 0);
	ck_assert_int_eq(state(f).place, FILE_PLACE_LOCAL);
	local_cache_release(&local);
}
END_TEST

START_TEST(content_that_the_last_commit_left_behind_is_pending)
{
	uint64_t f;

	local_cache_init(&local);
	f = make(ROOT_INO, "f", S_IFREG | 0644);
	ck_assert_int_eq(io_write(local.cache, f, 0, "x", 1), 0);
	ck_assert(!state(f).pending);
	put_meta(META_COMMITTED_SEQ, 42);
	put_meta(META_COMMITTED_TIME, INT64_MAX);
	ck_assert(state(f).pending);
	ck_assert_uint_eq(state(f).commit, 42);
	mark_all_clean();
	ck_assert(!state(f).pending);
	local_cache_release(&local);
}
END_TEST

/* Bytes of all homes: a segment, packs and a cached chunk, packs alone. */
START_TEST(bytes_are_counted_by_their_home)
{
	struct extent_row extent = { .length = 4096, .refs_count = 1 };
	struct cached_row cached = { .segment = 1 };
	struct buffer value = BUFFER_INIT;
	struct file_state got;
	struct row_key key;
	struct batch batch;
	unsigned int i;
	uint64_t f;

	local_cache_init(&local);
	f = make(ROOT_INO, "f", S_IFREG | 0644);
	ck_assert_int_eq(io_write(local.cache, f, 0, "0123456789", 10), 0);
	batch_init(&batch, BATCH_ROWS, 0);
	for (i = 1; i <= 3; i++) {
		extent.refs[0] = (struct extent_ref){ .chunk = 70 + i / 2, .length = 4096 };
		buffer_clear(&value);
		row_put_extent(&value, &extent);
		key_extent(&key, f, 0, 65536 * i);
		batch_put(&batch, &key, &value, ROW_CLOUD);
	}
	buffer_clear(&value);
	row_put_cached(&value, &cached);
	key_cached(&key, 71);
	batch_put(&batch, &key, &value, ROW_LOCAL);
	ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
	got = state(f);
	ck_assert_uint_eq(got.mapped_bytes, 3 * 4096 + 10);
	ck_assert_uint_eq(got.cached_bytes, 2 * 4096 + 10);
	ck_assert_uint_eq(got.dirty_bytes, 10);
	batch_release(&batch);
	buffer_release(&value);
	local_cache_release(&local);
}
END_TEST

struct visited {
	char paths[2000];
	size_t length;
	unsigned int stop_after;
	unsigned int count;
};

static int visit(const char *path, const struct file_state *file, void *arg)
{
	struct visited *visited = arg;

	ck_assert_int_eq(file->place, FILE_PLACE_LOCAL);
	visited->length += (size_t)snprintf(visited->paths + visited->length,
					    sizeof(visited->paths) - visited->length, "%s\n", path);
	ck_assert_uint_lt(visited->length, sizeof(visited->paths));
	return ++visited->count == visited->stop_after ? -ECANCELED : 0;
}

START_TEST(a_walk_visits_each_file_once_and_directories_first)
{
	struct visited all = { 0 };
	struct visited one = { 0 };
	struct visited some = { .stop_after = 2 };
	uint64_t a;
	uint64_t b;

	local_cache_init(&local);
	a = make(ROOT_INO, "a", S_IFDIR | 0755);
	b = make(a, "b", S_IFDIR | 0755);
	make(b, "c", S_IFREG | 0644);
	make(a, "z", S_IFLNK | 0777);
	ck_assert_int_eq(state_walk(local.cache, "/", visit, &all), 0);
	ck_assert_uint_eq(all.count, 5);
	ck_assert_ptr_eq(strstr(all.paths, "/\n/a\n"), all.paths);
	ck_assert_ptr_nonnull(strstr(all.paths, "/a/b\n/a/b/c\n"));
	ck_assert_ptr_nonnull(strstr(all.paths, "/a/z\n"));
	ck_assert_int_eq(state_walk(local.cache, "/a/b/c", visit, &one), 0);
	ck_assert_str_eq(one.paths, "/a/b/c\n");
	ck_assert_int_eq(state_walk(local.cache, "/a/b/", visit, &some), -ECANCELED);
	ck_assert_str_eq(some.paths, "/a/b\n/a/b/c\n");
	ck_assert_int_eq(state_walk(local.cache, "/none", visit, &one), -ENOENT);
	local_cache_release(&local);
}
END_TEST

START_TEST(a_deep_and_wide_tree_is_walked)
{
	struct visited visited = { 0 };
	uint64_t parent = ROOT_INO;
	char name[16];
	unsigned int i;

	local_cache_init(&local);
	for (i = 0; i < 40; i++)
		parent = make(parent, "d", S_IFDIR | 0755);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%u", i);
		make(parent, name, S_IFREG | 0644);
	}
	ck_assert_int_eq(state_walk(local.cache,
				    "/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d"
				    "/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d",
				    visit, &visited),
			 0);
	ck_assert_uint_eq(visited.count, 12);
	local_cache_release(&local);
}
END_TEST

UNIT_MAIN("file_state", a_new_file_is_local_until_all_its_rows_are_committed,
	  any_dirty_row_of_an_inode_counts, what_the_open_commit_has_is_uploading,
	  content_that_the_last_commit_left_behind_is_pending, bytes_are_counted_by_their_home,
	  a_walk_visits_each_file_once_and_directories_first, a_deep_and_wide_tree_is_walked)
