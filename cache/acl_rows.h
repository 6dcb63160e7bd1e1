/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The POSIX ACLs of inodes: where they are kept, and what follows from them
 * when files are made and modes change. (Who may do what is then decided by
 * the kernel.)
 *
 * An ACL is the XATTR row of its name. A file has an access ACL only if it
 * says more than the mode; a directory's default ACL is what files made in it
 * begin with.
 *
 * Locks: the NODE of the inode whose batch it is, and of the directory.
 */
#ifndef DRAY_CACHE_ACL_ROWS_H
#define DRAY_CACHE_ACL_ROWS_H

#include "cache/change.h"
#include "cache/inode.h"

/* True for the names of the two kinds of ACLs. */
bool acl_is_name(const char *name);

/* A new inode, whose row is not in the batch yet: gives it the ACLs that the
 * directory's default ACL means for it, or takes the umask from its mode. */
int acl_inherit(struct change *change, uint64_t directory, uint32_t umask, struct inode *child);
/* The mode of the inode was changed: its access ACL follows. */
int acl_follow_mode(struct cache *cache, const struct inode *inode, struct batch *batch);
/* An ACL is set: puts its row, and changes the mode in the inode's (the caller
 * puts that). -EINVAL (malformed), -EACCES (a default ACL of what is not a
 * directory), -EOPNOTSUPP (of a symlink). */
int acl_set(struct batch *batch, struct inode *inode, const char *name, const void *bytes,
	    size_t length);

#endif
