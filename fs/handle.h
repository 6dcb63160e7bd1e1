/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open file: what lies behind fuse_file_info.fh. The kernel sends RELEASE
 * when no request of the handle is under way any more, so a request may use
 * its handle without a reference.
 *
 * Directories have none: a position in a listing is a cookie that stays valid
 * by itself (ns.h).
 */
#ifndef DRAY_FS_HANDLE_H
#define DRAY_FS_HANDLE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/io.h"
#include "fs/inode_table.h"

struct handle {
	uint64_t ino;
	bool writable;
	bool uncached;		    /* for a program that is not to fill the cache (nocache.h) */
	struct readahead readahead; /* guarded by io_read() */
};

/* flags are those of open(2). A writable one counts as a writer of the inode,
 * which the kernel knows. */
struct handle *handle_new(struct inode_table *inodes, uint64_t ino, int flags);
void handle_free(struct inode_table *inodes, struct handle *handle);

static inline struct handle *handle_of(uint64_t fh)
{
	return (struct handle *)(uintptr_t)fh;
}

#endif
