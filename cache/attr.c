/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/attr.h"

#include <string.h>

#include "backend/base/error.h"
#include "cache/acl_rows.h"
#include "cache/cache_int.h"
#include "cache/io.h"
#include "cache/ns_int.h"

#define DIRECTORY_SIZE 4096

void attr_from_rows(uint64_t ino, const struct inode_row *inode, const struct content_row *content,
		    struct attributes *out)
{
	memset(out, 0, sizeof(*out));
	out->ino = ino;
	out->mode = inode->mode;
	out->nlink = inode->nlink;
	out->uid = inode->uid;
	out->gid = inode->gid;
	out->rdev = inode->rdev;
	out->generation = inode->generation;
	out->atime = inode->atime;
	out->mtime = inode->mtime;
	out->ctime = inode->ctime;
	out->btime = inode->btime;
	if (S_ISDIR(inode->mode)) {
		out->size = DIRECTORY_SIZE;
		out->blocks = DIRECTORY_SIZE / ATTR_BLOCK_SIZE;
	} else if (S_ISLNK(inode->mode)) {
		out->size = inode->target_length;
	} else if (content) {
		out->size = content->size;
		out->mtime = content->mtime;
		out->blocks = (content->mapped + ATTR_BLOCK_SIZE - 1) / ATTR_BLOCK_SIZE;
	}
}

int attr_get(struct cache *cache, uint64_t ino, struct attributes *out)
{
	struct node *node = inode_lock_shared(cache, ino);
	struct inode inode = { 0 };
	int result;

	result = inode_load(cache, ino, &inode);
	if (!result)
		result = inode_attributes(cache, &inode, out);
	inode_unlock_shared(cache, node);
	inode_release(&inode);
	return result;
}

/* attr_set() under way. */
struct attr_change {
	struct change change;
	struct inode inode;
	struct content_row content;
	bool has_content; /* there is or will be a CONTENT row */
	bool content_changed;
	uint32_t old_generation; /* of the extents, before the change */
};

static int load(struct attr_change *set, uint64_t ino)
{
	int result = inode_load(set->change.cache, ino, &set->inode);

	if (result)
		return result;
	result = inode_load_content(set->change.cache, ino, &set->content);
	if (result && result != -ENOENT)
		return result;
	set->has_content = !result;
	if (!set->has_content) {
		memset(&set->content, 0, sizeof(set->content));
		set->content.mtime = set->inode.row.mtime;
	}
	set->old_generation = set->content.generation;
	return 0;
}

/*
 * With a CONTENT row in it the batch is a content record, so that after a
 * power cut it stands or falls with the bytes that the row counts on.
 */
static void change_content(struct attr_change *set)
{
	set->has_content = true;
	set->content_changed = true;
	set->change.batch.kind = BATCH_CONTENT;
	set->change.batch.ino = set->inode.ino;
}

static int set_size(struct attr_change *set, uint64_t size)
{
	mode_t mode = set->inode.row.mode;

	if (!S_ISREG(mode))
		return S_ISDIR(mode) ? -EISDIR : -EINVAL;
	if (size > INT64_MAX)
		return -EFBIG;
	if (!size && !set->has_content)
		return 0;
	change_content(set);
	return io_truncate_locked(set->change.cache, set->change.nodes[0], &set->content, size,
				  &set->change.batch);
}

static void set_mtime(struct attr_change *set, const struct timespec *mtime)
{
	if (set->has_content) {
		change_content(set);
		set->content.mtime = *mtime;
	} else {
		set->inode.row.mtime = *mtime;
	}
}

static int apply(struct attr_change *set, unsigned int mask, const struct attributes *in)
{
	struct inode_row *row = &set->inode.row;
	int result = 0;

	if (mask & ATTR_SIZE)
		result = set_size(set, in->size);
	if (result)
		return result;
	if (mask & ATTR_MODE)
		row->mode = (row->mode & S_IFMT) | (in->mode & ~(uint32_t)S_IFMT);
	if (mask & ATTR_UID)
		row->uid = in->uid;
	if (mask & ATTR_GID)
		row->gid = in->gid;
	if (mask & ATTR_ATIME)
		row->atime = in->atime;
	if (mask & ATTR_MTIME)
		set_mtime(set, &in->mtime);
	else if (mask & ATTR_SIZE)
		set_mtime(set, &set->change.now);
	row->ctime = mask & ATTR_CTIME ? in->ctime : set->change.now;
	return 0;
}

static int fill_batch(struct attr_change *set, unsigned int mask)
{
	struct batch *batch = &set->change.batch;

	if (set->content_changed)
		batch_put_content(batch, set->inode.ino, &set->content, 0);
	if (set->content.generation != set->old_generation)
		inode_mark_orphan(batch, set->inode.ino);
	batch_put_inode(batch, set->inode.ino, &set->inode.row);
	return mask & ATTR_MODE ? acl_follow_mode(set->change.cache, &set->inode, batch) : 0;
}

int attr_set(struct cache *cache, uint64_t ino, unsigned int mask, const struct attributes *in,
	     struct attributes *out)
{
	struct attr_change set = { 0 };
	bool reap = false;
	int result;

	result = change_begin(&set.change, cache);
	if (result)
		goto out;
	change_lock(&set.change, &ino, 1);
	result = load(&set, ino);
	if (result)
		goto out;
	if (mask)
		result = apply(&set, mask, in);
	if (result)
		goto out;
	if (out)
		attr_from_rows(ino, &set.inode.row, set.has_content ? &set.content : NULL, out);
	if (!mask)
		goto out;
	result = fill_batch(&set, mask);
	if (result)
		goto out;
	reap = set.content.generation != set.old_generation;
	result = change_commit(&set.change);
out:
	change_end(&set.change);
	inode_release(&set.inode);
	if (reap && !result)
		ns_reap_old_extents(cache, ino);
	return result;
}
