/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/ns.h"
#include "fs/fs.h"
#include "fs/ops.h"
#include "fs/reply.h"

/* "." of any inode, not only of directories: what the kernel asks for a file
 * handle whose inode it has forgotten (NFS). An unlinked one is gone. */
static int lookup_by_handle(struct fs *fs, uint64_t ino, struct attributes *out)
{
	int result = attr_get(fs->cache, ino, out);

	return !result && !out->nlink ? -ENOENT : result;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct attributes attributes;
	int result;

	if (!strcmp(name, "."))
		result = lookup_by_handle(fs, parent, &attributes);
	else
		result = ns_lookup(fs->cache, parent, name, &attributes);
	if (!result)
		reply_entry(req, fs, &attributes);
	else if (result == -ENOENT)
		reply_no_entry(req, fs);
	else
		reply_result(req, "lookup", parent, name, result);
}

static void forget(struct fs *fs, uint64_t ino, uint64_t count)
{
	if (inode_table_put(fs->inodes, ino, count))
		ns_forget(fs->cache, ino);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	forget(fuse_req_userdata(req), ino, nlookup);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fuse_req_userdata(req);
	size_t i;

	for (i = 0; i < count; i++)
		forget(fs, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* Makes a name of any kind; make holds what the kind needs beside the owner. */
static void make_entry(fuse_req_t req, const char *operation, fuse_ino_t parent, const char *name,
		       struct ns_make *make)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct fuse_ctx *context = fuse_req_ctx(req);
	struct attributes attributes;
	int result;

	make->uid = context->uid;
	make->gid = context->gid;
	make->umask = context->umask;
	result = ns_create(fs->cache, parent, name, make, &attributes);
	if (result)
		reply_result(req, operation, parent, name, result);
	else
		reply_entry(req, fs, &attributes);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct ns_make make = { .mode = mode, .rdev = (uint32_t)rdev };

	make_entry(req, "mknod", parent, name, &make);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct ns_make make = { .mode = S_IFDIR | (mode & 07777) };

	make_entry(req, "mkdir", parent, name, &make);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct ns_make make = { .mode = S_IFLNK | 0777, .target = target };

	make_entry(req, "symlink", parent, name, &make);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	CLEANUP_BUFFER struct buffer target = BUFFER_INIT;
	int result = ns_readlink(fs->cache, ino, &target);

	if (result) {
		reply_result(req, "readlink", ino, NULL, result);
		return;
	}
	buffer_put_u8(&target, 0);
	fuse_reply_readlink(req, (const char *)target.data);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct attributes attributes;
	int result = ns_link(fs->cache, ino, parent, name, &attributes);

	if (result)
		reply_result(req, "link", parent, name, result);
	else
		reply_entry(req, fs, &attributes);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);

	reply_result(req, "unlink", parent, name, ns_unlink(fs->cache, parent, name));
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);

	reply_result(req, "rmdir", parent, name, ns_rmdir(fs->cache, parent, name));
}

/*
 * Renaming over a file promises its old or its new content. When the new file
 * is still open for writing, the kernel may hold dirty pages of it that we
 * have never seen; they are called in first, on another thread, because the
 * kernel sends them as WRITEs which the threads of the session must answer.
 */
struct rename_job {
	struct worker_job job;
	fuse_req_t req;
	uint64_t ino;
	uint64_t parent;
	uint64_t new_parent;
	unsigned int flags;
	char name[NAME_BYTES_MAX + 1];
	char new_name[NAME_BYTES_MAX + 1];
};

static void rename_after_launder(struct worker_job *worker_job, bool cancelled)
{
	struct rename_job *job = (struct rename_job *)worker_job;
	struct fs *fs = fuse_req_userdata(job->req);

	if (cancelled) {
		fuse_reply_err(job->req, EIO);
	} else {
		fs_launder(fs, job->ino);
		reply_result(job->req, "rename", job->parent, job->name,
			     ns_rename(fs->cache, job->parent, job->name, job->new_parent,
				       job->new_name, job->flags));
	}
	free(job);
}

/* The inode that is to be laundered before the rename; 0: none. */
static uint64_t rename_needs_launder(struct fs *fs, fuse_ino_t parent, const char *name,
				     fuse_ino_t new_parent, const char *new_name)
{
	struct attributes moved;
	struct attributes replaced;

	if (ns_lookup(fs->cache, parent, name, &moved) || !S_ISREG(moved.mode) ||
	    !inode_table_is_written(fs->inodes, moved.ino))
		return 0;
	if (ns_lookup(fs->cache, new_parent, new_name, &replaced))
		return 0;
	return moved.ino;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned int flags)
{
	struct fs *fs = fuse_req_userdata(req);
	uint64_t ino = rename_needs_launder(fs, parent, name, new_parent, new_name);
	struct rename_job *job;

	if (!ino || strlen(name) > NAME_BYTES_MAX || strlen(new_name) > NAME_BYTES_MAX) {
		reply_result(req, "rename", parent, name,
			     ns_rename(fs->cache, parent, name, new_parent, new_name, flags));
		return;
	}
	job = xcalloc(1, sizeof(*job));
	job->job.run = rename_after_launder;
	job->req = req;
	job->ino = ino;
	job->parent = parent;
	job->new_parent = new_parent;
	job->flags = flags;
	snprintf(job->name, sizeof(job->name), "%s", name);
	snprintf(job->new_name, sizeof(job->new_name), "%s", new_name);
	worker_pool_submit(fs->launderers, &job->job);
}
