/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/acl_rows.h"

#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/acl.h"
#include "cache/cache_int.h"

bool acl_is_name(const char *name)
{
	return !strcmp(name, ACL_ACCESS_NAME) || !strcmp(name, ACL_DEFAULT_NAME);
}

/* 0 and the ACL, -ENOENT. */
static int load(struct cache *cache, uint64_t ino, const char *name, struct buffer *out)
{
	struct row_key key;
	int result;

	key_xattr(&key, ino, name, strlen(name));
	result = index_get(cache->index, &key, out);
	if (!result && !acl_is_valid(out->data, out->length))
		return err_set(-ERR_index_corrupt, "inode %llu: its %s is malformed",
			       (unsigned long long)ino, name);
	return result;
}

static void put(struct batch *batch, uint64_t ino, const char *name, const struct buffer *acl)
{
	struct row_key key;

	key_xattr(&key, ino, name, strlen(name));
	batch_put(batch, &key, acl, ROW_CLOUD);
}

static void drop(struct batch *batch, uint64_t ino, const char *name)
{
	struct row_key key;

	key_xattr(&key, ino, name, strlen(name));
	batch_delete(batch, &key, ROW_CLOUD);
}

int acl_inherit(struct change *change, uint64_t directory, uint32_t umask, struct inode *child)
{
	CLEANUP_BUFFER struct buffer acl = BUFFER_INIT;
	int result;

	if (S_ISLNK(child->row.mode))
		return 0;
	result = load(change->cache, directory, ACL_DEFAULT_NAME, &acl);
	if (result == -ENOENT) {
		child->row.mode &= ~(umask & 0777);
		return 0;
	}
	if (result)
		return result;
	if (S_ISDIR(child->row.mode))
		put(&change->batch, child->ino, ACL_DEFAULT_NAME, &acl);
	child->row.mode = acl_narrow(&acl, child->row.mode);
	if (!acl_is_minimal(&acl))
		put(&change->batch, child->ino, ACL_ACCESS_NAME, &acl);
	return 0;
}

int acl_follow_mode(struct cache *cache, const struct inode *inode, struct batch *batch)
{
	CLEANUP_BUFFER struct buffer acl = BUFFER_INIT;
	int result = load(cache, inode->ino, ACL_ACCESS_NAME, &acl);

	if (result)
		return result == -ENOENT ? 0 : result;
	if (acl_mode(&acl, inode->row.mode) == inode->row.mode)
		return 0;
	acl_set_mode(&acl, inode->row.mode);
	put(batch, inode->ino, ACL_ACCESS_NAME, &acl);
	return 0;
}

int acl_set(struct batch *batch, struct inode *inode, const char *name, const void *bytes,
	    size_t length)
{
	const struct buffer acl = { .data = (uint8_t *)bytes, .length = length };
	bool is_access = !strcmp(name, ACL_ACCESS_NAME);

	if (S_ISLNK(inode->row.mode))
		return -EOPNOTSUPP;
	if (!acl_is_valid(bytes, length))
		return -EINVAL;
	if (!is_access && !S_ISDIR(inode->row.mode))
		return -EACCES;
	if (is_access)
		inode->row.mode = acl_mode(&acl, inode->row.mode);
	if (is_access && acl_is_minimal(&acl))
		drop(batch, inode->ino, name);
	else
		put(batch, inode->ino, name, &acl);
	return 0;
}
