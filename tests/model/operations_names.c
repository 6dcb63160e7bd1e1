/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on names, attributes and xattrs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "cache/attr.h"
#include "cache/ns.h"
#include "tests/lib/noise.h"
#include "tests/model/operations.h"
#include "tests/model/pick.h"

static void adopt(struct run *run, struct tree_file *file, const struct attributes *attributes)
{
	file->touched |= TOUCH_MTIME | TOUCH_CTIME;
	if (run->unsure)
		return;
	file->ino = attributes->ino;
	file->rdev = attributes->rdev;
	file->generation = attributes->generation;
	file->atime = attributes->atime;
	file->mtime = attributes->mtime;
	file->ctime = attributes->ctime;
}

void op_create(struct run *run)
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
	run_expect(run, ns_create(run->cache, parent->ino, name, &make, &attributes), want);
	if (want)
		return;
	gid = parent->mode & S_ISGID ? parent->gid : make.gid;
	file->uid = make.uid;
	file->gid = gid;
	if (S_ISLNK(type))
		file->target = xstrdup(make.target);
	adopt(run, file, &attributes);
	if (!run->unsure && attributes.rdev != (S_ISCHR(type) ? make.rdev : 0))
		run_fail(run, "device number %x", attributes.rdev);
}

void op_create_unnamed(struct run *run)
{
	struct tree_file *parent = pick_parent(run);
	struct ns_make make = { .mode = S_IFREG | 0600 };
	struct attributes attributes;
	struct tree_file *file;
	int want;

	run_trace(run, "create unnamed in %llu", (unsigned long long)parent->ino);
	want = tree_create(&run->tree, parent, NULL, make.mode, &file);
	run_expect(run, ns_create_unnamed(run->cache, parent->ino, &make, &attributes), want);
	if (want)
		return;
	file->open = true;
	adopt(run, file, &attributes);
}

void op_link(struct run *run)
{
	struct tree_file *file = pick(run, pick_any);
	struct tree_file *parent = pick_parent(run);
	const char *name = pick_name(run);
	struct attributes attributes;

	/* The kernel refuses to link what has lost its last name. */
	if (S_ISDIR(file->mode) && !file->nlink)
		return;
	run_trace(run, "link %llu %llu/%s", (unsigned long long)file->ino,
		  (unsigned long long)parent->ino, name);
	run_expect(run, ns_link(run->cache, file->ino, parent->ino, name, &attributes),
		   tree_link(file, parent, name));
}

void op_unlink(struct run *run)
{
	struct tree_file *parent = pick_parent(run);
	const char *name = pick_name(run);

	run_trace(run, "unlink %llu/%s", (unsigned long long)parent->ino, name);
	run_expect(run, ns_unlink(run->cache, parent->ino, name), tree_unlink(parent, name));
}

void op_rmdir(struct run *run)
{
	struct tree_file *parent = pick_parent(run);
	const char *name = pick_name(run);

	run_trace(run, "rmdir %llu/%s", (unsigned long long)parent->ino, name);
	run_expect(run, ns_rmdir(run->cache, parent->ino, name), tree_rmdir(parent, name));
}

/* A file that takes the name of bytes is synced by that. */
static void note_barriers(struct run *run, const struct tree_file *moved,
			  const struct tree_file *replaced, unsigned int flags)
{
	if (!run->history || !moved || !replaced || moved == replaced || flags & RENAME_NOREPLACE ||
	    !S_ISREG(moved->mode) || !S_ISREG(replaced->mode))
		return;
	if (replaced->size)
		history_sync(run->history, run->operation, moved->ino);
	if (moved->size && flags & RENAME_EXCHANGE)
		history_sync(run->history, run->operation, replaced->ino);
}

void op_rename(struct run *run)
{
	static const unsigned int all_flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	unsigned int flags = all_flags[run_random(run, 5)];
	struct tree_file *from = pick_parent(run);
	struct tree_file *to = run_random(run, 2) ? pick_parent(run) : from;
	const char *from_name = pick_name(run);
	const char *to_name = pick_name(run);

	note_barriers(run, tree_find(from, from_name), tree_find(to, to_name), flags);
	run_trace(run, "rename %llu/%s %llu/%s flags %u", (unsigned long long)from->ino, from_name,
		  (unsigned long long)to->ino, to_name, flags);
	run_expect(run, ns_rename(run->cache, from->ino, from_name, to->ino, to_name, flags),
		   tree_rename(from, from_name, to, to_name, flags));
}

void op_lookup(struct run *run)
{
	struct tree_file *parent = pick(run, pick_directory);
	const char *name = pick_name(run);
	struct tree_file *file = tree_find(parent, name);
	struct attributes attributes;

	run_trace(run, "lookup %llu/%s", (unsigned long long)parent->ino, name);
	run_expect(run, ns_lookup(run->cache, parent->ino, name, &attributes), file ? 0 : -ENOENT);
	if (!run->unsure && file && attributes.ino != file->ino)
		run_fail(run, "found inode %llu, not %llu", (unsigned long long)attributes.ino,
			 (unsigned long long)file->ino);
}

/* Held as by an open file descriptor, or let go. */
void op_open(struct run *run)
{
	struct tree_file *file = pick(run, pick_any);

	run_trace(run, "%s %llu", file->open ? "close" : "open", (unsigned long long)file->ino);
	file->open = !file->open;
}

void op_setattr(struct run *run)
{
	struct tree_file *file = pick(run, pick_any);
	unsigned int mask = (unsigned int)run_random(run, 64) & ~(unsigned int)ATTR_SIZE;
	struct attributes in = {
		.mode = (uint32_t)run_random(run, 010000),
		.uid = (uint32_t)run_random(run, 5),
		.gid = (uint32_t)run_random(run, 5),
		.atime = { (time_t)run_random(run, 1u << 31), (long)run_random(run, 1000000000) },
		.mtime = { (time_t)run_random(run, 1u << 31), (long)run_random(run, 1000000000) },
	};

	run_trace(run, "setattr %llu mask %x", (unsigned long long)file->ino, mask);
	run_expect(run, attr_set(run->cache, file->ino, mask, &in, NULL), 0);
	if (mask & ATTR_MODE)
		file->mode = (file->mode & S_IFMT) | in.mode;
	if (mask & ATTR_UID)
		file->uid = in.uid;
	if (mask & ATTR_GID)
		file->gid = in.gid;
	if (mask & ATTR_ATIME)
		file->atime = in.atime;
	if (mask & ATTR_MTIME) {
		file->mtime = in.mtime;
		file->changed = true;
	}
	file->touched |= mask ? TOUCH_CTIME : TOUCH_CHECK;
}

static const char *pick_xattr(struct run *run)
{
	static const char *const names[] = { "user.a", "user.b", "trusted.c",
					     "security.capability" };

	return names[run_random(run, 4)];
}

void op_xattr_set(struct run *run)
{
	struct tree_file *file = pick(run, pick_any);
	const char *name = pick_xattr(run);
	unsigned int flags = (unsigned int)run_random(run, 3);
	uint8_t value[300];
	size_t length = run_random(run, sizeof(value));

	noise_fill(run->operation, value, length);
	run_trace(run, "setxattr %llu %s length %zu flags %u", (unsigned long long)file->ino, name,
		  length, flags);
	run_expect(run, xattr_set(run->cache, file->ino, name, value, length, flags),
		   tree_xattr_set(file, name, value, length, flags & XATTR_MUST_CREATE,
				  flags & XATTR_MUST_REPLACE));
}

void op_xattr_remove(struct run *run)
{
	struct tree_file *file = pick(run, pick_any);
	const char *name = pick_xattr(run);

	run_trace(run, "removexattr %llu %s", (unsigned long long)file->ino, name);
	run_expect(run, xattr_remove(run->cache, file->ino, name), tree_xattr_remove(file, name));
}

void op_readlink(struct run *run)
{
	struct tree_file *file = pick(run, run_random(run, 5) ? pick_symlink : pick_any);
	CLEANUP_BUFFER struct buffer target = BUFFER_INIT;

	if (!file)
		return;
	run_trace(run, "readlink %llu", (unsigned long long)file->ino);
	run_expect(run, ns_readlink(run->cache, file->ino, &target), file->target ? 0 : -EINVAL);
	if (!run->unsure && file->target &&
	    (target.length != strlen(file->target) ||
	     memcmp(target.data, file->target, target.length)))
		run_fail(run, "wrong target");
}
