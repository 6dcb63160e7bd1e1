/* SPDX-License-Identifier: Apache-2.0 */
/* Creating, finding, listing, linking and removing names; the death of inodes. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "cache/cache_int.h"
#include "cache/cookie.h"
#include "cache/dirent.h"
#include "cache/inode.h"
#include "cache/ns.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

static struct local_cache local;

static void start(void)
{
	local_cache_init(&local);
}

static void end(void)
{
	local_cache_release(&local);
}

static uint64_t make(uint64_t parent, const char *name, uint32_t mode)
{
	struct ns_make what = { .mode = mode, .uid = 1, .gid = 2, .target = "target" };
	struct attributes out;

	ck_assert_int_eq(ns_create(local.cache, parent, name, &what, &out), 0);
	return out.ino;
}

static uint64_t make_file(uint64_t parent, const char *name)
{
	return make(parent, name, S_IFREG | 0644);
}

static uint64_t make_directory(uint64_t parent, const char *name)
{
	return make(parent, name, S_IFDIR | 0755);
}

static struct attributes get(uint64_t ino)
{
	struct attributes out;

	ck_assert_int_eq(attr_get(local.cache, ino, &out), 0);
	return out;
}

/* The inode number that the name leads to; 0: there is no such name. */
static uint64_t find(uint64_t parent, const char *name)
{
	struct attributes out;
	int result = ns_lookup(local.cache, parent, name, &out);

	ck_assert(result == 0 || result == -ENOENT);
	return result ? 0 : out.ino;
}

static bool has_row(const struct row_key *key)
{
	struct buffer bytes = BUFFER_INIT;
	int result = index_get(local.cache->index, key, &bytes);

	ck_assert(result == 0 || result == -ENOENT);
	buffer_release(&bytes);
	return !result;
}

static bool is_orphan(uint64_t ino)
{
	struct row_key key;

	key_orphan(&key, ino);
	return has_row(&key);
}

START_TEST(a_created_file_is_found_with_the_attributes_it_was_given)
{
	struct ns_make what = { .mode = S_IFCHR | 0640, .uid = 7, .gid = 8, .rdev = 0x105 };
	struct attributes made;
	struct attributes found;

	start();
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "tty", &what, &made), 0);
	ck_assert_int_eq(ns_lookup(local.cache, ROOT_INO, "tty", &found), 0);
	ck_assert_mem_eq(&made, &found, sizeof(made));
	ck_assert_uint_eq(found.mode, S_IFCHR | 0640);
	ck_assert_uint_eq(found.uid, 7);
	ck_assert_uint_eq(found.gid, 8);
	ck_assert_uint_eq(found.rdev, 0x105);
	ck_assert_uint_eq(found.nlink, 1);
	ck_assert_uint_eq(found.generation, cache_epoch(local.cache));
	ck_assert_uint_gt(found.ino, ROOT_INO);
	end();
}
END_TEST

START_TEST(names_that_cannot_be_are_refused)
{
	struct ns_make what = { .mode = S_IFREG };
	struct attributes out;
	char name[NAME_BYTES_MAX + 2];
	uint64_t file;

	start();
	memset(name, 'n', sizeof(name));
	name[NAME_BYTES_MAX + 1] = '\0';
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, name, &what, &out), -ENAMETOOLONG);
	ck_assert_int_eq(ns_lookup(local.cache, ROOT_INO, name, &out), -ENAMETOOLONG);
	name[NAME_BYTES_MAX] = '\0';
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, name, &what, &out), 0);
	ck_assert_uint_eq(find(ROOT_INO, name), out.ino);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, name, &what, &out), -EEXIST);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "", &what, &out), -ENOENT);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, ".", &what, &out), -EEXIST);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "..", &what, &out), -EEXIST);
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "a/b", &what, &out), -EINVAL);
	file = make_file(ROOT_INO, "file");
	ck_assert_int_eq(ns_create(local.cache, file, "x", &what, &out), -ENOTDIR);
	ck_assert_int_eq(ns_lookup(local.cache, file, "x", &out), -ENOTDIR);
	ck_assert_int_eq(ns_create(local.cache, 999, "x", &what, &out), -ENOENT);
	what.mode = 0;
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "x", &what, &out), -EINVAL);
	end();
}
END_TEST

START_TEST(dot_and_dot_dot_are_found)
{
	uint64_t a;
	uint64_t b;

	start();
	a = make_directory(ROOT_INO, "a");
	b = make_directory(a, "b");
	ck_assert_uint_eq(find(b, "."), b);
	ck_assert_uint_eq(find(b, ".."), a);
	ck_assert_uint_eq(find(ROOT_INO, ".."), ROOT_INO);
	end();
}
END_TEST

START_TEST(paths_are_resolved_without_following_symlinks)
{
	struct attributes out;
	uint64_t a;
	uint64_t link;

	start();
	a = make_directory(ROOT_INO, "a");
	link = make(a, "link", S_IFLNK | 0777);
	ck_assert_int_eq(ns_resolve(local.cache, "/a//link/", &out), 0);
	ck_assert_uint_eq(out.ino, link);
	ck_assert_int_eq(ns_resolve(local.cache, "", &out), 0);
	ck_assert_uint_eq(out.ino, ROOT_INO);
	ck_assert_int_eq(ns_resolve(local.cache, "/a/link/x", &out), -ENOTDIR);
	ck_assert_int_eq(ns_resolve(local.cache, "/b", &out), -ENOENT);
	end();
}
END_TEST

START_TEST(a_symlink_tells_its_target_and_its_length)
{
	char target[SYMLINK_BYTES_MAX + 2];
	struct ns_make what = { .mode = S_IFLNK | 0777, .target = target };
	struct buffer read = BUFFER_INIT;
	struct attributes out;

	start();
	memset(target, 't', sizeof(target));
	target[SYMLINK_BYTES_MAX + 1] = '\0';
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "l", &what, &out), -ENAMETOOLONG);
	target[SYMLINK_BYTES_MAX] = '\0';
	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "l", &what, &out), 0);
	ck_assert_uint_eq(out.size, SYMLINK_BYTES_MAX);
	ck_assert_int_eq(ns_readlink(local.cache, out.ino, &read), 0);
	ck_assert_uint_eq(read.length, SYMLINK_BYTES_MAX);
	ck_assert_mem_eq(read.data, target, read.length);
	ck_assert_int_eq(ns_readlink(local.cache, ROOT_INO, &read), -EINVAL);
	buffer_release(&read);
	end();
}
END_TEST

START_TEST(a_setgid_directory_passes_its_group_on)
{
	struct attributes set = { .mode = 02775, .gid = 50 };
	uint64_t team;

	start();
	team = make_directory(ROOT_INO, "team");
	ck_assert_int_eq(attr_set(local.cache, team, ATTR_MODE | ATTR_GID, &set, NULL), 0);
	ck_assert_uint_eq(get(make_file(team, "f")).gid, 50);
	ck_assert_uint_eq(get(make_file(team, "g")).mode, S_IFREG | 0644);
	ck_assert_uint_eq(get(make_directory(team, "d")).gid, 50);
	ck_assert_uint_eq(get(find(team, "d")).mode, S_IFDIR | S_ISGID | 0755);
	end();
}
END_TEST

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

START_TEST(entries_change_the_times_and_links_of_their_directory)
{
	struct attributes before;
	struct attributes after;
	uint64_t d;

	start();
	d = make_directory(ROOT_INO, "d");
	ck_assert_uint_eq(get(d).nlink, 2);
	before = get(d);
	make_directory(d, "sub");
	after = get(d);
	ck_assert_uint_eq(after.nlink, 3);
	ck_assert(is_later(&after.mtime, &before.mtime));
	ck_assert(is_later(&after.ctime, &before.ctime));
	before = after;
	make_file(d, "file");
	ck_assert_uint_eq(get(d).nlink, 3);
	ck_assert_int_eq(ns_rmdir(local.cache, d, "sub"), 0);
	after = get(d);
	ck_assert_uint_eq(after.nlink, 2);
	ck_assert(is_later(&after.mtime, &before.mtime));
	end();
}
END_TEST

START_TEST(a_directory_with_entries_is_not_removed)
{
	uint64_t d;

	start();
	d = make_directory(ROOT_INO, "d");
	make_file(d, "f");
	ck_assert_int_eq(ns_rmdir(local.cache, ROOT_INO, "d"), -ENOTEMPTY);
	ck_assert_int_eq(ns_rmdir(local.cache, d, "f"), -ENOTDIR);
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "d"), -EISDIR);
	ck_assert_int_eq(ns_unlink(local.cache, d, "f"), 0);
	ck_assert_int_eq(ns_unlink(local.cache, d, "f"), -ENOENT);
	ck_assert_int_eq(ns_rmdir(local.cache, ROOT_INO, "d"), 0);
	ck_assert_int_eq(ns_rmdir(local.cache, ROOT_INO, "d"), -ENOENT);
	end();
}
END_TEST

START_TEST(nothing_is_made_in_a_removed_directory)
{
	struct ns_make what = { .mode = S_IFREG };
	struct attributes out;
	uint64_t d;

	start();
	d = make_directory(ROOT_INO, "d");
	make_file(ROOT_INO, "f");
	ck_assert_int_eq(ns_rmdir(local.cache, ROOT_INO, "d"), 0);
	ck_assert_uint_eq(get(d).nlink, 0);
	ck_assert_int_eq(ns_create(local.cache, d, "x", &what, &out), -ENOENT);
	ck_assert_int_eq(ns_create_unnamed(local.cache, d, &what, &out), -ENOENT);
	ck_assert_int_eq(ns_rename(local.cache, ROOT_INO, "f", d, "f", 0), -ENOENT);
	end();
}
END_TEST

START_TEST(a_second_name_leads_to_the_same_inode)
{
	struct attributes out;
	uint64_t d;
	uint64_t f;

	start();
	d = make_directory(ROOT_INO, "d");
	f = make_file(ROOT_INO, "f");
	ck_assert_int_eq(ns_link(local.cache, f, d, "g", &out), 0);
	ck_assert_uint_eq(out.ino, f);
	ck_assert_uint_eq(out.nlink, 2);
	ck_assert_uint_eq(find(d, "g"), f);
	ck_assert_int_eq(ns_link(local.cache, f, d, "g", &out), -EEXIST);
	ck_assert_int_eq(ns_link(local.cache, d, ROOT_INO, "e", &out), -EPERM);
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "f"), 0);
	ck_assert_uint_eq(get(f).nlink, 1);
	ck_assert(!is_orphan(f));
	end();
}
END_TEST

START_TEST(links_are_limited)
{
	struct inode inode = { 0 };
	struct attributes out;
	struct batch batch;
	uint64_t f;

	start();
	f = make_file(ROOT_INO, "f");
	ck_assert_int_eq(inode_load(local.cache, f, &inode), 0);
	inode.row.nlink = INT32_MAX;
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, f, &inode.row);
	ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
	ck_assert_int_eq(ns_link(local.cache, f, ROOT_INO, "g", &out), -EMLINK);
	ck_assert_uint_eq(find(ROOT_INO, "g"), 0);
	batch_release(&batch);
	inode_release(&inode);
	end();
}
END_TEST

START_TEST(an_inode_without_a_name_stays_until_it_is_forgotten)
{
	uint64_t f;
	struct row_key key;

	start();
	f = make_file(ROOT_INO, "f");
	ck_assert_int_eq(xattr_set(local.cache, f, "user.a", "1", 1, 0), 0);
	ns_forget(local.cache, f);
	ck_assert_uint_eq(find(ROOT_INO, "f"), f);
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "f"), 0);
	ck_assert_uint_eq(get(f).nlink, 0);
	ck_assert(is_orphan(f));
	ns_forget(local.cache, f);
	key_inode(&key, f);
	ck_assert(!has_row(&key));
	key_xattr(&key, f, "user.a", 6);
	ck_assert(!has_row(&key));
	ck_assert(!is_orphan(f));
	end();
}
END_TEST

START_TEST(an_unnamed_file_can_get_a_name)
{
	struct ns_make what = { .mode = S_IFREG | 0600 };
	struct attributes out;
	uint64_t f;

	start();
	ck_assert_int_eq(ns_create_unnamed(local.cache, ROOT_INO, &what, &out), 0);
	f = out.ino;
	ck_assert_uint_eq(out.nlink, 0);
	ck_assert(is_orphan(f));
	ck_assert_int_eq(ns_link(local.cache, f, ROOT_INO, "f", &out), 0);
	ck_assert_uint_eq(out.nlink, 1);
	ck_assert(!is_orphan(f));
	ns_forget(local.cache, f);
	ck_assert_uint_eq(find(ROOT_INO, "f"), f);
	end();
}
END_TEST

START_TEST(orphans_of_a_killed_gateway_are_reaped)
{
	struct row_key key;
	char name[32];
	uint64_t d;
	uint64_t f;
	int i;

	start();
	d = make_directory(ROOT_INO, "d");
	f = make_file(ROOT_INO, "f");
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "user.%d", i);
		ck_assert_int_eq(xattr_set(local.cache, f, name, "1", 1, 0), 0);
	}
	ck_assert_int_eq(ns_rmdir(local.cache, ROOT_INO, "d"), 0);
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "f"), 0);
	local_cache_kill(&local);
	ck_assert(is_orphan(f));
	ck_assert_int_eq(ns_reap_orphans(local.cache), 0);
	ck_assert(!is_orphan(d));
	ck_assert(!is_orphan(f));
	key_inode(&key, f);
	ck_assert(!has_row(&key));
	key_xattr(&key, f, "user.299", 8);
	ck_assert(!has_row(&key));
	end();
}
END_TEST

/* The first step of reaping was made, then the gateway was killed. */
START_TEST(an_interrupted_reaping_goes_on)
{
	struct row_key key;
	struct batch batch;
	uint64_t f;

	start();
	f = make_file(ROOT_INO, "f");
	ck_assert_int_eq(xattr_set(local.cache, f, "user.a", "1", 1, 0), 0);
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "f"), 0);
	batch_init(&batch, BATCH_ROWS, 0);
	key_inode(&key, f);
	batch_delete(&batch, &key, ROW_CLOUD);
	ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
	batch_release(&batch);
	local_cache_kill(&local);
	ck_assert_int_eq(ns_reap_orphans(local.cache), 0);
	key_xattr(&key, f, "user.a", 6);
	ck_assert(!has_row(&key));
	ck_assert(!is_orphan(f));
	end();
}
END_TEST

START_TEST(what_was_done_survives_a_kill)
{
	uint64_t a;
	uint64_t b;

	start();
	a = make_directory(ROOT_INO, "a");
	b = make_file(a, "b");
	ck_assert_int_eq(ns_rename(local.cache, a, "b", ROOT_INO, "c", 0), 0);
	local_cache_kill(&local);
	ck_assert_uint_eq(find(ROOT_INO, "a"), a);
	ck_assert_uint_eq(find(ROOT_INO, "c"), b);
	ck_assert_uint_eq(find(a, "b"), 0);
	ck_assert_uint_gt(make_file(a, "d"), b);
	end();
}
END_TEST

struct listing {
	char names[64][32];
	uint64_t cookies[64];
	unsigned int count;
	unsigned int stop_after;
};

static int list_entry(const char *name, size_t name_length, uint64_t ino, uint8_t type,
		      uint64_t cookie, void *arg)
{
	struct listing *listing = arg;

	(void)ino;
	(void)type;
	if (listing->count == listing->stop_after)
		return 1;
	ck_assert_uint_lt(listing->count, 64);
	ck_assert_uint_eq(strlen(name), name_length);
	snprintf(listing->names[listing->count], 32, "%s", name);
	listing->cookies[listing->count++] = cookie;
	return 0;
}

static struct listing list(uint64_t ino, uint64_t after, unsigned int stop_after)
{
	struct listing listing = { .stop_after = stop_after };

	ck_assert_int_eq(ns_readdir(local.cache, ino, after, list_entry, &listing), 0);
	return listing;
}

START_TEST(a_listing_begins_with_the_dots_and_goes_on_from_any_cookie)
{
	struct listing all;
	struct listing part;
	char name[32];
	unsigned int i;

	start();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		make_file(ROOT_INO, name);
	}
	all = list(ROOT_INO, 0, 64);
	ck_assert_uint_eq(all.count, 22);
	ck_assert_str_eq(all.names[0], ".");
	ck_assert_str_eq(all.names[1], "..");
	for (i = 0; i < all.count; i++) {
		part = list(ROOT_INO, all.cookies[i], 64);
		ck_assert_uint_eq(part.count, all.count - i - 1);
		if (part.count)
			ck_assert_str_eq(part.names[0], all.names[i + 1]);
	}
	part = list(ROOT_INO, 0, 5);
	ck_assert_uint_eq(part.count, 5);
	end();
}
END_TEST

START_TEST(cookies_survive_checkpoint_and_kill)
{
	struct listing before;
	struct listing after;
	char name[32];
	unsigned int i;

	start();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		make_file(ROOT_INO, name);
		if (i == 10)
			ck_assert_int_eq(index_checkpoint(local.cache->index), 0);
	}
	before = list(ROOT_INO, 0, 64);
	local_cache_kill(&local);
	after = list(ROOT_INO, 0, 64);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	end();
}
END_TEST

START_TEST(entries_that_stay_are_listed_once_while_others_come_and_go)
{
	struct listing page;
	char name[32];
	uint64_t after = 0;
	unsigned int stayed = 0;
	unsigned int i;

	start();
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "stay%u", i);
		make_file(ROOT_INO, name);
	}
	for (i = 0;; i++) {
		page = list(ROOT_INO, after, 1);
		if (!page.count)
			break;
		after = page.cookies[0];
		stayed += !strncmp(page.names[0], "stay", 4);
		snprintf(name, sizeof(name), "come%u", i);
		make_file(ROOT_INO, name);
		snprintf(name, sizeof(name), "come%u", i / 2);
		if (i % 2)
			ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, name), 0);
	}
	ck_assert_uint_eq(stayed, 30);
	end();
}
END_TEST

START_TEST(the_index_must_not_have_names_that_lead_nowhere)
{
	struct row_key key;
	struct batch batch;
	struct attributes out;
	uint64_t f;

	start();
	f = make_file(ROOT_INO, "f");
	batch_init(&batch, BATCH_ROWS, 0);
	key_inode(&key, f);
	batch_delete(&batch, &key, ROW_CLOUD);
	ck_assert_int_eq(index_commit(local.cache->index, &batch, NULL), 0);
	batch_release(&batch);
	ck_assert_int_eq(ns_lookup(local.cache, ROOT_INO, "f", &out), -ERR_index_corrupt);
	end();
}
END_TEST

UNIT_MAIN("ns", a_created_file_is_found_with_the_attributes_it_was_given,
	  names_that_cannot_be_are_refused, dot_and_dot_dot_are_found,
	  paths_are_resolved_without_following_symlinks, a_symlink_tells_its_target_and_its_length,
	  a_setgid_directory_passes_its_group_on,
	  entries_change_the_times_and_links_of_their_directory,
	  a_directory_with_entries_is_not_removed, nothing_is_made_in_a_removed_directory,
	  a_second_name_leads_to_the_same_inode, links_are_limited,
	  an_inode_without_a_name_stays_until_it_is_forgotten, an_unnamed_file_can_get_a_name,
	  orphans_of_a_killed_gateway_are_reaped, an_interrupted_reaping_goes_on,
	  what_was_done_survives_a_kill, a_listing_begins_with_the_dots_and_goes_on_from_any_cookie,
	  cookies_survive_checkpoint_and_kill,
	  entries_that_stay_are_listed_once_while_others_come_and_go,
	  the_index_must_not_have_names_that_lead_nowhere)
