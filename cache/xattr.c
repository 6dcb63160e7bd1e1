/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes. Those of the namespace "system." belong to features of
 * the kernel that have to be honoured here when files are made and changed:
 * POSIX ACLs are (acl_rows.h), others are refused, not stored without effect.
 */
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/acl_rows.h"
#include "cache/cache_int.h"
#include "cache/change.h"
#include "cache/inode.h"
#include "cache/policy.h"
#include "cache/state.h"

#define PREFIX_COMPUTED "user.dray."

static const char *const namespaces[] = { "user.", "trusted.", "security." };

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int check_name(const char *name)
{
	size_t length = strlen(name);
	size_t i;

	if (!length || length > XATTR_NAME_MAX_BYTES)
		return -ERANGE;
	for (i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		if (has_prefix(name, namespaces[i]) && name[strlen(namespaces[i])])
			return 0;
	}
	return acl_is_name(name) ? 0 : -EOPNOTSUPP;
}

/* Names that an application may set or remove. */
static int check_writable_name(const char *name)
{
	if (has_prefix(name, PREFIX_COMPUTED) && !policy_is_name(name))
		return -EPERM;
	return check_name(name);
}

static int get_policy(struct cache *cache, uint64_t ino, const char *name, struct buffer *out)
{
	struct policy policy;
	int result = policy_of_inode(cache, ino, &policy);

	if (!result)
		policy_format(&policy, name, out);
	return result;
}

static int get_computed(struct cache *cache, uint64_t ino, const char *name, struct buffer *out)
{
	const char *what = name + strlen(PREFIX_COMPUTED);
	struct file_state state;
	int result;

	if (strcmp(what, "state") && strcmp(what, "dirty_bytes") && strcmp(what, "commit"))
		return -ENODATA;
	result = state_get(cache, ino, &state);
	if (result)
		return result;
	if (!strcmp(what, "state"))
		buffer_printf(out, "%s", file_place_name(state.place));
	else if (!strcmp(what, "commit"))
		buffer_printf(out, "%llu", (unsigned long long)state.commit);
	else
		buffer_printf(out, "%llu", (unsigned long long)state.dirty_bytes);
	return 0;
}

int xattr_get(struct cache *cache, uint64_t ino, const char *name, struct buffer *out)
{
	struct row_key key;
	int result;

	result = check_name(name);
	if (result)
		return result;
	if (policy_is_name(name))
		return get_policy(cache, ino, name, out);
	if (has_prefix(name, PREFIX_COMPUTED))
		return get_computed(cache, ino, name, out);
	/* One row: no lock. */
	key_xattr(&key, ino, name, strlen(name));
	result = index_get(cache->index, &key, out);
	return result == -ENOENT ? -ENODATA : result;
}

static int check_flags(unsigned int flags, bool exists)
{
	if (flags & XATTR_MUST_CREATE && exists)
		return -EEXIST;
	if (flags & XATTR_MUST_REPLACE && !exists)
		return -ENODATA;
	return 0;
}

/* Locks and loads the inode, and tells if it has this attribute. */
static int begin(struct change *change, const struct row_key *key, struct inode *inode,
		 bool *exists_out)
{
	CLEANUP_BUFFER struct buffer old = BUFFER_INIT;
	uint64_t ino = key_number(key->bytes, key->length);
	int result;

	change_lock(change, &ino, 1);
	result = inode_load(change->cache, ino, inode);
	if (result)
		return result;
	result = index_get(change->cache->index, key, &old);
	*exists_out = !result;
	return result == -ENOENT ? 0 : result;
}

static int commit(struct change *change, struct inode *inode)
{
	inode->row.ctime = change->now;
	batch_put_inode(&change->batch, inode->ino, &inode->row);
	return change_commit(change);
}

/* Puts what is set, of an inode that is loaded. */
static int put(struct change *change, struct inode *inode, const struct row_key *key,
	       const char *name, const struct buffer *value, unsigned int flags)
{
	int result;

	if (policy_is_name(name)) {
		if (!S_ISDIR(inode->row.mode))
			return -ENOTDIR;
		result = policy_check(name, value->data, value->length);
		if (result)
			return result;
	}
	if (!acl_is_name(name)) {
		batch_put(&change->batch, key, value, ROW_CLOUD);
		return 0;
	}
	result = acl_set(&change->batch, inode, name, value->data, value->length);
	if (!result && flags & XATTR_DROP_SETGID)
		inode->row.mode &= ~(uint32_t)S_ISGID;
	return result;
}

int xattr_set(struct cache *cache, uint64_t ino, const char *name, const void *value, size_t length,
	      unsigned int flags)
{
	const struct buffer bytes = { .data = (uint8_t *)value, .length = length };
	struct inode inode = { 0 };
	struct change change;
	struct row_key key;
	bool exists;
	int result;

	result = change_begin(&change, cache);
	if (!result)
		result = check_writable_name(name);
	if (!result && length > XATTR_VALUE_MAX_BYTES)
		result = -E2BIG;
	if (result)
		goto out;
	key_xattr(&key, ino, name, strlen(name));
	result = begin(&change, &key, &inode, &exists);
	if (!result)
		result = check_flags(flags, exists);
	if (!result)
		result = put(&change, &inode, &key, name, &bytes, flags);
	if (!result)
		result = commit(&change, &inode);
	if (!result && policy_is_name(name))
		policies_forget(cache);
out:
	change_end(&change);
	inode_release(&inode);
	return result;
}

int xattr_remove(struct cache *cache, uint64_t ino, const char *name)
{
	struct inode inode = { 0 };
	struct change change;
	struct row_key key;
	bool exists;
	int result;

	result = change_begin(&change, cache);
	if (!result)
		result = check_writable_name(name);
	if (result)
		goto out;
	key_xattr(&key, ino, name, strlen(name));
	result = begin(&change, &key, &inode, &exists);
	if (!result && !exists && !acl_is_name(name))
		result = -ENODATA;
	if (result || !exists)
		goto out;
	batch_delete(&change.batch, &key, ROW_CLOUD);
	result = commit(&change, &inode);
	if (!result && policy_is_name(name))
		policies_forget(cache);
out:
	change_end(&change);
	inode_release(&inode);
	return result;
}

static int list_rows(struct cache *cache, uint64_t ino, struct buffer *out)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_xattr(&start, ino, "", 0);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	index_cursor_bound(cursor, &start, start.length);
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0) {
		const char *name = (const char *)key + start.length;
		size_t length = key_length - start.length;

		/* cp -a and rsync -X would copy what a directory is asked for. */
		if (length > strlen(PREFIX_COMPUTED) &&
		    !memcmp(name, PREFIX_COMPUTED, strlen(PREFIX_COMPUTED)))
			continue;
		buffer_append(out, name, length);
		buffer_put_u8(out, 0);
	}
	index_cursor_close(cursor);
	return result;
}

int xattr_list(struct cache *cache, uint64_t ino, struct buffer *out)
{
	struct node *node = inode_lock_shared(cache, ino);
	struct inode inode = { 0 };
	int result;

	result = inode_load(cache, ino, &inode);
	if (!result)
		result = list_rows(cache, ino, out);
	inode_unlock_shared(cache, node);
	inode_release(&inode);
	return result;
}
