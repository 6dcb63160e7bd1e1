/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of one inode, read from the index.
 *
 * Locks: what is read under the inode's NODE lock is exact and stays so while
 * it is held; without the lock it is some recent state of each row.
 */
#ifndef DRAY_CACHE_INODE_H
#define DRAY_CACHE_INODE_H

#include <sys/stat.h>

#include "cache/attr.h"
#include "cache/batch.h"

struct cache;
struct node;

/* An inode's row. A zeroed struct is an empty one; inode_release() ends it. */
struct inode {
	uint64_t ino;
	struct inode_row row;
	struct buffer bytes; /* what row.target points into */
};

/* 0, -ENOENT. */
int inode_load(struct cache *cache, uint64_t ino, struct inode *out);
/* As inode_load(), for a directory to work in: -ENOTDIR, and -ENOENT also when
 * it was removed. */
int inode_load_directory(struct cache *cache, uint64_t ino, struct inode *out);
void inode_release(struct inode *inode);

/* 0, -ENOENT: an empty file (attr.h), or not a regular one. */
int inode_load_content(struct cache *cache, uint64_t ino, struct content_row *out);
/* The attributes of a loaded inode; reads its content. */
int inode_attributes(struct cache *cache, const struct inode *inode, struct attributes *out);
/* 0 and the row, -ENOENT: the cloud has the row of this key as it is here. */
int inode_load_dirty(struct cache *cache, const struct row_key *key, struct dirty_row *out);

/* The ORPHAN row: something of the inode is to be reaped (ns.h). */
void inode_mark_orphan(struct batch *batch, uint64_t ino);
void inode_unmark_orphan(struct batch *batch, uint64_t ino);

/* References the node and locks it shared. */
struct node *inode_lock_shared(struct cache *cache, uint64_t ino);
void inode_unlock_shared(struct cache *cache, struct node *node);

#endif
