/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving names.
 *
 *	1  find both names, without locks
 *	2  what a file name is taken over by gets durable content (io_fsync())
 *	3  a directory that moves to another directory: the lock `renames`
 *	4  lock both directories and both inodes; find the names again, start
 *	   over when they lead elsewhere
 *	5  check, change the rows, commit
 *
 * Step 2 keeps the promise that a file replaced by rename is there in its old
 * or its new version, never in neither: its bytes are durable before the
 * record of the rename is written, and a content barrier in the cloud. Bytes
 * written to the moving file while it is renamed are not covered.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/cookie.h"
#include "cache/io.h"
#include "cache/ns_int.h"
#include "cache/policy.h"

/* No tree is so deep; the parents of a corrupt index may lead in circles. */
#define DEPTH_MAX (1u << 24)

/* One side: a directory, a name in it, and where the name leads. */
struct side {
	uint64_t directory_ino;
	const char *name;
	struct dirent_place place; /* ino 0: no such name, cookie is free */
	struct inode inode;
};

struct renaming {
	struct change change;
	unsigned int flags;
	struct side from;
	struct side to;
	/* One row for both sides when they are the same directory. */
	struct inode from_directory_row;
	struct inode to_directory_row;
	struct inode *from_directory;
	struct inode *to_directory;
};

static int find_side(struct cache *cache, struct side *side)
{
	int result = dirent_find(cache, side->directory_ino, side->name, &side->place);

	return result == -ENOENT ? 0 : result;
}

static int find_sides(struct renaming *r)
{
	int result = find_side(r->change.cache, &r->from);

	return result ? result : find_side(r->change.cache, &r->to);
}

static bool is_exchange(const struct renaming *r)
{
	return r->flags & RENAME_EXCHANGE;
}

/* A directory's ".." will lead elsewhere. */
static bool moves_directory(const struct renaming *r)
{
	return r->from.directory_ino != r->to.directory_ino &&
	       (r->from.place.type == DT_DIR || (is_exchange(r) && r->to.place.type == DT_DIR));
}

/* Both names lead to where they led before the locks were taken. */
static int find_again(struct renaming *r)
{
	uint64_t from_ino = r->from.place.ino;
	uint64_t to_ino = r->to.place.ino;
	int result = find_sides(r);

	if (result)
		return result;
	return r->from.place.ino == from_ino && r->to.place.ino == to_ino ? 0 : -EAGAIN;
}

static int load_directories(struct renaming *r)
{
	int result;

	r->from_directory = &r->from_directory_row;
	r->to_directory = &r->from_directory_row;
	result = inode_load_directory(r->change.cache, r->from.directory_ino, r->from_directory);
	if (result || r->from.directory_ino == r->to.directory_ino)
		return result;
	r->to_directory = &r->to_directory_row;
	return inode_load_directory(r->change.cache, r->to.directory_ino, r->to_directory);
}

/* Names that are missing or taken; 1: both are the same file, nothing to do. */
static int check_names(const struct renaming *r)
{
	if (!r->from.place.ino)
		return -ENOENT;
	if (!r->to.place.ino && is_exchange(r))
		return -ENOENT;
	if (r->to.place.ino && r->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (!r->to.place.ino && !r->to.place.cookie)
		return err_set(-ENOSPC, "directory %llu: too many names have the hash of \"%s\"",
			       (unsigned long long)r->to.directory_ino, r->to.name);
	return r->from.place.ino == r->to.place.ino;
}

static int load_inodes(struct renaming *r)
{
	int result = inode_load(r->change.cache, r->from.place.ino, &r->from.inode);

	if (result || !r->to.place.ino)
		return result;
	return inode_load(r->change.cache, r->to.place.ino, &r->to.inode);
}

/* -EINVAL when `directory` is `ancestor` or below it. With moves_directory()
 * the lock `renames` keeps the way up as it is. */
static int check_not_below(struct cache *cache, uint64_t directory, uint64_t ancestor)
{
	struct inode inode = { 0 };
	uint64_t ino = directory;
	unsigned int depth;
	int result = 0;

	for (depth = 0; !result && ino != ROOT_INO && depth < DEPTH_MAX; depth++) {
		result = ino == ancestor ? -EINVAL : inode_load(cache, ino, &inode);
		ino = inode.row.parent;
	}
	if (depth == DEPTH_MAX)
		result = err_set(-ERR_index_corrupt,
				 "directory %llu: the way up does not lead to the root",
				 (unsigned long long)directory);
	inode_release(&inode);
	return result;
}

static int check_descent(const struct renaming *r)
{
	int result = 0;

	if (!moves_directory(r))
		return 0;
	if (S_ISDIR(r->from.inode.row.mode))
		result = check_not_below(r->change.cache, r->to.directory_ino, r->from.inode.ino);
	if (!result && is_exchange(r) && S_ISDIR(r->to.inode.row.mode))
		result = check_not_below(r->change.cache, r->from.directory_ino, r->to.inode.ino);
	return result;
}

/* May the one replace the other? */
static int check_replaced(const struct renaming *r)
{
	bool from_is_directory = S_ISDIR(r->from.inode.row.mode);
	const struct inode *to = &r->to.inode;

	if (!to->ino || is_exchange(r))
		return 0;
	if (from_is_directory && !S_ISDIR(to->row.mode))
		return -ENOTDIR;
	if (!from_is_directory && S_ISDIR(to->row.mode))
		return -EISDIR;
	return S_ISDIR(to->row.mode) && to->row.children ? -ENOTEMPTY : 0;
}

/* A directory comes to another one, where it replaces none. */
static int check_links(const struct renaming *r)
{
	bool from_is_directory = S_ISDIR(r->from.inode.row.mode);
	bool to_is_directory = r->to.inode.ino && S_ISDIR(r->to.inode.row.mode);

	if (r->from_directory == r->to_directory || from_is_directory == to_is_directory)
		return 0;
	if (from_is_directory && r->to_directory->row.nlink >= NS_LINKS_MAX)
		return -EMLINK;
	if (to_is_directory && is_exchange(r) && r->from_directory->row.nlink >= NS_LINKS_MAX)
		return -EMLINK;
	return 0;
}

static void put_entry(struct renaming *r, const struct side *side, const struct inode *inode)
{
	dirent_put(&r->change.batch, side->directory_ino, side->place.cookie, side->name,
		   inode->ino, (uint8_t)IFTODT(inode->row.mode));
}

static void put_moved(struct renaming *r, struct inode *inode, uint64_t directory)
{
	inode->row.ctime = r->change.now;
	if (S_ISDIR(inode->row.mode) || S_ISREG(inode->row.mode))
		inode->row.parent = directory;
	batch_put_inode(&r->change.batch, inode->ino, &inode->row);
}

static void put_directories(struct renaming *r)
{
	batch_put_inode(&r->change.batch, r->from_directory->ino, &r->from_directory->row);
	if (r->to_directory != r->from_directory)
		batch_put_inode(&r->change.batch, r->to_directory->ino, &r->to_directory->row);
}

static void exchange(struct renaming *r)
{
	struct change *change = &r->change;

	put_entry(r, &r->from, &r->to.inode);
	put_entry(r, &r->to, &r->from.inode);
	ns_entry_removed(r->from_directory, r->from.inode.row.mode, &change->now);
	ns_entry_added(r->from_directory, r->to.inode.row.mode, &change->now);
	ns_entry_removed(r->to_directory, r->to.inode.row.mode, &change->now);
	ns_entry_added(r->to_directory, r->from.inode.row.mode, &change->now);
	put_moved(r, &r->from.inode, r->to.directory_ino);
	put_moved(r, &r->to.inode, r->from.directory_ino);
}

/* Both names have places in one chain of one directory. */
static bool share_chain(const struct renaming *r)
{
	return r->from.directory_ino == r->to.directory_ino &&
	       (r->from.place.cookie | COOKIE_ORDINAL_MASK) ==
		       (r->to.place.cookie | COOKIE_ORDINAL_MASK);
}

static int move(struct renaming *r)
{
	struct change *change = &r->change;
	int result = 0;

	if (!r->to.inode.ino && share_chain(r))
		r->to.place.cookie = r->from.place.cookie;
	else
		result = dirent_remove(change->cache, &change->batch, r->from.directory_ino,
				       r->from.place.cookie);
	if (result)
		return result;
	put_entry(r, &r->to, &r->from.inode);
	ns_entry_removed(r->from_directory, r->from.inode.row.mode, &change->now);
	if (r->to.inode.ino) {
		ns_entry_removed(r->to_directory, r->to.inode.row.mode, &change->now);
		ns_name_lost(&change->batch, &r->to.inode, &change->now);
	}
	ns_entry_added(r->to_directory, r->from.inode.row.mode, &change->now);
	put_moved(r, &r->from.inode, r->to.directory_ino);
	return 0;
}

/* True when a file with bytes loses the name to another file. */
static bool takes_over_bytes(struct cache *cache, const struct side *mover,
			     const struct side *replaced)
{
	struct content_row content;

	return mover->place.type == DT_REG && replaced->place.type == DT_REG &&
	       mover->place.ino != replaced->place.ino &&
	       !inode_load_content(cache, replaced->place.ino, &content) && content.size;
}

/* Step 2 for one file. */
static int flush_mover(struct cache *cache, const struct side *mover, const struct side *replaced)
{
	struct node *node;
	bool unflushed;
	int result = 0;

	if (!takes_over_bytes(cache, mover, replaced))
		return 0;
	node = inode_lock_shared(cache, mover->place.ino);
	unflushed =
		node->unflushed_bytes && node->content_lsn > node_table_flushed_lsn(cache->nodes);
	inode_unlock_shared(cache, node);
	if (unflushed)
		result = io_fsync(cache, mover->place.ino);
	CRASH_POINT(rename_flushed);
	return result;
}

/*
 * Makes the moving file's content a barrier when the cloud lacks some of it. A
 * record of its own, and of content: should replay after a power cut drop
 * later content of the file, the rename must not bring its size back.
 */
static int put_barrier(struct renaming *r, const struct side *mover, const struct side *replaced)
{
	struct cache *cache = r->change.cache;
	struct content_row content;
	struct dirty_row dirty;
	struct batch batch;
	struct row_key key;
	uint64_t lsn;
	int result;

	if (!takes_over_bytes(cache, mover, replaced))
		return 0;
	key_content(&key, mover->place.ino);
	result = inode_load_dirty(cache, &key, &dirty);
	if (result)
		return result == -ENOENT ? 0 : result;
	result = inode_load_content(cache, mover->place.ino, &content);
	if (result)
		return result;
	batch_init(&batch, BATCH_CONTENT, mover->place.ino);
	batch.time_ns = r->change.batch.time_ns;
	batch_put_content(&batch, mover->place.ino, &content, ROW_BARRIER | ROW_REPLACES);
	result = index_commit_begin(cache->index, &batch, &lsn);
	batch_release(&batch);
	return result;
}

static int put_barriers(struct renaming *r)
{
	int result = put_barrier(r, &r->from, &r->to);

	if (!result && is_exchange(r))
		result = put_barrier(r, &r->to, &r->from);
	return result;
}

/* Steps 4 (second half) and 5: 0, -EAGAIN, or why not. */
static int rename_locked(struct renaming *r)
{
	int result;

	result = load_directories(r);
	if (!result)
		result = find_again(r);
	if (!result)
		result = check_names(r);
	if (result)
		return result == 1 ? 0 : result;
	result = load_inodes(r);
	if (!result)
		result = check_descent(r);
	if (!result)
		result = check_replaced(r);
	if (!result)
		result = check_links(r);
	if (!result)
		result = put_barriers(r);
	if (result)
		return result;
	if (is_exchange(r))
		exchange(r);
	else
		result = move(r);
	if (result)
		return result;
	put_directories(r);
	return change_commit(&r->change);
}

/* Steps 1 to 5 once. */
static int try_rename(struct renaming *r)
{
	struct cache *cache = r->change.cache;
	bool moving;
	int result;

	result = find_sides(r);
	if (!result)
		result = flush_mover(cache, &r->from, &r->to);
	if (!result && is_exchange(r))
		result = flush_mover(cache, &r->to, &r->from);
	if (result)
		return result;
	moving = moves_directory(r);
	if (moving)
		lock_acquire(&cache->renames);
	change_lock(&r->change,
		    (uint64_t[]){ r->from.directory_ino, r->to.directory_ino, r->from.place.ino,
				  r->to.place.ino },
		    4);
	result = rename_locked(r);
	change_unlock(&r->change);
	if (moving)
		lock_release(&cache->renames);
	if (moving && !result)
		policies_forget(cache);
	return result;
}

int ns_rename(struct cache *cache, uint64_t parent, const char *name, uint64_t new_parent,
	      const char *new_name, unsigned int flags)
{
	struct renaming r = {
		.flags = flags,
		.from = { .directory_ino = parent, .name = name },
		.to = { .directory_ino = new_parent, .name = new_name },
	};
	int result;

	result = change_begin(&r.change, cache);
	if (!result && flags && flags != RENAME_NOREPLACE && flags != RENAME_EXCHANGE)
		result = -EINVAL;
	if (!result)
		result = ns_check_entry_name(name, -EBUSY);
	if (!result)
		result = ns_check_entry_name(new_name, -EBUSY);
	if (!result) {
		do {
			result = try_rename(&r);
		} while (result == -EAGAIN);
	}
	change_end(&r.change);
	inode_release(&r.from.inode);
	inode_release(&r.to.inode);
	inode_release(&r.from_directory_row);
	inode_release(&r.to_directory_row);
	return result;
}
