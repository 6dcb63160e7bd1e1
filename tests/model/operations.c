/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations. Each picks its arguments, does the same on the model and
 * on the cache, and compares the outcomes; effects are compared later. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/attr.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "tests/lib/noise.h"
#include "tests/model/run.h"

#define NAME_COUNT 14
#define FILE_SPAN  (256u << 10) /* where most writes go */

/* Few names, so that they are often taken; one of the greatest length. */
static const char *pick_name(struct run *run)
{
	static char names[NAME_COUNT][256];
	unsigned int i = (unsigned int)run_random(run, NAME_COUNT);

	if (i == 0)
		memset(names[i], 'x', 255);
	else
		snprintf(names[i], sizeof(names[i]), "n%u", i);
	return names[i];
}

typedef bool pick_fn(const struct tree_file *file);

static bool is_any(const struct tree_file *file)
{
	(void)file;
	return true;
}

static bool is_directory(const struct tree_file *file)
{
	return S_ISDIR(file->mode);
}

static bool is_regular(const struct tree_file *file)
{
	return S_ISREG(file->mode);
}

static bool is_symlink(const struct tree_file *file)
{
	return S_ISLNK(file->mode);
}

/* A random file that fits, or NULL. */
static struct tree_file *pick(struct run *run, pick_fn *fits)
{
	struct tree_file *file;
	uint64_t count = 0;
	uint64_t chosen;

	for (file = run->tree.files; file; file = file->next)
		count += fits(file);
	if (!count)
		return NULL;
	chosen = run_random(run, count);
	for (file = run->tree.files; file; file = file->next) {
		if (fits(file) && !chosen--)
			break;
	}
	return file;
}

/* Mostly a directory, now and then something else. */
static struct tree_file *pick_parent(struct run *run)
{
	return pick(run, run_random(run, 30) ? is_directory : is_any);
}

static void expect(struct run *run, int got, int want)
{
	if (got != want)
		run_fail(run, "the cache returned %d (%s), the model %d (%s)", got,
			 got < 0 ? err_message(got) : "ok", want,
			 want < 0 ? strerror(-want) : "ok");
}

static void adopt(struct tree_file *file, const struct attributes *attributes)
{
	file->ino = attributes->ino;
	file->rdev = attributes->rdev;
	file->atime = attributes->atime;
	file->mtime = attributes->mtime;
	file->ctime = attributes->ctime;
	file->touched |= TOUCH_MTIME | TOUCH_CTIME;
}

static void op_create(struct run *run)
{
	static const uint32_t types[] = { S_IFREG, S_IFREG, S_IFREG, S_IFDIR, S_IFDIR,
					  S_IFLNK, S_IFIFO, S_IFCHR, S_IFSOCK };
	uint32_t type = types[run_random(run, sizeof(types) / sizeof(types[0]))];
	struct tree_file *parent = pick_parent(run);
	const char *name = pick_name(run);
	struct ns_make make = {
		.mode = type | (uint32_t)run_random(run, 01000),
		.uid = (uint32_t)run_random(run, 3),
		.gid = (uint32_t)run_random(run, 3),
		.rdev = (uint32_t)run_random(run, 1000),
		.target = "some/where/else",
	};
	struct attributes attributes;
	struct tree_file *file;
	uint32_t gid;
	int want;

	run_trace(run, "create %o %llu/%s", make.mode, (unsigned long long)parent->ino, name);
	want = tree_create(&run->tree, parent, name, make.mode, &file);
	expect(run, ns_create(run->cache, parent->ino, name, &make, &attributes), want);
	if (want)
		return;
	gid = parent->mode & S_ISGID ? parent->gid : make.gid;
	file->uid = make.uid;
	file->gid = gid;
	if (S_ISLNK(type))
		file->target = xstrdup(make.target);
	adopt(file, &attributes);
	if (attributes.rdev != (S_ISCHR(type) ? make.rdev : 0))
		run_fail(run, "device number %x", attributes.rdev);
}

static void op_create_unnamed(struct run *run)
{
	struct tree_file *parent = pick_parent(run);
	struct ns_make make = { .mode = S_IFREG | 0600 };
	struct attributes attributes;
	struct tree_file *file;
	int want;

	run_trace(run, "create unnamed in %llu", (unsigned long long)parent->ino);
	want = tree_create(&run->tree, parent, NULL, make.mode, &file);
	expect(run, ns_create_unnamed(run->cache, parent->ino, &make, &attributes), want);
	if (want)
		return;
	file->open = true;
	adopt(file, &attributes);
}

static void op_link(struct run *run)
{
	struct tree_file *file = pick(run, is_any);
	struct tree_file *parent = pick_parent(run);
	const char *name = pick_name(run);
	struct attributes attributes;

	/* The kernel refuses to link what has lost its last name. */
	if (S_ISDIR(file->mode) && !file->nlink)
		return;
	run_trace(run, "link %llu %llu/%s", (unsigned long long)file->ino,
		  (unsigned long long)parent->ino, name);
	expect(run, ns_link(run->cache, file->ino, parent->ino, name, &attributes),
	       tree_link(file, parent, name));
}

static void op_unlink(struct run *run)
{
	struct tree_file *parent = pick_parent(run);
	const char *name = pick_name(run);

	run_trace(run, "unlink %llu/%s", (unsigned long long)parent->ino, name);
	expect(run, ns_unlink(run->cache, parent->ino, name), tree_unlink(parent, name));
}

static void op_rmdir(struct run *run)
{
	struct tree_file *parent = pick_parent(run);
	const char *name = pick_name(run);

	run_trace(run, "rmdir %llu/%s", (unsigned long long)parent->ino, name);
	expect(run, ns_rmdir(run->cache, parent->ino, name), tree_rmdir(parent, name));
}

static void op_rename(struct run *run)
{
	static const unsigned int all_flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	unsigned int flags = all_flags[run_random(run, 5)];
	struct tree_file *from = pick_parent(run);
	struct tree_file *to = run_random(run, 2) ? pick_parent(run) : from;
	const char *from_name = pick_name(run);
	const char *to_name = pick_name(run);

	run_trace(run, "rename %llu/%s %llu/%s flags %u", (unsigned long long)from->ino, from_name,
		  (unsigned long long)to->ino, to_name, flags);
	expect(run, ns_rename(run->cache, from->ino, from_name, to->ino, to_name, flags),
	       tree_rename(from, from_name, to, to_name, flags));
}

static void op_lookup(struct run *run)
{
	struct tree_file *parent = pick(run, is_directory);
	const char *name = pick_name(run);
	struct tree_file *file = tree_find(parent, name);
	struct attributes attributes;

	run_trace(run, "lookup %llu/%s", (unsigned long long)parent->ino, name);
	expect(run, ns_lookup(run->cache, parent->ino, name, &attributes), file ? 0 : -ENOENT);
	if (file && attributes.ino != file->ino)
		run_fail(run, "found inode %llu, not %llu", (unsigned long long)attributes.ino,
			 (unsigned long long)file->ino);
}

/* Held as by an open file descriptor, or let go. */
static void op_open(struct run *run)
{
	struct tree_file *file = pick(run, is_any);

	run_trace(run, "%s %llu", file->open ? "close" : "open", (unsigned long long)file->ino);
	file->open = !file->open;
}

static void op_setattr(struct run *run)
{
	struct tree_file *file = pick(run, is_any);
	unsigned int mask = (unsigned int)run_random(run, 64) & ~(unsigned int)ATTR_SIZE;
	struct attributes in = {
		.mode = (uint32_t)run_random(run, 010000),
		.uid = (uint32_t)run_random(run, 5),
		.gid = (uint32_t)run_random(run, 5),
		.atime = { (time_t)run_random(run, 1u << 31), (long)run_random(run, 1000000000) },
		.mtime = { (time_t)run_random(run, 1u << 31), (long)run_random(run, 1000000000) },
	};

	run_trace(run, "setattr %llu mask %x", (unsigned long long)file->ino, mask);
	expect(run, attr_set(run->cache, file->ino, mask, &in, NULL), 0);
	if (mask & ATTR_MODE)
		file->mode = (file->mode & S_IFMT) | in.mode;
	if (mask & ATTR_UID)
		file->uid = in.uid;
	if (mask & ATTR_GID)
		file->gid = in.gid;
	if (mask & ATTR_ATIME)
		file->atime = in.atime;
	if (mask & ATTR_MTIME)
		file->mtime = in.mtime;
	file->touched |= mask ? TOUCH_CTIME : TOUCH_CHECK;
}

/* Often block boundaries and the ends of files. */
static uint64_t pick_offset(struct run *run, const struct tree_file *file, uint64_t span)
{
	switch (run_random(run, 4)) {
	case 0:
		return run_random(run, span / 4096) * 4096;
	case 1:
		return file->size;
	case 2:
		return run_random(run, file->size + 1);
	default:
		return run_random(run, span);
	}
}

static size_t pick_length(struct run *run)
{
	switch (run_random(run, 8)) {
	case 0:
		return 4096;
	case 1:
		return run_random(run, 1u << 20);
	case 2:
		return 1 + run_random(run, 16);
	default:
		return 1 + run_random(run, 32768);
	}
}

/* Cuts a range to what the model's files may hold. */
static bool clip(uint64_t offset, uint64_t *length)
{
	if (offset >= TREE_SIZE_MAX)
		return false;
	if (*length > TREE_SIZE_MAX - offset)
		*length = TREE_SIZE_MAX - offset;
	return *length > 0;
}

static void op_write(struct run *run)
{
	struct tree_file *file = pick(run, is_regular);
	CLEANUP_FREE uint8_t *bytes = NULL;
	uint64_t offset;
	uint64_t length;

	if (!file)
		return;
	offset = pick_offset(run, file, FILE_SPAN);
	length = pick_length(run);
	if (!clip(offset, &length))
		return;
	bytes = xmalloc(length);
	noise_fill(run->operation, bytes, length);
	run_trace(run, "write %llu at %llu length %llu", (unsigned long long)file->ino,
		  (unsigned long long)offset, (unsigned long long)length);
	expect(run, io_write(run->cache, file->ino, offset, bytes, length),
	       tree_write(file, offset, bytes, length));
}

static void op_truncate(struct run *run)
{
	struct tree_file *file = pick(run, run_random(run, 10) ? is_regular : is_any);
	struct attributes in = { 0 };

	if (!file)
		return;
	if (run_random(run, 3))
		in.size = pick_offset(run, file, FILE_SPAN);
	run_trace(run, "truncate %llu to %llu", (unsigned long long)file->ino,
		  (unsigned long long)in.size);
	expect(run, attr_set(run->cache, file->ino, ATTR_SIZE, &in, NULL),
	       tree_truncate(file, in.size));
}

static void op_fallocate(struct run *run)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_ZERO_RANGE,
				     FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE };
	int mode = modes[run_random(run, 5)];
	struct tree_file *file = pick(run, is_regular);
	uint64_t offset;
	uint64_t length;

	if (!file)
		return;
	offset = pick_offset(run, file, FILE_SPAN);
	length = pick_length(run);
	if (!clip(offset, &length))
		return;
	run_trace(run, "fallocate %llu mode %x at %llu length %llu", (unsigned long long)file->ino,
		  (unsigned int)mode, (unsigned long long)offset, (unsigned long long)length);
	expect(run, io_fallocate(run->cache, file->ino, mode, offset, length), 0);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		tree_zero(file, offset, length, !(mode & FALLOC_FL_KEEP_SIZE));
	else if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + length > file->size)
		tree_zero(file, file->size, offset + length - file->size, true);
	file->touched |= TOUCH_CHECK;
}

static void op_copy(struct run *run)
{
	struct tree_file *from = pick(run, is_regular);
	struct tree_file *to = pick(run, is_regular);
	uint64_t from_offset;
	uint64_t to_offset;
	uint64_t length;
	uint64_t copied = 0;
	int64_t want;
	int got;

	if (!from)
		return;
	from_offset = pick_offset(run, from, FILE_SPAN);
	to_offset = pick_offset(run, to, FILE_SPAN);
	length = pick_length(run);
	if (!clip(to_offset, &length))
		return;
	run_trace(run, "copy %llu at %llu to %llu at %llu length %llu",
		  (unsigned long long)from->ino, (unsigned long long)from_offset,
		  (unsigned long long)to->ino, (unsigned long long)to_offset,
		  (unsigned long long)length);
	got = io_copy_range(run->cache, from->ino, from_offset, to->ino, to_offset, length,
			    &copied);
	want = tree_copy(from, from_offset, to, to_offset, length);
	expect(run, got, want < 0 ? (int)want : 0);
	if (want >= 0 && copied != (uint64_t)want)
		run_fail(run, "copied %llu bytes, not %lld", (unsigned long long)copied,
			 (long long)want);
	to->touched |= TOUCH_CHECK;
}

static void op_read(struct run *run)
{
	struct tree_file *file = pick(run, is_regular);
	CLEANUP_FREE uint8_t *bytes = NULL;
	uint64_t offset;
	size_t length;
	size_t want;
	size_t got = 0;

	if (!file)
		return;
	offset = pick_offset(run, file, FILE_SPAN);
	length = pick_length(run);
	bytes = xmalloc(length);
	run_trace(run, "read %llu at %llu length %zu", (unsigned long long)file->ino,
		  (unsigned long long)offset, length);
	expect(run, io_read(run->cache, file->ino, NULL, offset, length, 0, bytes, &got), 0);
	want = offset < file->size ? file->size - offset : 0;
	want = want < length ? want : length;
	if (got != want)
		run_fail(run, "read %zu bytes, not %zu", got, want);
	if (want && memcmp(bytes, file->data + offset, want))
		run_fail(run, "read wrong bytes");
}

static void op_sync(struct run *run)
{
	struct tree_file *file = pick(run, is_regular);

	if (!file)
		return;
	run_trace(run, "fsync or flush %llu", (unsigned long long)file->ino);
	if (run_random(run, 2))
		expect(run, io_fsync(run->cache, file->ino), 0);
	else
		expect(run, io_flush(run->cache, file->ino), 0);
}

static const char *pick_xattr(struct run *run)
{
	static const char *const names[] = { "user.a", "user.b", "trusted.c",
					     "security.capability" };

	return names[run_random(run, 4)];
}

static void op_xattr_set(struct run *run)
{
	struct tree_file *file = pick(run, is_any);
	const char *name = pick_xattr(run);
	unsigned int flags = (unsigned int)run_random(run, 3);
	uint8_t value[300];
	size_t length = run_random(run, sizeof(value));

	noise_fill(run->operation, value, length);
	run_trace(run, "setxattr %llu %s length %zu flags %u", (unsigned long long)file->ino, name,
		  length, flags);
	expect(run, xattr_set(run->cache, file->ino, name, value, length, flags),
	       tree_xattr_set(file, name, value, length, flags & XATTR_MUST_CREATE,
			      flags & XATTR_MUST_REPLACE));
}

static void op_xattr_remove(struct run *run)
{
	struct tree_file *file = pick(run, is_any);
	const char *name = pick_xattr(run);

	run_trace(run, "removexattr %llu %s", (unsigned long long)file->ino, name);
	expect(run, xattr_remove(run->cache, file->ino, name), tree_xattr_remove(file, name));
}

static void op_readlink(struct run *run)
{
	struct tree_file *file = pick(run, run_random(run, 5) ? is_symlink : is_any);
	CLEANUP_BUFFER struct buffer target = BUFFER_INIT;

	if (!file)
		return;
	run_trace(run, "readlink %llu", (unsigned long long)file->ino);
	expect(run, ns_readlink(run->cache, file->ino, &target), file->target ? 0 : -EINVAL);
	if (file->target && (target.length != strlen(file->target) ||
			     memcmp(target.data, file->target, target.length)))
		run_fail(run, "wrong target");
}

static const struct {
	void (*fn)(struct run *run);
	unsigned int weight;
} operations[] = {
	{ op_create, 20 },	{ op_create_unnamed, 2 }, { op_link, 6 },     { op_unlink, 10 },
	{ op_rmdir, 5 },	{ op_rename, 16 },	  { op_lookup, 4 },   { op_open, 6 },
	{ op_setattr, 8 },	{ op_write, 24 },	  { op_truncate, 6 }, { op_fallocate, 8 },
	{ op_copy, 6 },		{ op_read, 8 },		  { op_sync, 4 },     { op_xattr_set, 6 },
	{ op_xattr_remove, 3 }, { op_readlink, 2 },
};

void run_operation(struct run *run)
{
	uint64_t total = 0;
	uint64_t chosen;
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		total += operations[i].weight;
	chosen = run_random(run, total);
	for (i = 0; chosen >= operations[i].weight; i++)
		chosen -= operations[i].weight;
	operations[i].fn(run);
}

static void forget(uint64_t ino, void *arg)
{
	ns_forget(arg, ino);
}

void run_collect(struct run *run)
{
	tree_collect(&run->tree, forget, run->cache);
}
