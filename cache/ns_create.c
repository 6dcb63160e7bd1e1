/* SPDX-License-Identifier: Apache-2.0 */
/* The birth of inodes, and further names for them. */
#include <dirent.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/acl_rows.h"
#include "cache/cache_int.h"
#include "cache/ns_int.h"

static int check_make(const struct ns_make *make)
{
	size_t length;

	switch (make->mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFLNK:
		length = strlen(make->target);
		if (!length)
			return -ENOENT;
		return length > SYMLINK_BYTES_MAX ? -ENAMETOOLONG : 0;
	default:
		return -EINVAL;
	}
}

/* The new inode, with one name (a directory: and its "."). Its row is for the
 * caller to put, its ACLs are in the batch. */
static int make_inode(struct change *change, const struct inode *parent, const struct ns_make *make,
		      struct inode *out)
{
	struct inode_row *row = &out->row;

	out->ino = index_new_ino(change->cache->index);
	row->mode = make->mode;
	row->uid = make->uid;
	row->gid = make->gid;
	row->nlink = S_ISDIR(make->mode) ? 2 : 1;
	row->generation = cache_epoch(change->cache);
	row->atime = row->mtime = row->ctime = row->btime = change->now;
	if (parent->row.mode & S_ISGID) {
		row->gid = parent->row.gid;
		if (S_ISDIR(make->mode))
			row->mode |= S_ISGID;
	}
	if (S_ISCHR(make->mode) || S_ISBLK(make->mode))
		row->rdev = make->rdev;
	if (S_ISDIR(make->mode) || S_ISREG(make->mode))
		row->parent = parent->ino;
	if (S_ISLNK(make->mode)) {
		row->target = (const uint8_t *)make->target;
		row->target_length = (uint16_t)strlen(make->target);
	}
	return acl_inherit(change, parent->ino, make->umask, out);
}

/* 0 and the place for a new entry, -EEXIST, -EMLINK, -ENOSPC. */
static int find_room(struct change *change, const struct inode *parent, const char *name,
		     uint32_t mode, struct dirent_place *out)
{
	int result = dirent_find(change->cache, parent->ino, name, out);

	if (!result)
		return -EEXIST;
	if (result != -ENOENT)
		return result;
	if (S_ISDIR(mode) && parent->row.nlink >= NS_LINKS_MAX)
		return -EMLINK;
	if (!out->cookie)
		return err_set(-ENOSPC, "directory %llu: too many names have the hash of \"%s\"",
			       (unsigned long long)parent->ino, name);
	return 0;
}

/* The entry for an inode whose row is in the batch already, and its parent. */
static void add_entry(struct change *change, struct inode *parent, const char *name,
		      const struct dirent_place *place, const struct inode *inode)
{
	dirent_put(&change->batch, parent->ino, place->cookie, name, inode->ino,
		   (uint8_t)IFTODT(inode->row.mode));
	ns_entry_added(parent, inode->row.mode, &change->now);
	batch_put_inode(&change->batch, parent->ino, &parent->row);
}

int ns_create(struct cache *cache, uint64_t parent_ino, const char *name,
	      const struct ns_make *make, struct attributes *out)
{
	struct inode parent = { 0 };
	struct inode child = { 0 };
	struct dirent_place place;
	struct change change;
	int result;

	result = change_begin(&change, cache);
	if (!result)
		result = ns_check_entry_name(name, -EEXIST);
	if (!result)
		result = check_make(make);
	if (result)
		goto out;
	change_lock(&change, &parent_ino, 1);
	result = inode_load_directory(cache, parent_ino, &parent);
	if (!result)
		result = find_room(&change, &parent, name, make->mode, &place);
	if (!result)
		result = make_inode(&change, &parent, make, &child);
	if (result)
		goto out;
	batch_put_inode(&change.batch, child.ino, &child.row);
	add_entry(&change, &parent, name, &place, &child);
	attr_from_rows(child.ino, &child.row, NULL, out);
	result = change_commit(&change);
out:
	change_end(&change);
	inode_release(&parent);
	return result;
}

int ns_create_unnamed(struct cache *cache, uint64_t parent_ino, const struct ns_make *make,
		      struct attributes *out)
{
	struct inode parent = { 0 };
	struct inode child = { 0 };
	struct change change;
	int result;

	result = change_begin(&change, cache);
	if (!result && !S_ISREG(make->mode))
		result = -EINVAL;
	if (result)
		goto out;
	change_lock(&change, &parent_ino, 1);
	result = inode_load_directory(cache, parent_ino, &parent);
	if (!result)
		result = make_inode(&change, &parent, make, &child);
	if (result)
		goto out;
	child.row.nlink = 0;
	batch_put_inode(&change.batch, child.ino, &child.row);
	inode_mark_orphan(&change.batch, child.ino);
	attr_from_rows(child.ino, &child.row, NULL, out);
	result = change_commit(&change);
out:
	change_end(&change);
	inode_release(&parent);
	return result;
}

/* One more link of an inode that is neither a directory nor reaped. */
static int add_link(struct change *change, struct inode *inode, uint64_t parent)
{
	if (S_ISDIR(inode->row.mode))
		return -EPERM;
	if (inode->row.nlink >= NS_LINKS_MAX)
		return -EMLINK;
	if (!inode->row.nlink) {
		inode_unmark_orphan(&change->batch, inode->ino);
		inode->row.parent = parent;
	}
	inode->row.nlink++;
	inode->row.ctime = change->now;
	batch_put_inode(&change->batch, inode->ino, &inode->row);
	return 0;
}

int ns_link(struct cache *cache, uint64_t ino, uint64_t parent_ino, const char *name,
	    struct attributes *out)
{
	uint64_t inos[] = { ino, parent_ino };
	struct inode parent = { 0 };
	struct inode inode = { 0 };
	struct dirent_place place;
	struct change change;
	int result;

	result = change_begin(&change, cache);
	if (!result)
		result = ns_check_entry_name(name, -EEXIST);
	if (result)
		goto out;
	change_lock(&change, inos, 2);
	result = inode_load(cache, ino, &inode);
	if (!result)
		result = inode_load_directory(cache, parent_ino, &parent);
	if (!result)
		result = find_room(&change, &parent, name, 0, &place);
	if (!result)
		result = add_link(&change, &inode, parent_ino);
	if (!result)
		result = inode_attributes(cache, &inode, out);
	if (result)
		goto out;
	add_entry(&change, &parent, name, &place, &inode);
	result = change_commit(&change);
out:
	change_end(&change);
	inode_release(&parent);
	inode_release(&inode);
	return result;
}

int ns_make_root(struct cache *cache, uint32_t uid, uint32_t gid)
{
	const uint64_t ino = ROOT_INO;
	struct inode root = { 0 };
	struct change change;
	int result;

	result = change_begin(&change, cache);
	if (result)
		goto out;
	change_lock(&change, &ino, 1);
	result = inode_load(cache, ino, &root);
	if (result != -ENOENT)
		goto out;
	root.row.mode = S_IFDIR | 0755;
	root.row.uid = uid;
	root.row.gid = gid;
	root.row.nlink = 2;
	root.row.parent = ROOT_INO;
	root.row.generation = cache_epoch(cache);
	root.row.atime = root.row.mtime = root.row.ctime = root.row.btime = change.now;
	batch_put_inode(&change.batch, ino, &root.row);
	result = change_commit(&change);
out:
	change_end(&change);
	inode_release(&root);
	return result;
}
