/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX ACLs: the lists, and what follows from them for inodes. */
#include <string.h>

#include "cache/acl.h"
#include "cache/ns.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32 };

struct entry {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

#define ENTRIES_MAX 8

/* The list of the entries up to the one with tag 0. */
static struct buffer list_of(const struct entry entries[ENTRIES_MAX])
{
	struct buffer list = BUFFER_INIT;
	size_t i;

	buffer_put_u32(&list, 2);
	for (i = 0; i < ENTRIES_MAX && entries[i].tag; i++) {
		buffer_put_u16(&list, entries[i].tag);
		buffer_put_u16(&list, entries[i].permissions);
		buffer_put_u32(&list, entries[i].id);
	}
	return list;
}

static bool is_valid(const struct entry entries[ENTRIES_MAX])
{
	struct buffer list = list_of(entries);
	bool valid = acl_is_valid(list.data, list.length);

	buffer_release(&list);
	return valid;
}

static const struct entry minimal[ENTRIES_MAX] = {
	{ USER_OBJ, 6, 0 },
	{ GROUP_OBJ, 4, 0 },
	{ OTHER, 1, 0 },
};

static const struct entry shared[ENTRIES_MAX] = {
	{ USER_OBJ, 7, 0 }, { USER, 6, 10 }, { USER, 0, 11 }, { GROUP_OBJ, 5, 0 },
	{ GROUP, 4, 20 },   { MASK, 7, 0 },  { OTHER, 0, 0 },
};

START_TEST(lists_are_in_order_and_whole)
{
	static const struct entry bad[][ENTRIES_MAX] = {
		{ { 0 } },
		{ { USER_OBJ, 7, 0 } },
		{ { USER_OBJ, 7, 0 }, { GROUP_OBJ, 7, 0 } },
		{ { GROUP_OBJ, 7, 0 }, { USER_OBJ, 7, 0 }, { OTHER, 7, 0 } },
		{ { USER_OBJ, 8, 0 }, { GROUP_OBJ, 7, 0 }, { OTHER, 7, 0 } },
		{ { USER_OBJ, 7, 0 }, { USER, 7, 1 }, { GROUP_OBJ, 7, 0 }, { OTHER, 7, 0 } },
		{ { USER_OBJ, 7, 0 }, { GROUP_OBJ, 7, 0 }, { GROUP, 7, 1 }, { OTHER, 7, 0 } },
		{ { USER_OBJ, 7, 0 }, { GROUP_OBJ, 7, 0 }, { OTHER, 7, 0 }, { OTHER, 7, 0 } },
		{ { USER_OBJ, 7, 0 }, { GROUP_OBJ, 7, 0 }, { 64, 7, 0 }, { OTHER, 7, 0 } },
		{ { USER_OBJ, 7, 0 }, { GROUP_OBJ | USER, 7, 0 }, { OTHER, 7, 0 } },
	};
	struct buffer list = list_of(shared);
	size_t i;

	ck_assert(is_valid(minimal));
	ck_assert(is_valid(shared));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!is_valid(bad[i]), "list %zu", i);
	for (i = 0; i < list.length; i++)
		ck_assert(!acl_is_valid(list.data, i));
	list.data[0] = 1;
	ck_assert(!acl_is_valid(list.data, list.length));
	buffer_release(&list);
}
END_TEST

START_TEST(a_mode_mirrors_its_list)
{
	struct buffer few = list_of(minimal);
	struct buffer many = list_of(shared);

	ck_assert_uint_eq(acl_mode(&few, 0107777), 0107641);
	ck_assert_uint_eq(acl_mode(&many, 0100000), 0100770);
	ck_assert(acl_is_minimal(&few));
	ck_assert(!acl_is_minimal(&many));
	acl_set_mode(&few, 0104352);
	ck_assert_uint_eq(acl_mode(&few, 0), 0352);
	acl_set_mode(&many, 0714);
	ck_assert_uint_eq(acl_mode(&many, 0), 0714);
	/* The group's own entry is behind the mask. */
	ck_assert_uint_eq(load_le16(many.data + 4 + 3 * 8 + 2), 5);
	buffer_release(&few);
	buffer_release(&many);
}
END_TEST

START_TEST(a_new_file_has_what_both_give)
{
	struct buffer list = list_of(shared);

	ck_assert_uint_eq(acl_narrow(&list, 0102646), 0102640);
	ck_assert_uint_eq(acl_mode(&list, 0), 0640);
	ck_assert(acl_is_valid(list.data, list.length));
	buffer_release(&list);
}
END_TEST

static struct local_cache local;

static uint64_t make(uint64_t parent, const char *name, uint32_t mode, uint32_t umask,
		     uint32_t *mode_out)
{
	struct ns_make what = { .mode = mode, .umask = umask, .target = "target" };
	struct attributes out;

	ck_assert_int_eq(ns_create(local.cache, parent, name, &what, &out), 0);
	*mode_out = out.mode;
	return out.ino;
}

static int set(uint64_t ino, const char *name, const struct entry entries[ENTRIES_MAX],
	       unsigned int flags)
{
	struct buffer list = list_of(entries);
	int result = xattr_set(local.cache, ino, name, list.data, list.length, flags);

	buffer_release(&list);
	return result;
}

/* The permissions of an inode's list, as a mode; -ENODATA. */
static int mode_of_list(uint64_t ino, const char *name)
{
	struct buffer list = BUFFER_INIT;
	int result = xattr_get(local.cache, ino, name, &list);

	if (!result)
		result = (int)acl_mode(&list, 0);
	buffer_release(&list);
	return result;
}

static uint32_t mode_of(uint64_t ino)
{
	struct attributes out;

	ck_assert_int_eq(attr_get(local.cache, ino, &out), 0);
	return out.mode;
}

START_TEST(mode_and_list_of_a_file_agree)
{
	struct attributes in = { .mode = 04711 };
	uint32_t mode;
	uint64_t file;

	local_cache_init(&local);
	file = make(ROOT_INO, "f", S_IFREG | 02644, 0, &mode);
	ck_assert_int_eq(set(file, ACL_ACCESS_NAME, shared, 0), 0);
	ck_assert_uint_eq(mode_of(file), S_IFREG | 02770);
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_MODE, &in, NULL), 0);
	ck_assert_int_eq(mode_of_list(file, ACL_ACCESS_NAME), 0711);
	ck_assert_int_eq(attr_set(local.cache, file, ATTR_UID, &in, NULL), 0);
	ck_assert_int_eq(mode_of_list(file, ACL_ACCESS_NAME), 0711);
	ck_assert_int_eq(set(file, ACL_ACCESS_NAME, minimal, 0), 0);
	ck_assert_uint_eq(mode_of(file), S_IFREG | 04641);
	ck_assert_int_eq(mode_of_list(file, ACL_ACCESS_NAME), -ENODATA);
	ck_assert_int_eq(xattr_remove(local.cache, file, ACL_ACCESS_NAME), 0);
	local_cache_release(&local);
}
END_TEST

START_TEST(set_group_id_goes_when_the_caller_says)
{
	uint32_t mode;
	uint64_t file;

	local_cache_init(&local);
	file = make(ROOT_INO, "f", S_IFREG | 06755, 0, &mode);
	ck_assert_int_eq(set(file, ACL_ACCESS_NAME, shared, XATTR_DROP_SETGID), 0);
	ck_assert_uint_eq(mode_of(file), S_IFREG | 04770);
	local_cache_release(&local);
}
END_TEST

START_TEST(lists_are_refused_where_they_make_no_sense)
{
	static const struct entry malformed[ENTRIES_MAX] = { { USER_OBJ, 7, 0 } };
	uint32_t mode;
	uint64_t file;
	uint64_t link;

	local_cache_init(&local);
	file = make(ROOT_INO, "f", S_IFREG | 0644, 0, &mode);
	link = make(ROOT_INO, "l", S_IFLNK | 0777, 0, &mode);
	ck_assert_int_eq(set(file, ACL_ACCESS_NAME, malformed, 0), -EINVAL);
	ck_assert_int_eq(set(file, ACL_DEFAULT_NAME, shared, 0), -EACCES);
	ck_assert_int_eq(set(link, ACL_ACCESS_NAME, shared, 0), -EOPNOTSUPP);
	ck_assert_uint_eq(mode_of(file), S_IFREG | 0644);
	local_cache_release(&local);
}
END_TEST

START_TEST(a_default_list_takes_the_place_of_the_umask)
{
	uint32_t mode;
	uint64_t directory;
	uint64_t ino;

	local_cache_init(&local);
	make(ROOT_INO, "f", S_IFREG | 06666, 0137, &mode);
	ck_assert_uint_eq(mode, S_IFREG | 06640);
	directory = make(ROOT_INO, "d", S_IFDIR | 0777, 022, &mode);
	ck_assert_uint_eq(mode, S_IFDIR | 0755);
	ck_assert_int_eq(set(directory, ACL_DEFAULT_NAME, shared, 0), 0);
	ck_assert_uint_eq(mode_of(directory), S_IFDIR | 0755);

	ino = make(directory, "f", S_IFREG | 0666, 077, &mode);
	ck_assert_uint_eq(mode, S_IFREG | 0660);
	ck_assert_int_eq(mode_of_list(ino, ACL_ACCESS_NAME), 0660);
	ck_assert_int_eq(mode_of_list(ino, ACL_DEFAULT_NAME), -ENODATA);
	ino = make(directory, "d", S_IFDIR | 0777, 077, &mode);
	ck_assert_int_eq(mode_of_list(ino, ACL_ACCESS_NAME), 0770);
	ck_assert_int_eq(mode_of_list(ino, ACL_DEFAULT_NAME), 0770);
	ino = make(directory, "l", S_IFLNK | 0777, 077, &mode);
	ck_assert_uint_eq(mode, S_IFLNK | 0777);
	ck_assert_int_eq(mode_of_list(ino, ACL_ACCESS_NAME), -ENODATA);

	ck_assert_int_eq(set(directory, ACL_DEFAULT_NAME, minimal, 0), 0);
	ino = make(directory, "g", S_IFREG | 0666, 0777, &mode);
	ck_assert_uint_eq(mode, S_IFREG | 0640);
	ck_assert_int_eq(mode_of_list(ino, ACL_ACCESS_NAME), -ENODATA);
	local_cache_release(&local);
}
END_TEST

UNIT_MAIN("cache_acl", lists_are_in_order_and_whole, a_mode_mirrors_its_list,
	  a_new_file_has_what_both_give, mode_and_list_of_a_file_agree,
	  set_group_id_goes_when_the_caller_says, lists_are_refused_where_they_make_no_sense,
	  a_default_list_takes_the_place_of_the_umask)
