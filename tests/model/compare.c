/* SPDX-License-Identifier: Apache-2.0 */
/* Is the cache what the model is? */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/attr.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "tests/model/run.h"

static void check(struct run *run, const struct tree_file *file, int result, const char *what)
{
	if (result)
		run_fail(run, "inode %llu: %s: %s", (unsigned long long)file->ino, what,
			 err_message(result));
}

static void expect_number(struct run *run, const struct tree_file *file, const char *what,
			  uint64_t got, uint64_t want)
{
	if (got != want)
		run_fail(run, "inode %llu: %s is %llu (0%llo), not %llu (0%llo)",
			 (unsigned long long)file->ino, what, (unsigned long long)got,
			 (unsigned long long)got, (unsigned long long)want,
			 (unsigned long long)want);
}

/* A touched time lies within the operation, another is as it was. */
static void expect_time(struct run *run, const struct tree_file *file, const char *what,
			const struct timespec *got, struct timespec *known, bool touched)
{
	int64_t ns = clock_from_timespec(got);

	if (touched && (ns < run->before_ns || ns > clock_real_ns()))
		run_fail(run, "inode %llu: %s does not lie within the operation",
			 (unsigned long long)file->ino, what);
	if (touched)
		*known = *got;
	if (ns != clock_from_timespec(known))
		run_fail(run, "inode %llu: %s changed to %lld from %lld",
			 (unsigned long long)file->ino, what, (long long)ns,
			 (long long)clock_from_timespec(known));
}

static uint64_t size_of(const struct tree_file *file)
{
	if (S_ISDIR(file->mode))
		return 4096;
	return file->target ? strlen(file->target) : file->size;
}

static void check_attributes(struct run *run, struct tree_file *file)
{
	struct attributes got;

	check(run, file, attr_get(run->cache, file->ino, &got), "attributes");
	expect_number(run, file, "inode number", got.ino, file->ino);
	expect_number(run, file, "mode", got.mode, file->mode);
	expect_number(run, file, "nlink", got.nlink, file->nlink);
	expect_number(run, file, "uid", got.uid, file->uid);
	expect_number(run, file, "gid", got.gid, file->gid);
	expect_number(run, file, "rdev", got.rdev, file->rdev);
	expect_number(run, file, "size", got.size, size_of(file));
	expect_number(run, file, "generation", got.generation, file->generation);
	expect_time(run, file, "atime", &got.atime, &file->atime, false);
	expect_time(run, file, "mtime", &got.mtime, &file->mtime, file->touched & TOUCH_MTIME);
	expect_time(run, file, "ctime", &got.ctime, &file->ctime, file->touched & TOUCH_CTIME);
	file->touched = 0;
}

void run_check_touched(struct run *run)
{
	struct tree_file *file;

	for (file = run->tree.files; file; file = file->next) {
		if (file->touched)
			check_attributes(run, file);
	}
}

struct listing {
	struct run *run;
	const struct tree_file *directory;
	size_t entries;
	uint64_t last_cookie;
};

static int check_entry(const char *name, size_t name_length, uint64_t ino, uint8_t type,
		       uint64_t cookie, void *arg)
{
	struct listing *listing = arg;
	const struct tree_file *directory = listing->directory;
	const struct tree_file *file;

	if (cookie <= listing->last_cookie || cookie > INT64_MAX)
		run_fail(listing->run, "inode %llu: cookies do not ascend",
			 (unsigned long long)directory->ino);
	listing->last_cookie = cookie;
	expect_number(listing->run, directory, "length of a name", name_length, strlen(name));
	if (!strcmp(name, ".")) {
		file = directory;
	} else if (!strcmp(name, "..")) {
		file = directory->parent;
	} else {
		file = tree_find(directory, name);
		listing->entries++;
	}
	if (!file)
		run_fail(listing->run, "inode %llu: lists \"%s\"",
			 (unsigned long long)directory->ino, name);
	expect_number(listing->run, directory, name, ino, file->ino);
	expect_number(listing->run, directory, "type", type, IFTODT(file->mode));
	return 0;
}

static void check_directory(struct run *run, const struct tree_file *file)
{
	struct listing listing = { .run = run, .directory = file };
	int result = ns_readdir(run->cache, file->ino, 0, check_entry, &listing);

	if (!file->nlink) {
		if (result != -ENOENT)
			run_fail(run, "inode %llu is removed and can be listed",
				 (unsigned long long)file->ino);
		return;
	}
	check(run, file, result, "readdir");
	expect_number(run, file, "number of entries", listing.entries, file->children);
}

static void check_content(struct run *run, const struct tree_file *file)
{
	CLEANUP_FREE uint8_t *bytes = xmalloc(file->size + 1);
	size_t got;
	size_t at;

	check(run, file, io_read(run->cache, file->ino, NULL, 0, file->size + 1, 0, bytes, &got),
	      "read");
	expect_number(run, file, "length of the content", got, file->size);
	for (at = 0; at < got; at++) {
		if (bytes[at] != file->data[at])
			run_fail(run, "inode %llu: byte %zu of %zu is %02x, not %02x",
				 (unsigned long long)file->ino, at, got, bytes[at], file->data[at]);
	}
}

static void check_xattrs(struct run *run, const struct tree_file *file)
{
	CLEANUP_BUFFER struct buffer names = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	const struct tree_xattr *xattr;
	size_t length = 0;

	check(run, file, xattr_list(run->cache, file->ino, &names), "xattr_list");
	for (xattr = file->xattrs; xattr; xattr = xattr->next) {
		length += strlen(xattr->name) + 1;
		buffer_clear(&value);
		check(run, file, xattr_get(run->cache, file->ino, xattr->name, &value),
		      xattr->name);
		expect_number(run, file, "length of an xattr", value.length, xattr->length);
		if (value.length && memcmp(value.data, xattr->value, value.length))
			run_fail(run, "inode %llu: wrong %s", (unsigned long long)file->ino,
				 xattr->name);
	}
	expect_number(run, file, "length of the xattr names", names.length, length);
}

void run_compare(struct run *run)
{
	struct index_counters counters;
	struct tree_file *file;
	uint64_t named = 0;

	for (file = run->tree.files; file; file = file->next) {
		check_attributes(run, file);
		check_xattrs(run, file);
		if (S_ISDIR(file->mode))
			check_directory(run, file);
		if (S_ISREG(file->mode))
			check_content(run, file);
		named += file->nlink > 0;
	}
	index_counters_get(run->cache->index, &counters);
	expect_number(run, run->tree.root, "count of all inodes", counters.inodes, named);
}
