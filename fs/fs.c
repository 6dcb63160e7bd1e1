/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/fs.h"

#include "backend/base/clock.h"
#include "fs/cloud_sync.h"

/* Renames and seeks for holes of a file that is open for writing are rare. */
#define LAUNDER_THREADS 4

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_SECOND;
}

/* What the kernel may keep of a volume that others change: invalidate.h tells why. */
static double kept_seconds(const struct mount_conf *conf, int64_t ns)
{
	if (conf->follow && ns > 2 * conf->follow_interval_ns)
		ns = 2 * conf->follow_interval_ns;
	return seconds(ns);
}

void fs_init(struct fs *fs, struct cache *cache, const struct mount_conf *conf)
{
	*fs = (struct fs){
		.cache = cache,
		.conf = conf,
		.inodes = inode_table_new(),
		.readers = worker_pool_start((unsigned int)conf->read_threads),
		.launderers = worker_pool_start(LAUNDER_THREADS),
		.attr_timeout = kept_seconds(conf, conf->attr_timeout_ns),
		.entry_timeout = kept_seconds(conf, conf->entry_timeout_ns),
		.negative_timeout = kept_seconds(conf, conf->negative_timeout_ns),
	};
	if (!conf->follow)
		fs->cloud_sync = cloud_sync_start(fs);
	invalidate_init(&fs->invalidate);
}

void fs_stop(struct fs *fs)
{
	cloud_sync_stop(fs->cloud_sync);
	worker_pool_stop(fs->launderers);
	worker_pool_stop(fs->readers);
}

void fs_release(struct fs *fs)
{
	nocache_free(fs->nocache);
	invalidate_release(&fs->invalidate);
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
