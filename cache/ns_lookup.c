/* SPDX-License-Identifier: Apache-2.0 */
/* Finding inodes by name, and what the other modules of names share. */
#include <string.h>

#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/neighbours.h"
#include "cache/ns_int.h"

bool ns_is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

int ns_check_name(const char *name)
{
	size_t length = strlen(name);

	if (!length)
		return -ENOENT;
	if (length > NAME_BYTES_MAX)
		return -ENAMETOOLONG;
	return memchr(name, '/', length) ? -EINVAL : 0;
}

int ns_check_entry_name(const char *name, int dots)
{
	return ns_is_dots(name) ? dots : ns_check_name(name);
}

static void stamp(struct inode *inode, const struct timespec *now)
{
	inode->row.mtime = *now;
	inode->row.ctime = *now;
}

void ns_entry_added(struct inode *directory, uint32_t mode, const struct timespec *now)
{
	directory->row.children++;
	if (S_ISDIR(mode))
		directory->row.nlink++;
	stamp(directory, now);
}

void ns_entry_removed(struct inode *directory, uint32_t mode, const struct timespec *now)
{
	directory->row.children--;
	if (S_ISDIR(mode))
		directory->row.nlink--;
	stamp(directory, now);
}

void ns_name_lost(struct batch *batch, struct inode *inode, const struct timespec *now)
{
	if (S_ISDIR(inode->row.mode))
		inode->row.nlink = 0;
	else
		inode->row.nlink--;
	inode->row.ctime = *now;
	batch_put_inode(batch, inode->ino, &inode->row);
	if (!inode->row.nlink)
		inode_mark_orphan(batch, inode->ino);
}

/* Where the ".." of a directory leads: 0, -ENOENT, -ENOTDIR. */
static int load_parent(struct cache *cache, uint64_t ino, uint64_t *parent_out)
{
	struct inode directory = { 0 };
	int result = inode_load(cache, ino, &directory);

	if (!result && !S_ISDIR(directory.row.mode))
		result = -ENOTDIR;
	*parent_out = directory.row.parent;
	inode_release(&directory);
	return result;
}

/* The inode that a name leads to. Only a miss has to ask what the parent is. */
static int find_locked(struct cache *cache, uint64_t parent, const char *name, uint64_t *ino_out)
{
	struct dirent_place place;
	uint64_t up;
	int result;

	if (ns_is_dots(name)) {
		result = load_parent(cache, parent, &up);
		*ino_out = name[1] ? up : parent;
		return result;
	}
	result = dirent_find(cache, parent, name, &place);
	*ino_out = place.ino;
	if (!result)
		neighbours_named(cache, parent, place.cookie, place.ino);
	if (result == -ENOENT && load_parent(cache, parent, &up) == -ENOTDIR)
		return -ENOTDIR;
	return result;
}

static int find(struct cache *cache, uint64_t parent, const char *name, uint64_t *ino_out)
{
	struct node *node = inode_lock_shared(cache, parent);
	int result = find_locked(cache, parent, name, ino_out);

	inode_unlock_shared(cache, node);
	return result;
}

int ns_lookup(struct cache *cache, uint64_t parent, const char *name, struct attributes *out)
{
	uint64_t missing = 0;
	uint64_t ino;
	int result;

	result = ns_check_name(name);
	if (result)
		return result;
	for (;;) {
		result = find(cache, parent, name, &ino);
		if (result)
			return result;
		result = attr_get(cache, ino, out);
		/* ".." of a removed directory may dangle. */
		if (result != -ENOENT || ns_is_dots(name))
			return result;
		/* Removed and reaped between the two steps: by now the name is
		 * gone or leads elsewhere. */
		if (ino == missing)
			return err_set(
				-ERR_index_corrupt,
				"directory %llu: \"%s\" leads to inode %llu, which is missing",
				(unsigned long long)parent, name, (unsigned long long)ino);
		missing = ino;
	}
}

int ns_resolve(struct cache *cache, const char *path, struct attributes *out)
{
	char name[NAME_BYTES_MAX + 1];
	size_t length;
	int result;

	result = attr_get(cache, ROOT_INO, out);
	while (!result) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (!length)
			break;
		if (length > NAME_BYTES_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, length);
		name[length] = '\0';
		path += length;
		result = ns_lookup(cache, out->ino, name, out);
	}
	return result;
}

int ns_readlink(struct cache *cache, uint64_t ino, struct buffer *out)
{
	struct inode inode = { 0 };
	int result;

	/* One row, never changed: no lock. */
	result = inode_load(cache, ino, &inode);
	if (!result && !S_ISLNK(inode.row.mode))
		result = -EINVAL;
	if (!result)
		buffer_append(out, inode.row.target, inode.row.target_length);
	inode_release(&inode);
	return result;
}
