/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mounted volume, as the operations see it (libfuse's userdata).
 *
 * The kernel is trusted to change files only through this mount, and the
 * mount to be the only writer of the volume. So the kernel may keep names,
 * attributes, symlinks, directory listings and data for as long as it likes,
 * and nothing is ever invalidated, with these exceptions:
 *
 *	fs_launder()	a file's dirty pages must come here now
 *	privileges_drop()	the set-user-ID bit went, which the kernel leaves
 *		to us (privileges.h)
 *	followers	others write the volume: the kernel keeps things for a
 *		few intervals at most, and is told what changes (invalidate.h)
 *
 * In the kernel's write-back mode, size and mtime of a regular file belong to
 * the kernel: it sends them by SETATTR before FLUSH, and ignores what we say.
 * The order of its requests for a written file is WRITE..., SETATTR (mtime),
 * FLUSH at each close(2), RELEASE after the last. WRITEs of one file arrive
 * in any order and from several threads; one WRITE that is answered with an
 * error makes the kernel drop the page, and close(2) fail without a FLUSH.
 */
#ifndef DRAY_FS_FS_H
#define DRAY_FS_FS_H

#include "cache/attr.h"
#include "cache/cache.h"
#include "fs/config.h"
#include "fs/fuse_api.h"
#include "fs/inode_table.h"
#include "fs/invalidate.h"
#include "fs/nocache.h"
#include "fs/worker_pool.h"

struct fs {
	/* immutable while serving */
	struct cache *cache;
	const struct mount_conf *conf;
	struct fuse_session *session;
	struct inode_table *inodes;
	struct invalidate invalidate;	/* has its own lock */
	struct worker_pool *readers;	/* reads that wait for the network */
	struct worker_pool *launderers; /* what waits for the kernel's dirty pages */
	struct cloud_sync *cloud_sync;	/* NULL: nothing is written by this mount */
	struct nocache *nocache;	/* programs that are not to fill the cache */
	double attr_timeout;		/* seconds */
	double entry_timeout;
	double negative_timeout;
	bool opendir_is_needless; /* the kernel takes -ENOSYS for an answer */
	bool has_acls;		  /* the kernel asks for POSIX ACLs and honours them */
};

/* Starts the threads; session is set by the caller before it serves. */
void fs_init(struct fs *fs, struct cache *cache, const struct mount_conf *conf);
/* After the session's loop has ended: answers what its threads work on. */
void fs_stop(struct fs *fs);
/* After fs_stop(). */
void fs_release(struct fs *fs);

/* Makes the kernel write a file's dirty pages back, and forget its pages.
 * Blocks until the WRITEs are answered: never call it from an operation. */
void fs_launder(struct fs *fs, uint64_t ino);
/* fs_launder() of every file that is open for writing. */
void fs_launder_all(struct fs *fs);

#endif
