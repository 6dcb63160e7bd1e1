/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/fs.h"

#include <sys/stat.h>

#include "backend/base/clock.h"

/* Renames and seeks for holes of a file that is open for writing are rare. */
#define LAUNDER_THREADS 4

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_SECOND;
}

void fs_init(struct fs *fs, struct cache *cache, const struct mount_conf *conf)
{
	*fs = (struct fs){
		.cache = cache,
		.conf = conf,
		.inodes = inode_table_new(),
		.readers = worker_pool_start((unsigned int)conf->read_threads),
		.launderers = worker_pool_start(LAUNDER_THREADS),
		.attr_timeout = seconds(conf->attr_timeout_ns),
		.entry_timeout = seconds(conf->entry_timeout_ns),
		.negative_timeout = seconds(conf->negative_timeout_ns),
	};
}

void fs_stop(struct fs *fs)
{
	worker_pool_stop(fs->launderers);
	worker_pool_stop(fs->readers);
}

void fs_release(struct fs *fs)
{
	inode_table_free(fs->inodes);
}

void fs_launder(struct fs *fs, uint64_t ino)
{
	/* Fails when the kernel dropped the inode meanwhile, or is gone: no
	 * dirty pages are left then. */
	fuse_lowlevel_notify_inval_inode(fs->session, ino, 0, 0);
}

static void launder_one(uint64_t ino, void *arg)
{
	fs_launder(arg, ino);
}

void fs_launder_all(struct fs *fs)
{
	inode_table_each_written(fs->inodes, launder_one, fs);
}

uint32_t fs_privileges(uint32_t mode)
{
	uint32_t bits = 0;

	if (!S_ISREG(mode))
		return 0;
	bits |= mode & S_ISUID;
	/* Set-group-ID without execution by the group means mandatory locking. */
	if (mode & S_IXGRP)
		bits |= mode & S_ISGID;
	return bits;
}

int fs_drop_privileges(struct fs *fs, uint64_t ino)
{
	struct attributes attributes;
	int result = attr_get(fs->cache, ino, &attributes);

	if (result || !fs_privileges(attributes.mode))
		return result;
	attributes.mode &= ~fs_privileges(attributes.mode);
	result = attr_set(fs->cache, ino, ATTR_MODE, &attributes, NULL);
	/* The attributes only; it takes no lock that a request holds. */
	fuse_lowlevel_notify_inval_inode(fs->session, ino, -1, 0);
	return result;
}
