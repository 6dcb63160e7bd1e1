/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge to the kernel: results become replies, codes become errno.
 *
 * An operation that fails for a reason nobody expects (a code of error.h, not
 * a bare -errno) makes one line in the log: operation, inode, name, cause. At
 * most REPLY_LOG_MAX lines a second; the next second tells how many more there
 * were.
 *
 * A reply that cannot be delivered means that the request was aborted or the
 * file system is gone; nothing is left to do but to take back look-ups.
 */
#ifndef DRAY_FS_REPLY_H
#define DRAY_FS_REPLY_H

#include "fs/fs.h"

#define REPLY_LOG_MAX 20

/* code is 0 or negative. name may be NULL. On a follower, what is gone by now is
 * ESTALE. */
void reply_result(fuse_req_t req, const char *operation, uint64_t ino, const char *name, int code);

/* An inode that the kernel looks up or made. */
void reply_entry(fuse_req_t req, struct fs *fs, const struct attributes *attributes);
/* As reply_entry(), and the file is open: fi->fh is its handle. Gives the
 * handle back when the kernel does not take it. */
void reply_created(fuse_req_t req, struct fs *fs, const struct attributes *attributes,
		   const struct fuse_file_info *fi);
/* There is no such name, and the kernel may remember it. */
void reply_no_entry(fuse_req_t req, struct fs *fs);
void reply_attributes(fuse_req_t req, struct fs *fs, const struct attributes *attributes);
/* The value, or its length when the caller asked with size 0; -ERANGE when it
 * is longer than size. */
void reply_xattr(fuse_req_t req, const struct buffer *value, size_t size);

/* As fstat(2) shows them, with the options uid, gid and umask applied. */
void reply_stat(const struct fs *fs, const struct attributes *attributes, struct stat *out);
void reply_entry_param(const struct fs *fs, const struct attributes *attributes,
		       struct fuse_entry_param *out);

/* Memory of this thread for one reply, at least size bytes; overwritten by the
 * next call. */
void *reply_scratch(size_t size);

#endif
