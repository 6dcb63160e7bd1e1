/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes and extended attributes of one inode.
 *
 * A regular file without a CONTENT row is empty and has the mtime of its
 * INODE row (creating a file makes no CONTENT row). From the first write or
 * growth on it has one, which tells its size and mtime; the row stays as long
 * as the inode.
 *
 * Under the kernel's write-back cache, size and mtime of a regular file
 * belong to the kernel: they come by attr_set() (before the flush that
 * close() waits for) and are never stamped by a write here.
 *
 * Locks: NODE of the inode, shared to read, exclusive to change.
 */
#ifndef DRAY_CACHE_ATTR_H
#define DRAY_CACHE_ATTR_H

#include <sys/types.h>

#include "backend/base/buffer.h"
#include "cache/cache.h"
#include "cache/row_format.h"

/* What attributes.blocks counts. */
#define ATTR_BLOCK_SIZE 512

struct attributes {
	uint64_t ino;
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev;
	uint32_t generation;
	uint64_t size;
	uint64_t blocks;
	struct timespec atime;
	struct timespec mtime;
	struct timespec ctime;
	struct timespec btime;
};

enum attr_set_mask {
	ATTR_MODE = 1,
	ATTR_UID = 2,
	ATTR_GID = 4,
	ATTR_SIZE = 8,
	ATTR_ATIME = 16,
	ATTR_MTIME = 32,
	ATTR_CTIME = 64, /* absent: now, when anything changes */
};

/* 0, -ENOENT (also for a reaped inode). Directories report size 4096. */
int attr_get(struct cache *cache, uint64_t ino, struct attributes *out);
/* Applies the fields of the mask; `out` (may be NULL) is the result. A size
 * change of a regular file is io_truncate(). -EISDIR, -EINVAL, -EFBIG. */
int attr_set(struct cache *cache, uint64_t ino, unsigned int mask, const struct attributes *in,
	     struct attributes *out);
/* Fills attributes from rows (content may be NULL for what has none). */
void attr_from_rows(uint64_t ino, const struct inode_row *inode, const struct content_row *content,
		    struct attributes *out);

#define XATTR_NAME_MAX_BYTES  255
#define XATTR_VALUE_MAX_BYTES 65536
enum xattr_flags {
	XATTR_MUST_CREATE = 1,
	XATTR_MUST_REPLACE = 2,
	XATTR_DROP_SETGID = 4, /* an access ACL takes the set-group-ID bit with it */
};

/* The value, appended to out. -ENODATA. user.dray.state, user.dray.dirty_bytes
 * and user.dray.commit are computed (state.h), those of policy.h inherited. */
int xattr_get(struct cache *cache, uint64_t ino, const char *name, struct buffer *out);
/* -EEXIST, -ENODATA by flags; -E2BIG, -ERANGE; user.dray.* is -EPERM, but those of
 * policy.h, for directories (-ENOTDIR), are not (-EINVAL: no such value). Other
 * names than user., trusted., security. and those of POSIX ACLs (acl_rows.h) are
 * -EOPNOTSUPP. */
int xattr_set(struct cache *cache, uint64_t ino, const char *name, const void *value, size_t length,
	      unsigned int flags);
/* -ENODATA; 0 also for an ACL that is not there. */
int xattr_remove(struct cache *cache, uint64_t ino, const char *name);
/* NUL-terminated names, one after another. user.dray.* is not among them. */
int xattr_list(struct cache *cache, uint64_t ino, struct buffer *out);

#endif
