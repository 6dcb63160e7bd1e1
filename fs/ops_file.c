/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "fs/cloud_sync.h"
#include "fs/device.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/ops.h"
#include "fs/privileges.h"
#include "fs/reply.h"

/* Whoever opens a file finds the pages that the kernel has: nobody else
 * changes them. */
static void open_handle(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct fuse_ctx *context = fuse_req_ctx(req);
	struct handle *handle = handle_new(fs->inodes, ino, fi->flags);

	handle->uncached = nocache_is_for(fs->nocache, context->uid, context->pid);
	fi->fh = (uintptr_t)handle;
	fi->keep_cache = 1;
}

/* Opens what was just made, or found. */
static void reply_open_entry(fuse_req_t req, struct fs *fs, const struct attributes *attributes,
			     struct fuse_file_info *fi)
{
	inode_table_get(fs->inodes, attributes->ino);
	open_handle(req, attributes->ino, fi);
	reply_created(req, fs, attributes, fi);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct fuse_ctx *context = fuse_req_ctx(req);
	struct ns_make make = { .mode = S_IFREG | (mode & 07777),
				.uid = context->uid,
				.gid = context->gid,
				.umask = context->umask };
	struct attributes attributes;
	int result = io_budget_refuse(fs->cache, true);

	if (!result)
		result = ns_create(fs->cache, parent, name, &make, &attributes);

	/* The kernel looks names up first; yet its dentry may be out of date. */
	if (result == -EEXIST && !(fi->flags & O_EXCL)) {
		result = ns_lookup(fs->cache, parent, name, &attributes);
		if (!result && !S_ISREG(attributes.mode))
			result = -EEXIST;
	}
	if (result)
		reply_result(req, "create", parent, name, result);
	else
		reply_open_entry(req, fs, &attributes, fi);
}

void op_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct fuse_ctx *context = fuse_req_ctx(req);
	struct ns_make make = { .mode = S_IFREG | (mode & 07777),
				.uid = context->uid,
				.gid = context->gid,
				.umask = context->umask };
	struct attributes attributes;
	int result = io_budget_refuse(fs->cache, true);

	if (!result)
		result = ns_create_unnamed(fs->cache, parent, &make, &attributes);
	if (result)
		reply_result(req, "tmpfile", parent, NULL, result);
	else
		reply_open_entry(req, fs, &attributes, fi);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	int result = 0;

	if ((fi->flags & O_ACCMODE) != O_RDONLY)
		result = io_budget_refuse(fs->cache, true);
	if (result) {
		reply_result(req, "open", ino, NULL, result);
		return;
	}
	open_handle(req, ino, fi);
	/* Interrupted: the kernel will not send RELEASE. */
	if (fuse_reply_open(req, fi))
		handle_free(fs->inodes, handle_of(fi->fh));
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	(void)ino;
	io_read_end(fs->cache, &handle_of(fi->fh)->readahead);
	handle_free(fs->inodes, handle_of(fi->fh));
	fuse_reply_err(req, 0);
}

/* Reads and replies; false when the bytes must be waited for (flags has
 * IO_NO_WAIT then). */
static bool read_and_reply(fuse_req_t req, struct handle *handle, size_t size, uint64_t offset,
			   unsigned int flags)
{
	struct fs *fs = fuse_req_userdata(req);
	void *bytes = reply_scratch(size);
	size_t got;
	int result;

	if (handle->uncached)
		flags |= IO_NO_CACHE;
	result = io_read(fs->cache, handle->ino, &handle->readahead, offset, size, flags, bytes,
			 &got);

	if (result == -EAGAIN && flags & IO_NO_WAIT)
		return false;
	if (result)
		reply_result(req, "read", handle->ino, NULL, result);
	else
		fuse_reply_buf(req, bytes, got);
	return true;
}

struct read_job {
	struct worker_job job;
	fuse_req_t req;
	struct handle *handle;
	size_t size;
	uint64_t offset;
};

static void read_waiting(struct worker_job *worker_job, bool cancelled)
{
	struct read_job *job = (struct read_job *)worker_job;

	if (cancelled)
		fuse_reply_err(job->req, EIO);
	else
		read_and_reply(job->req, job->handle, job->size, job->offset, 0);
	free(job);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct handle *handle = handle_of(fi->fh);
	struct read_job *job;

	assert(handle->ino == ino);
	if (read_and_reply(req, handle, size, (uint64_t)offset, IO_NO_WAIT))
		return;
	job = xcalloc(1, sizeof(*job));
	job->job.run = read_waiting;
	job->req = req;
	job->handle = handle;
	job->size = size;
	job->offset = (uint64_t)offset;
	worker_pool_submit(fs->readers, &job->job);
}

/* A write that waits for its turn: for its reply, or, with its bytes, to be done. */
struct late_write {
	struct io_turn turn;
	fuse_req_t req;
	fuse_ino_t ino;
	size_t size;
	uint64_t offset;
	char bytes[];
};

static void reply_write(fuse_req_t req, fuse_ino_t ino, size_t size, int result)
{
	if (result)
		reply_result(req, "write", ino, NULL, result);
	else
		fuse_reply_write(req, size);
}

static void reply_late(struct io_turn *turn)
{
	struct late_write *late = (struct late_write *)turn;

	fuse_reply_write(late->req, late->size);
	free(late);
}

/* With the room that was reserved for it. */
static int write_in_room(struct fs *fs, fuse_ino_t ino, const char *bytes, size_t size,
			 uint64_t offset)
{
	int result = io_write(fs->cache, ino, offset, bytes, size);

	io_budget_return_room(fs->cache, size);
	return result;
}

static void write_late(struct io_turn *turn)
{
	struct late_write *late = (struct late_write *)turn;
	struct fs *fs = fuse_req_userdata(late->req);

	reply_write(late->req, late->ino, late->size,
		    write_in_room(fs, late->ino, late->bytes, late->size, late->offset));
	free(late);
}

/* bytes: NULL when the write is done. */
static void wait_for_turn(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size,
			  uint64_t offset)
{
	struct fs *fs = fuse_req_userdata(req);
	struct late_write *late = xmalloc(sizeof(*late) + (bytes ? size : 0));

	*late = (struct late_write){
		.turn = { .item = { .flow = ino, .bytes = size },
			  .needs_room = bytes,
			  .fn = bytes ? write_late : reply_late },
		.req = req,
		.ino = ino,
		.size = size,
		.offset = offset,
	};
	if (bytes)
		memcpy(late->bytes, bytes, size);
	if (!io_budget_must_wait(fs->cache, &late->turn))
		late->turn.fn(&late->turn);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
	      struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	int result = io_budget_refuse(fs->cache, false);

	(void)fi; /* of a page written back, it may be any handle of the inode */
	if (!result && device_write_drops_privileges())
		result = privileges_drop(req, ino);
	if (!result && !io_budget_take_room(fs->cache, size)) {
		wait_for_turn(req, ino, bytes, size, (uint64_t)offset);
		return;
	}
	if (!result)
		result = write_in_room(fs, ino, bytes, size, (uint64_t)offset);
	if (result)
		reply_write(req, ino, size, result);
	else
		wait_for_turn(req, ino, NULL, size, 0);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	int result = 0;

	if (handle_of(fi->fh)->writable) {
		result = io_flush(fs->cache, ino);
		if (!result) {
			cloud_sync_reply(fs->cloud_sync, req, "flush", ino);
			return;
		}
	}
	reply_result(req, "flush", ino, NULL, result);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	int result = fs->conf->follow ? 0 : io_fsync(fs->cache, ino);

	(void)datasync;
	(void)fi;
	if (result)
		reply_result(req, "fsync", ino, NULL, result);
	else
		cloud_sync_reply(fs->cloud_sync, req, "fsync", ino);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		  struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	int result = io_fallocate(fs->cache, ino, mode, (uint64_t)offset, (uint64_t)length);

	(void)fi;
	if (!result)
		result = privileges_drop_unless_root(req, ino);
	reply_result(req, "fallocate", ino, NULL, result);
}

static void seek_and_reply(fuse_req_t req, uint64_t ino, uint64_t offset, int whence)
{
	struct fs *fs = fuse_req_userdata(req);
	uint64_t found;
	int result = io_seek(fs->cache, ino, offset, whence, &found);

	if (result)
		reply_result(req, "lseek", ino, NULL, result);
	else
		fuse_reply_lseek(req, (off_t)found);
}

struct seek_job {
	struct worker_job job;
	fuse_req_t req;
	uint64_t ino;
	uint64_t offset;
	int whence;
};

static void seek_after_launder(struct worker_job *worker_job, bool cancelled)
{
	struct seek_job *job = (struct seek_job *)worker_job;

	if (cancelled) {
		fuse_reply_err(job->req, EIO);
	} else {
		fs_launder(fuse_req_userdata(job->req), job->ino);
		seek_and_reply(job->req, job->ino, job->offset, job->whence);
	}
	free(job);
}

/* The kernel asks for data and holes without writing back what it has: dirty
 * pages would look like holes, and a copy would leave them out. */
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct seek_job *job;

	(void)fi;
	if (!inode_table_is_written(fs->inodes, ino)) {
		seek_and_reply(req, ino, (uint64_t)offset, whence);
		return;
	}
	job = xcalloc(1, sizeof(*job));
	job->job.run = seek_after_launder;
	job->req = req;
	job->ino = ino;
	job->offset = (uint64_t)offset;
	job->whence = whence;
	worker_pool_submit(fs->launderers, &job->job);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t offset_out,
			struct fuse_file_info *fi_out, size_t length, int flags)
{
	struct fs *fs = fuse_req_userdata(req);
	uint64_t copied;
	int result = io_copy_range(fs->cache, ino_in, (uint64_t)offset_in, ino_out,
				   (uint64_t)offset_out, length, &copied);

	(void)fi_in;
	(void)fi_out;
	(void)flags;
	if (!result)
		result = privileges_drop_unless_root(req, ino_out);
	if (result)
		reply_result(req, "copy_file_range", ino_out, NULL, result);
	else
		fuse_reply_write(req, copied);
}
