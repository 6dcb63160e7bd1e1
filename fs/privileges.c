/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/privileges.h"

#include <sys/stat.h>

/* More groups than one process has. */
#define GROUPS_MAX 1024

bool privileges_in_group(fuse_req_t req, uint32_t gid)
{
	const struct fuse_ctx *caller = fuse_req_ctx(req);
	gid_t groups[GROUPS_MAX];
	int count;
	int i;

	if (!caller->uid || caller->gid == gid)
		return true;
	/* From /proc; whoever cannot be asked (any more) is not of the group. */
	count = fuse_req_getgroups(req, GROUPS_MAX, groups);
	for (i = 0; i < count && i < GROUPS_MAX; i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

uint32_t privileges_lost(fuse_req_t req, const struct attributes *file)
{
	uint32_t bits;

	if (S_ISDIR(file->mode))
		return 0;
	bits = file->mode & S_ISUID;
	if (!(file->mode & S_ISGID))
		return bits;
	/* Without execution by the group the bit means mandatory locking. */
	if (file->mode & S_IXGRP || !privileges_in_group(req, file->gid))
		bits |= S_ISGID;
	return bits;
}

int privileges_drop(fuse_req_t req, uint64_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	struct attributes attributes;
	uint32_t lost;
	int result = attr_get(fs->cache, ino, &attributes);

	if (result)
		return result;
	lost = privileges_lost(req, &attributes);
	if (!lost)
		return 0;
	attributes.mode &= ~lost;
	result = attr_set(fs->cache, ino, ATTR_MODE, &attributes, NULL);
	/* The attributes only; it takes no lock that a request holds. */
	fuse_lowlevel_notify_inval_inode(fs->session, ino, -1, 0);
	return result;
}

int privileges_drop_unless_root(fuse_req_t req, uint64_t ino)
{
	return fuse_req_ctx(req)->uid ? privileges_drop(req, ino) : 0;
}
