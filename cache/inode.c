/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/inode.h"

#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"

int inode_load(struct cache *cache, uint64_t ino, struct inode *out)
{
	struct row_key key;
	int result;

	out->ino = ino;
	buffer_clear(&out->bytes);
	key_inode(&key, ino);
	result = index_get(cache->index, &key, &out->bytes);
	if (result)
		return result;
	return row_get_inode(out->bytes.data, out->bytes.length, &out->row);
}

int inode_load_directory(struct cache *cache, uint64_t ino, struct inode *out)
{
	int result = inode_load(cache, ino, out);

	if (result)
		return result;
	if (!S_ISDIR(out->row.mode))
		return -ENOTDIR;
	return out->row.nlink ? 0 : -ENOENT;
}

void inode_release(struct inode *inode)
{
	buffer_release(&inode->bytes);
	memset(inode, 0, sizeof(*inode));
}

int inode_load_content(struct cache *cache, uint64_t ino, struct content_row *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_key key;
	int result;

	key_content(&key, ino);
	result = index_get(cache->index, &key, &bytes);
	if (result)
		return result;
	return row_get_content(bytes.data, bytes.length, out);
}

int inode_attributes(struct cache *cache, const struct inode *inode, struct attributes *out)
{
	struct content_row content;
	int result = -ENOENT;

	if (S_ISREG(inode->row.mode))
		result = inode_load_content(cache, inode->ino, &content);
	if (result && result != -ENOENT)
		return result;
	attr_from_rows(inode->ino, &inode->row, result ? NULL : &content, out);
	return 0;
}

int inode_load_dirty(struct cache *cache, const struct row_key *key, struct dirty_row *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_key dirty;
	int result;

	key_dirty(&dirty, key->bytes, key->length);
	result = index_get(cache->index, &dirty, &bytes);
	if (result)
		return result;
	return row_get_dirty(bytes.data, bytes.length, out);
}

void inode_mark_orphan(struct batch *batch, uint64_t ino)
{
	struct buffer empty = BUFFER_INIT;
	struct row_key key;

	key_orphan(&key, ino);
	batch_put(batch, &key, &empty, ROW_LOCAL);
}

void inode_unmark_orphan(struct batch *batch, uint64_t ino)
{
	struct row_key key;

	key_orphan(&key, ino);
	batch_delete(batch, &key, ROW_LOCAL);
}

struct node *inode_lock_shared(struct cache *cache, uint64_t ino)
{
	struct node *node;

	if (cache->conf.follow)
		rwlock_acquire_read(&cache->shown);
	node = node_get(cache->nodes, ino);
	rwlock_acquire_read(&node->lock);
	return node;
}

void inode_unlock_shared(struct cache *cache, struct node *node)
{
	rwlock_release(&node->lock);
	node_put(cache->nodes, node);
	if (cache->conf.follow)
		rwlock_release(&cache->shown);
}
