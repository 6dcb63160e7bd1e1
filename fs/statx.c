/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/statx.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "backend/base/error.h"
#include "fs/reply.h"

/* linux/fuse.h has the following since 7.39; under these names here, because
 * the build must not depend on the age of that file. */

#define OPCODE_STATX 52

struct statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct statx_out {
	uint64_t attr_valid; /* seconds, and nanoseconds */
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	/* struct fuse_statx: */
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct sx_time atime;
	struct sx_time btime;
	struct sx_time ctime;
	struct sx_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};

static struct sx_time time_of(const struct timespec *time)
{
	return (struct sx_time){ .tv_sec = time->tv_sec, .tv_nsec = (uint32_t)time->tv_nsec };
}

static void fill(const struct fs *fs, const struct attributes *attributes, struct statx_out *out)
{
	struct stat stat;

	reply_stat(fs, attributes, &stat);
	*out = (struct statx_out){
		.attr_valid = (uint64_t)fs->attr_timeout,
		.attr_valid_nsec = (uint32_t)(fmod(fs->attr_timeout, 1) * 1e9),
		.mask = STATX_BASIC_STATS | STATX_BTIME,
		.blksize = (uint32_t)stat.st_blksize,
		.nlink = (uint32_t)stat.st_nlink,
		.uid = stat.st_uid,
		.gid = stat.st_gid,
		.mode = (uint16_t)stat.st_mode,
		.ino = stat.st_ino,
		.size = (uint64_t)stat.st_size,
		.blocks = (uint64_t)stat.st_blocks,
		.atime = time_of(&attributes->atime),
		.btime = time_of(&attributes->btime),
		.ctime = time_of(&attributes->ctime),
		.mtime = time_of(&attributes->mtime),
		.rdev_major = major(stat.st_rdev),
		.rdev_minor = minor(stat.st_rdev),
	};
}

bool statx_answer(struct fs *fs, int fd, const struct fuse_in_header *request, size_t length)
{
	struct fuse_out_header header = { .unique = request->unique, .len = sizeof(header) };
	struct attributes attributes;
	struct statx_out out;
	struct iovec iov[] = { { &header, sizeof(header) }, { &out, sizeof(out) } };
	ssize_t written;
	int result;

	if (request->opcode != OPCODE_STATX || length < sizeof(*request) + sizeof(struct statx_in))
		return false;
	result = attr_get(fs->cache, request->nodeid, &attributes);
	header.error = -err_to_errno(result);
	if (!result) {
		fill(fs, &attributes, &out);
		header.len += sizeof(out);
	}
	/* It fails when the asking process was killed meanwhile. */
	written = writev(fd, iov, result ? 1 : 2);
	(void)written;
	return true;
}
