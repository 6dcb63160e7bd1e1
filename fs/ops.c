/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ops.h"

#include "fs/fs.h"

#define MAX_WRITE      (1 << 20)
#define MAX_BACKGROUND 512

/* What is asked of the kernel, each if it knows it; nothing else is on. */
static const unsigned int capabilities[] = {
	FUSE_CAP_ASYNC_READ,	   /* several reads of a file at once */
	FUSE_CAP_PARALLEL_DIROPS,  /* look-ups and listings of one directory */
	FUSE_CAP_READDIRPLUS,	   /* attributes with a listing, */
	FUSE_CAP_READDIRPLUS_AUTO, /* when the application seems to want them */
	FUSE_CAP_EXPORT_SUPPORT,   /* "." and ".." can be looked up: NFS, handles */
	FUSE_CAP_CACHE_SYMLINKS,   /* their targets never change */
				   /*
	 * Not here: ATOMIC_O_TRUNC, because the kernel sends no times with it;
	 * its SETATTR has them. What depends on who writes: cache_capability().
	 * ASYNC_DIO: what somebody reads into the page cache during an O_DIRECT
	 * write by AIO would stay there, old. SPLICE_*: bytes are checked on
	 * their way. *_LOCKS: the kernel's own do for one mount. POSIX_ACL: see
	 * wants_acls().
	 */
};

/*
 * Small writes gather in the page cache. When others write, the kernel must not
 * take its own sizes and times for the right ones, as it does in that mode; it
 * drops a file's pages when it learns of new ones.
 */
static unsigned int cache_capability(const struct mount_conf *conf)
{
	return conf->follow ? FUSE_CAP_AUTO_INVAL_DATA : FUSE_CAP_WRITEBACK_CACHE;
}

/*
 * With ACLs the kernel checks permissions by them, and leaves the umask to us,
 * because a default ACL takes its place. What the mount shows with other owners
 * or modes than it keeps cannot be held against ACLs.
 */
static bool wants_acls(const struct mount_conf *conf, const struct fuse_conn_info *conn)
{
	const unsigned int both = FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK;

	return (conn->capable & both) == both && conf->default_permissions && conf->uid < 0 &&
	       conf->gid < 0 && conf->umask < 0;
}

void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;
	size_t i;

	conn->want = 0;
	for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		conn->want |= conn->capable & capabilities[i];
	conn->want |= conn->capable & cache_capability(fs->conf);
	fs->has_acls = wants_acls(fs->conf, conn);
	if (fs->has_acls)
		conn->want |= FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK;
	fs->opendir_is_needless = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
	conn->max_write = MAX_WRITE;
	/* Delayed writes wait here, and must not keep reads from coming. */
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND;
	conn->time_gran = 1;
}

const struct fuse_lowlevel_ops fs_operations = {
	.init = op_init,

	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.readlink = op_readlink,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,

	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.fsyncdir = op_fsyncdir,

	.create = op_create,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
#ifdef FS_HAS_TMPFILE
	.tmpfile = op_tmpfile,
#endif

	.getattr = op_getattr,
	.setattr = op_setattr,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
};
