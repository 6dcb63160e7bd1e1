/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes and extended attributes. */
#include <stdio.h>
#include <string.h>

#include "cache/cache_int.h"
#include "cache/inode.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

static struct local_cache local;
static uint64_t file;

static void start(void)
{
	struct ns_make make = { .mode = S_IFREG | 0644, .uid = 1, .gid = 2 };
	struct attributes out;

	local_cache_init(&local);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "file", &make, &out), 0);
	file = out.ino;
}

static void end(void)
{
	local_cache_release(&local);
}

static struct attributes get(uint64_t ino)
{
	struct attributes out;

	ck_assert_int_eq(attr_get(local.cache, ino, &out), 0);
	return out;
}

static bool has_content_row(uint64_t ino)
{
	struct content_row content;
	int result = inode_load_content(local.cache, ino, &content);

	ck_assert(result == 0 || result == -ENOENT);
	return !result;
}

static bool same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static const struct timespec some_time = { 1234567890, 123456789 };
static const struct timespec other_time = { -5, 999999999 };

START_TEST(only_the_fields_of_the_mask_are_set)
{
	struct attributes in = { .mode = 04711, .uid = 11, .gid = 12, .atime = some_time };
	struct attributes before;
	struct attributes out;

	start();
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_MODE | ATTR_ATIME, &in, &out), 0);
	ck_assert_uint_eq(out.mode, S_IFREG | 04711);
	ck_assert_uint_eq(out.uid, 1);
	ck_assert_int_eq(out.atime.tv_sec, some_time.tv_sec);
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_UID | ATTR_GID, &in, &out), 0);
	ck_assert_uint_eq(out.uid, 11);
	ck_assert_uint_eq(out.gid, 12);
	ck_assert_uint_eq(out.mode, S_IFREG | 04711);
	before = get(file);
	ck_assert_mem_eq(&out, &before, sizeof(out));
	ck_assert_int_eq(attr_set(local.cache, 999, ATTR_UID, &in, &out), -ENOENT);
	end();
}
END_TEST

START_TEST(a_change_stamps_ctime_unless_it_is_given)
{
	struct attributes in = { .mode = 0600, .ctime = some_time };
	struct attributes before;
	struct attributes out;

	start();
	before = get(file);
	ck_assert_int_eq(attr_set(local.cache, file, 0, &in, &out), 0);
	ck_assert_mem_eq(&out, &before, sizeof(out));
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_MODE, &in, &out), 0);
	ck_assert(!same(out.ctime, before.ctime));
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_MODE | ATTR_CTIME, &in, &out), 0);
	ck_assert(same(out.ctime, some_time));
	end();
}
END_TEST

START_TEST(an_empty_file_has_no_content_row_and_keeps_its_times)
{
	struct attributes in = { .mtime = some_time };

	start();
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_MTIME, &in, NULL), 0);
	ck_assert(!has_content_row(file));
	ck_assert(same(get(file).mtime, some_time));
	/* The first write makes the row, with that time. */
	ck_assert_int_eq(io_write(local.cache, file, 0, "x", 1), 0);
	ck_assert(has_content_row(file));
	ck_assert(same(get(file).mtime, some_time));
	in.mtime = other_time;
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_MTIME, &in, NULL), 0);
	ck_assert(same(get(file).mtime, other_time));
	ck_assert_uint_eq(get(file).size, 1);
	end();
}
END_TEST

START_TEST(truncation_sets_the_size_and_stamps_mtime)
{
	struct attributes in = { .size = 100000, .mtime = some_time };
	struct attributes before;
	struct attributes out;

	start();
	before = get(file);
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_SIZE, &in, &out), 0);
	ck_assert_uint_eq(out.size, 100000);
	ck_assert_uint_eq(out.blocks, 0);
	ck_assert(!same(out.mtime, before.mtime));
	in.size = 10;
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_SIZE | ATTR_MTIME, &in, &out), 0);
	ck_assert_uint_eq(out.size, 10);
	ck_assert(same(out.mtime, some_time));
	end();
}
END_TEST

START_TEST(sizes_that_cannot_be_are_refused)
{
	struct ns_make make = { .mode = S_IFIFO | 0644 };
	struct attributes in = { .size = 1 };
	struct attributes out;

	start();
	ck_assert_int_eq(attr_set(local.cache, ROOT_INO, ATTR_SIZE, &in, NULL), -EISDIR);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "fifo", &make, &out), 0);
	ck_assert_int_eq(attr_set(local.cache, out.ino, ATTR_SIZE, &in, NULL), -EINVAL);
	in.size = (uint64_t)INT64_MAX + 1;
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_SIZE, &in, NULL), -EFBIG);
	in.size = INT64_MAX;
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_SIZE, &in, NULL), 0);
	ck_assert_uint_eq(get(file).size, INT64_MAX);
	end();
}
END_TEST

static unsigned int count_extents(uint64_t ino)
{
	struct index_cursor *cursor;
	struct row_key start_key;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	unsigned int count = 0;

	key_extent(&start_key, ino, 0, 0);
	ck_assert_int_eq(index_cursor_open(local.cache->index, &start_key, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) == 1)
		count += key_table(key, key_length) == TABLE_EXTENT &&
			 key_number(key, key_length) == ino;
	index_cursor_close(cursor);
	return count;
}

START_TEST(truncating_to_nothing_leaves_no_extents_behind)
{
	struct attributes in = { .size = 0 };
	struct segments_stats stats;
	struct row_key key;
	struct buffer bytes = BUFFER_INIT;
	uint64_t offset;

	start();
	for (offset = 0; offset < 2000; offset++)
		ck_assert_int_eq(io_write(local.cache, file, offset * 8192, "bytes", 5), 0);
	ck_assert_uint_eq(count_extents(file), 2000);
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_SIZE, &in, NULL), 0);
	ck_assert_uint_eq(count_extents(file), 0);
	segments_stats_get(local.cache->segments, &stats);
	ck_assert_uint_eq(stats.live_bytes, 0);
	key_orphan(&key, file);
	ck_assert_int_eq(index_get(local.cache->index, &key, &bytes), -ENOENT);
	end();
}
END_TEST

/* An application still holds it: truncating is no reason to reap it. */
START_TEST(an_open_file_without_a_name_can_be_truncated)
{
	struct attributes in = { .size = 0 };
	uint64_t offset;

	start();
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "file"), 0);
	for (offset = 0; offset < 2000; offset++)
		ck_assert_int_eq(io_write(local.cache, file, offset * 8192, "bytes", 5), 0);
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_SIZE, &in, NULL), 0);
	ck_assert_uint_eq(get(file).size, 0);
	ck_assert_uint_eq(count_extents(file), 0);
	local_cache_kill(&local);
	ck_assert_int_eq(ns_reap_orphans(local.cache), 0);
	ck_assert_int_eq(attr_get(local.cache, file, &in), -ENOENT);
	end();
}
END_TEST

static int get_xattr(const char *name, struct buffer *out)
{
	buffer_clear(out);
	return xattr_get(local.cache, file, name, out);
}

START_TEST(an_xattr_is_set_replaced_and_removed)
{
	struct buffer value = BUFFER_INIT;
	struct attributes before;

	start();
	before = get(file);
	ck_assert_int_eq(get_xattr("user.a", &value), -ENODATA);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.a", "1", 1, XATTR_MUST_REPLACE),
			 -ENODATA);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.a", "12", 2, XATTR_MUST_CREATE), 0);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.a", "1", 1, XATTR_MUST_CREATE),
			 -EEXIST);
	ck_assert_int_eq(get_xattr("user.a", &value), 0);
	ck_assert_uint_eq(value.length, 2);
	ck_assert(!same(get(file).ctime, before.ctime));
	ck_assert_int_eq(xattr_set(local.cache, file, "user.a", NULL, 0, 0), 0);
	ck_assert_int_eq(get_xattr("user.a", &value), 0);
	ck_assert_uint_eq(value.length, 0);
	ck_assert_int_eq(xattr_remove(local.cache, file, "user.a"), 0);
	ck_assert_int_eq(xattr_remove(local.cache, file, "user.a"), -ENODATA);
	ck_assert_int_eq(xattr_set(local.cache, 999, "user.a", "1", 1, 0), -ENOENT);
	buffer_release(&value);
	end();
}
END_TEST

START_TEST(xattrs_are_limited_in_name_and_size)
{
	static uint8_t bytes[XATTR_VALUE_MAX_BYTES + 1];
	struct buffer value = BUFFER_INIT;
	char name[XATTR_NAME_MAX_BYTES + 2];

	start();
	memset(name, 'x', sizeof(name));
	memcpy(name, "user.", 5);
	name[XATTR_NAME_MAX_BYTES + 1] = '\0';
	ck_assert_int_eq(xattr_set(local.cache, file, name, "1", 1, 0), -ERANGE);
	name[XATTR_NAME_MAX_BYTES] = '\0';
	ck_assert_int_eq(xattr_set(local.cache, file, name, bytes, sizeof(bytes), 0), -E2BIG);
	ck_assert_int_eq(xattr_set(local.cache, file, name, bytes, sizeof(bytes) - 1, 0), 0);
	ck_assert_int_eq(get_xattr(name, &value), 0);
	ck_assert_uint_eq(value.length, XATTR_VALUE_MAX_BYTES);
	buffer_release(&value);
	end();
}
END_TEST

START_TEST(names_are_listed_without_those_that_are_computed)
{
	struct buffer names = BUFFER_INIT;
	struct buffer value = BUFFER_INIT;
	struct ns_make make = { .mode = S_IFREG };
	struct attributes out;

	start();
	ck_assert_int_eq(xattr_list(local.cache, file, &names), 0);
	ck_assert_uint_eq(names.length, 0);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.b", "1", 1, 0), 0);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.a", "1", 1, 0), 0);
	/* The next inode's are not this one's. */
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "next", &make, &out), 0);
	ck_assert_int_eq(xattr_set(local.cache, out.ino, "user.c", "1", 1, 0), 0);
	ck_assert_int_eq(get_xattr("user.dray.state", &value), 0);
	ck_assert_int_eq(xattr_list(local.cache, file, &names), 0);
	ck_assert_uint_eq(names.length, 14);
	ck_assert_mem_eq(names.data, "user.a\0user.b\0", 14);
	ck_assert_int_eq(xattr_list(local.cache, 999, &names), -ENOENT);
	buffer_release(&names);
	buffer_release(&value);
	end();
}
END_TEST

START_TEST(computed_and_foreign_names_are_not_stored)
{
	struct buffer value = BUFFER_INIT;

	start();
	ck_assert_int_eq(xattr_set(local.cache, file, "user.dray.state", "x", 1, 0), -EPERM);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.dray.other", "5", 1, 0), -EPERM);
	ck_assert_int_eq(xattr_remove(local.cache, file, "user.dray.state"), -EPERM);
	ck_assert_int_eq(get_xattr("user.dray.other", &value), -ENODATA);
	ck_assert_int_eq(xattr_set(local.cache, file, "system.nfs4_acl", "x", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(xattr_set(local.cache, file, "users.a", "x", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.", "x", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(get_xattr("user.dray.dirty_bytes", &value), 0);
	ck_assert_uint_eq(value.length, 1);
	ck_assert_int_eq(value.data[0], '0');
	ck_assert_int_eq(get_xattr("user.dray.state", &value), 0);
	ck_assert_uint_eq(value.length, 5);
	ck_assert_mem_eq(value.data, "local", 5);
	buffer_release(&value);
	end();
}
END_TEST

START_TEST(a_read_only_cache_changes_nothing)
{
	struct attributes in = { .mode = 0 };

	start();
	cache_fail(local.cache, err_set(-ERR_fenced, "another gateway took over"));
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_MODE, &in, NULL), -ERR_fenced);
	ck_assert_int_eq(xattr_set(local.cache, file, "user.a", "", 0, 0), -ERR_fenced);
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "file"), -ERR_fenced);
	ck_assert_int_eq(ns_rename(local.cache, ROOT_INO, "file", ROOT_INO, "x", 0), -ERR_fenced);
	ck_assert_uint_eq(get(file).mode, S_IFREG | 0644);
	end();
}
END_TEST

UNIT_MAIN("attr", only_the_fields_of_the_mask_are_set, a_change_stamps_ctime_unless_it_is_given,
	  an_empty_file_has_no_content_row_and_keeps_its_times,
	  truncation_sets_the_size_and_stamps_mtime, sizes_that_cannot_be_are_refused,
	  truncating_to_nothing_leaves_no_extents_behind,
	  an_open_file_without_a_name_can_be_truncated, an_xattr_is_set_replaced_and_removed,
	  xattrs_are_limited_in_name_and_size, names_are_listed_without_those_that_are_computed,
	  computed_and_foreign_names_are_not_stored, a_read_only_cache_changes_nothing)
