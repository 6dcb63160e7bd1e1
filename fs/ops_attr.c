/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "backend/base/clock.h"
#include "cache/attr.h"
#include "cache/row_format.h"
#include "fs/fs.h"
#include "fs/ops.h"
#include "fs/privileges.h"
#include "fs/reply.h"

#define STATFS_BLOCK 4096

/* statfs(2) has no "unlimited"; numbers of inodes are. */
#define STATFS_FREE_FILES (1ULL << 32)

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct attributes attributes;
	int result = attr_get(fs->cache, ino, &attributes);

	(void)fi;
	if (result)
		reply_result(req, "getattr", ino, NULL, result);
	else
		reply_attributes(req, fs, &attributes);
}

/* The times of the request; those that say "now" are now. */
static unsigned int take_times(const struct stat *stat, int to_set, struct attributes *in)
{
	struct timespec now = clock_to_timespec(clock_real_ns());
	unsigned int mask = 0;

	if (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW)) {
		in->atime = to_set & FUSE_SET_ATTR_ATIME_NOW ? now : stat->st_atim;
		mask |= ATTR_ATIME;
	}
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) {
		in->mtime = to_set & FUSE_SET_ATTR_MTIME_NOW ? now : stat->st_mtim;
		mask |= ATTR_MTIME;
	}
	if (to_set & FUSE_SET_ATTR_CTIME) {
		in->ctime = stat->st_ctim;
		mask |= ATTR_CTIME;
	}
	return mask;
}

static unsigned int take_fields(const struct stat *stat, int to_set, struct attributes *in)
{
	unsigned int mask = take_times(stat, to_set, in);

	if (to_set & FUSE_SET_ATTR_MODE) {
		in->mode = stat->st_mode;
		mask |= ATTR_MODE;
	}
	if (to_set & FUSE_SET_ATTR_UID) {
		in->uid = stat->st_uid;
		mask |= ATTR_UID;
	}
	if (to_set & FUSE_SET_ATTR_GID) {
		in->gid = stat->st_gid;
		mask |= ATTR_GID;
	}
	if (to_set & FUSE_SET_ATTR_SIZE) {
		in->size = (uint64_t)stat->st_size;
		mask |= ATTR_SIZE;
	}
	return mask;
}

/* The file is given away, or truncated by someone without CAP_FSETID. */
static int take_privileges_away(fuse_req_t req, uint64_t ino, struct attributes *in,
				unsigned int *mask)
{
	struct fs *fs = fuse_req_userdata(req);
	struct attributes now;
	uint32_t lost;
	int result = attr_get(fs->cache, ino, &now);

	if (result)
		return result;
	lost = privileges_lost(req, &now);
	if (!(*mask & ATTR_MODE))
		in->mode = now.mode;
	if (lost) {
		in->mode &= ~lost;
		*mask |= ATTR_MODE;
	}
	return 0;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *stat, int to_set,
		struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct attributes in = { .ino = ino };
	struct attributes out;
	unsigned int mask = take_fields(stat, to_set, &in);
	int result = 0;

	(void)fi;
	/* The one bit for both of FUSE_HANDLE_KILLPRIV_V2. */
	if (to_set & FUSE_SET_ATTR_KILL_SUID)
		result = take_privileges_away(req, ino, &in, &mask);
	if (!result)
		result = attr_set(fs->cache, ino, mask, &in, &out);
	if (result)
		reply_result(req, "setattr", ino, NULL, result);
	else
		reply_attributes(req, fs, &out);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	struct statvfs out = { .f_bsize = STATFS_BLOCK, .f_frsize = STATFS_BLOCK };
	struct cache_space space;

	(void)ino;
	cache_space_get(fs->cache, &space);
	out.f_bfree = space.free_bytes / STATFS_BLOCK;
	out.f_blocks = out.f_bfree + (space.used_bytes + STATFS_BLOCK - 1) / STATFS_BLOCK;
	out.f_bavail = out.f_bfree;
	out.f_files = space.files + STATFS_FREE_FILES;
	out.f_ffree = STATFS_FREE_FILES;
	out.f_favail = STATFS_FREE_FILES;
	out.f_namemax = NAME_BYTES_MAX;
	fuse_reply_statfs(req, &out);
}
