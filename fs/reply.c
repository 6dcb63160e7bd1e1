/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/reply.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/ns.h"
#include "fs/handle.h"

#define BLOCK_SIZE 4096

/* Lines in the second they are counted for. Losing a count in a race between
 * two seconds does no harm. */
static atomic_llong log_second;
static atomic_uint log_lines;

static bool may_log(void)
{
	long long now = clock_boot_ns() / NS_PER_SECOND;
	unsigned int lines;

	if (atomic_exchange(&log_second, now) != now) {
		lines = atomic_exchange(&log_lines, 0);
		if (lines > REPLY_LOG_MAX)
			log_warn("%u more failed operations were not logged",
				 lines - REPLY_LOG_MAX);
	}
	return atomic_fetch_add(&log_lines, 1) < REPLY_LOG_MAX;
}

static void log_failure(const char *operation, uint64_t ino, const char *name, int code)
{
	if (!may_log())
		return;
	if (name)
		log_error("%s \"%s\" in directory %llu: %s", operation, name,
			  (unsigned long long)ino, err_message(code));
	else
		log_error("%s inode %llu: %s", operation, (unsigned long long)ino,
			  err_message(code));
}

/*
 * A follower's file or directory that others removed, or whose bytes went with
 * older states of the volume. ESTALE makes the kernel look its path up again.
 */
static int stale_code(int code)
{
	return code == -ENOENT || code == -ERR_object_missing ? -ESTALE : code;
}

void reply_result(fuse_req_t req, const char *operation, uint64_t ino, const char *name, int code)
{
	struct fs *fs = fuse_req_userdata(req);

	if (-code > ERR_CODE_FIRST)
		log_failure(operation, ino, name, code);
	if (fs->conf->follow)
		code = stale_code(code);
	fuse_reply_err(req, err_to_errno(code));
}

void reply_stat(const struct fs *fs, const struct attributes *attributes, struct stat *out)
{
	const struct mount_conf *conf = fs->conf;

	memset(out, 0, sizeof(*out));
	out->st_ino = attributes->ino;
	out->st_mode = attributes->mode;
	out->st_nlink = attributes->nlink;
	out->st_uid = conf->uid < 0 ? attributes->uid : (uid_t)conf->uid;
	out->st_gid = conf->gid < 0 ? attributes->gid : (gid_t)conf->gid;
	out->st_rdev = attributes->rdev;
	out->st_size = (off_t)attributes->size;
	out->st_blksize = BLOCK_SIZE;
	out->st_blocks = (blkcnt_t)attributes->blocks;
	out->st_atim = attributes->atime;
	out->st_mtim = attributes->mtime;
	out->st_ctim = attributes->ctime;
	if (conf->umask >= 0)
		out->st_mode &= ~(mode_t)conf->umask;
}

void reply_entry_param(const struct fs *fs, const struct attributes *attributes,
		       struct fuse_entry_param *out)
{
	out->ino = attributes->ino;
	out->generation = attributes->generation;
	out->attr_timeout = fs->attr_timeout;
	out->entry_timeout = fs->entry_timeout;
	reply_stat(fs, attributes, &out->attr);
}

static void take_back(struct fs *fs, uint64_t ino)
{
	if (inode_table_put(fs->inodes, ino, 1))
		ns_forget(fs->cache, ino);
}

void reply_entry(fuse_req_t req, struct fs *fs, const struct attributes *attributes)
{
	struct fuse_entry_param entry;

	reply_entry_param(fs, attributes, &entry);
	inode_table_get(fs->inodes, attributes->ino);
	if (fuse_reply_entry(req, &entry))
		take_back(fs, attributes->ino);
}

void reply_created(fuse_req_t req, struct fs *fs, const struct attributes *attributes,
		   const struct fuse_file_info *fi)
{
	struct fuse_entry_param entry;

	reply_entry_param(fs, attributes, &entry);
	if (fuse_reply_create(req, &entry, fi)) {
		handle_free(fs->inodes, handle_of(fi->fh));
		take_back(fs, attributes->ino);
	}
}

void reply_no_entry(fuse_req_t req, struct fs *fs)
{
	struct fuse_entry_param entry = { .entry_timeout = fs->negative_timeout };

	fuse_reply_entry(req, &entry);
}

void reply_attributes(fuse_req_t req, struct fs *fs, const struct attributes *attributes)
{
	struct stat stat;

	reply_stat(fs, attributes, &stat);
	fuse_reply_attr(req, &stat, fs->attr_timeout);
}

void reply_xattr(fuse_req_t req, const struct buffer *value, size_t size)
{
	if (!size)
		fuse_reply_xattr(req, value->length);
	else if (value->length > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, (const char *)value->data, value->length);
}

/* Scratch memory is kept from request to request: the allocator would return
 * pieces of a megabyte to the kernel each time. */
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static _Thread_local size_t scratch_size;

static void scratch_start(void)
{
	if (pthread_key_create(&scratch_key, free))
		abort();
}

void *reply_scratch(size_t size)
{
	void *memory;

	pthread_once(&scratch_once, scratch_start);
	memory = pthread_getspecific(scratch_key);
	if (scratch_size < size) {
		free(memory);
		memory = xmalloc(size);
		pthread_setspecific(scratch_key, memory);
		scratch_size = size;
	}
	return memory;
}
