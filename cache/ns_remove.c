/* SPDX-License-Identifier: Apache-2.0 */
/* Removing names. The inode of the last one stays until ns_forget(). */
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/ns_int.h"

/* May this inode lose its name so? */
static int check(const struct inode *inode, bool as_directory)
{
	if (!as_directory)
		return S_ISDIR(inode->row.mode) ? -EISDIR : 0;
	if (!S_ISDIR(inode->row.mode))
		return -ENOTDIR;
	return inode->row.children ? -ENOTEMPTY : 0;
}

/*
 * The name was found without locks; with parent and child locked, either it
 * still leads there and is removed, or -EAGAIN.
 */
static int remove_locked(struct change *change, uint64_t parent_ino, const char *name,
			 uint64_t child_ino, bool as_directory)
{
	struct inode parent = { 0 };
	struct inode child = { 0 };
	struct dirent_place place;
	int result;

	result = inode_load_directory(change->cache, parent_ino, &parent);
	if (!result)
		result = dirent_find(change->cache, parent_ino, name, &place);
	if (!result && place.ino != child_ino)
		result = -EAGAIN;
	if (!result)
		result = inode_load(change->cache, child_ino, &child);
	if (!result)
		result = check(&child, as_directory);
	if (!result)
		result = dirent_remove(change->cache, &change->batch, parent_ino, place.cookie);
	if (result)
		goto out;
	ns_entry_removed(&parent, child.row.mode, &change->now);
	batch_put_inode(&change->batch, parent_ino, &parent.row);
	ns_name_lost(&change->batch, &child, &change->now);
	result = change_commit(change);
out:
	inode_release(&parent);
	inode_release(&child);
	return result;
}

static int remove_entry(struct cache *cache, uint64_t parent, const char *name, bool as_directory)
{
	struct dirent_place place;
	struct change change;
	int result;

	result = change_begin(&change, cache);
	if (!result)
		result = ns_check_entry_name(name, -EINVAL);
	while (!result) {
		/* When there is no such entry, the parent still says why. */
		result = dirent_find(cache, parent, name, &place);
		if (result && result != -ENOENT)
			break;
		change_lock(&change, (uint64_t[]){ parent, place.ino }, 2);
		result = remove_locked(&change, parent, name, place.ino, as_directory);
		if (result != -EAGAIN)
			break;
		change_unlock(&change);
		result = 0;
	}
	change_end(&change);
	return result;
}

int ns_unlink(struct cache *cache, uint64_t parent, const char *name)
{
	return remove_entry(cache, parent, name, false);
}

int ns_rmdir(struct cache *cache, uint64_t parent, const char *name)
{
	return remove_entry(cache, parent, name, true);
}
