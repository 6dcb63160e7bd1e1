/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/acl.h"
#include "cache/attr.h"
#include "fs/control_proto.h"
#include "fs/fs.h"
#include "fs/ops.h"
#include "fs/privileges.h"
#include "fs/reply.h"

#define TRUSTED_PREFIX "trusted."

/* An ACL that the kernel would not honour: neither shown nor stored. */
static bool is_vain_acl(const struct fs *fs, const char *name)
{
	return !fs->has_acls && (!strcmp(name, ACL_ACCESS_NAME) || !strcmp(name, ACL_DEFAULT_NAME));
}

/* The set-group-ID bit goes when someone who is not of the file's group sets
 * its ACL, as with chmod(2). */
static unsigned int acl_flags(fuse_req_t req, uint64_t ino, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct attributes attributes;

	if (strcmp(name, ACL_ACCESS_NAME) || attr_get(fs->cache, ino, &attributes))
		return 0;
	if (!(attributes.mode & S_ISGID) || privileges_in_group(req, attributes.gid))
		return 0;
	return XATTR_DROP_SETGID;
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	struct fs *fs = fuse_req_userdata(req);
	unsigned int set_flags = acl_flags(req, ino, name);
	int result;

	if (flags & XATTR_CREATE)
		set_flags |= XATTR_MUST_CREATE;
	if (flags & XATTR_REPLACE)
		set_flags |= XATTR_MUST_REPLACE;
	if (is_vain_acl(fs, name))
		result = -EOPNOTSUPP;
	else
		result = xattr_set(fs->cache, ino, name, value, size, set_flags);
	reply_result(req, "setxattr", ino, NULL, result);
}

/* How a tool finds the cache directory of a mount, and its control socket. */
static bool is_control(uint64_t ino, const char *name)
{
	return ino == ROOT_INO && !strcmp(name, CONTROL_XATTR);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = fuse_req_userdata(req);
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	int result = 0;

	if (is_vain_acl(fs, name))
		result = -EOPNOTSUPP;
	else if (is_control(ino, name))
		buffer_put_text(&value, fs->conf->cache);
	else
		result = xattr_get(fs->cache, ino, name, &value);
	if (result)
		reply_result(req, "getxattr", ino, NULL, result);
	else
		reply_xattr(req, &value, size);
}

/* trusted.* is for whoever has CAP_SYS_ADMIN: the kernel checks it when they are
 * read or set, not when they are listed. */
static void hide_trusted(struct buffer *names)
{
	size_t kept = 0;
	size_t at = 0;

	while (at < names->length) {
		const char *name = (const char *)names->data + at;
		size_t length = strlen(name) + 1;

		at += length;
		if (!strncmp(name, TRUSTED_PREFIX, strlen(TRUSTED_PREFIX)))
			continue;
		memmove(names->data + kept, name, length);
		kept += length;
	}
	names->length = kept;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs *fs = fuse_req_userdata(req);
	CLEANUP_BUFFER struct buffer names = BUFFER_INIT;
	int result = xattr_list(fs->cache, ino, &names);

	if (result) {
		reply_result(req, "listxattr", ino, NULL, result);
		return;
	}
	if (fuse_req_ctx(req)->uid)
		hide_trusted(&names);
	reply_xattr(req, &names, size);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);

	reply_result(req, "removexattr", ino, NULL, xattr_remove(fs->cache, ino, name));
}
