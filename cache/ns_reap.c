/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping: the rows of inodes without a name go, in batches of bounded size.
 * The ORPHAN row is the first to come (with the last unlink) and the last to
 * go, so that a crash in between is resumed by ns_reap_orphans(). The first
 * batch takes the INODE and CONTENT rows, so that nobody finds the inode any
 * more; for most inodes it is the only one.
 *
 * A file that is not to die (it has names, or is open) is reaped of extents of
 * old generations, and then of its ORPHAN row if it has a name.
 *
 * The batches are content records: when a power cut makes replay drop content
 * of this inode, it drops them with it, and the ORPHAN row is back.
 */
#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/io.h"
#include "cache/ns_int.h"

#define REAP_XATTRS_MAX 128

/* Puts deletes of the XATTR rows: 1 when there may be more, 0, or an error. */
static int drop_xattrs(struct cache *cache, uint64_t ino, struct batch *batch)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	unsigned int count = 0;
	int result;

	key_xattr(&start, ino, "", 0);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	index_cursor_bound(cursor, &start, start.length);
	while (count++ < REAP_XATTRS_MAX) {
		struct row_key found;

		result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
		if (result <= 0)
			break;
		key_xattr(&found, ino, key + start.length, key_length - start.length);
		batch_delete(batch, &found, ROW_CLOUD);
	}
	index_cursor_close(cursor);
	return result;
}

/* An inode under its lock, on its way out or only of old extents. */
struct reaping {
	struct change change;
	struct inode inode; /* its row only if it is there */
	struct content_row content;
	bool has_inode;
	bool has_content;
	bool dies;
};

static int load(struct reaping *reaping, uint64_t ino, bool forgotten)
{
	struct cache *cache = reaping->change.cache;
	int result = inode_load(cache, ino, &reaping->inode);

	if (result && result != -ENOENT)
		return result;
	reaping->has_inode = !result;
	reaping->dies = result || (forgotten && !reaping->inode.row.nlink);
	result = inode_load_content(cache, ino, &reaping->content);
	reaping->has_content = !result;
	return result == -ENOENT ? 0 : result;
}

/* 1 when a further batch is needed, 0, or an error. */
static int fill(struct reaping *reaping, uint64_t ino)
{
	struct cache *cache = reaping->change.cache;
	struct batch *batch = &reaping->change.batch;
	uint32_t keep = reaping->has_content ? reaping->content.generation : 0;
	struct row_key key;
	int result = 0;

	batch->kind = BATCH_CONTENT;
	batch->ino = ino;
	if (reaping->dies && reaping->has_inode) {
		key_inode(&key, ino);
		batch_delete(batch, &key, ROW_CLOUD);
	}
	if (reaping->dies && reaping->has_content) {
		key_content(&key, ino);
		batch_delete(batch, &key, ROW_CLOUD);
	}
	if (reaping->dies)
		result = drop_xattrs(cache, ino, batch);
	if (!result)
		result = io_reap_locked(cache, ino, reaping->dies ? UINT32_MAX : keep, batch);
	if (!result && (reaping->dies || reaping->inode.row.nlink))
		inode_unmark_orphan(batch, ino);
	return result;
}

/* One batch: 1 when a further one is needed, 0, or an error. */
static int reap_step(struct cache *cache, uint64_t ino, bool forgotten)
{
	struct reaping reaping = { .dies = false };
	int more;
	int result;

	result = change_begin(&reaping.change, cache);
	if (result)
		goto out;
	change_lock(&reaping.change, &ino, 1);
	result = load(&reaping, ino, forgotten);
	if (result)
		goto out;
	more = fill(&reaping, ino);
	if (reaping.dies)
		node_clear_unflushed(reaping.change.nodes[0]);
	result = more < 0 ? more : change_commit(&reaping.change);
	if (!result)
		result = more;
out:
	change_end(&reaping.change);
	inode_release(&reaping.inode);
	return result;
}

/* forgotten: nobody has it open, so it dies if it has no name. */
static int reap(struct cache *cache, uint64_t ino, bool forgotten)
{
	int result;

	do {
		result = reap_step(cache, ino, forgotten);
		CRASH_POINT(reap_step);
	} while (result > 0);
	return result;
}

/* The ORPHAN row is still there when reaping failed: the next start goes on. */
static void report(uint64_t ino, int result)
{
	if (result)
		log_error("inode %llu is not reaped before the next start: %s",
			  (unsigned long long)ino, err_message(result));
}

void ns_forget(struct cache *cache, uint64_t ino)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_key key;
	int result;

	/* The writer's business, of which a follower is told. */
	if (cache->conf.follow)
		return;
	key_orphan(&key, ino);
	result = index_get(cache->index, &key, &bytes);
	if (!result)
		result = reap(cache, ino, true);
	if (result != -ENOENT)
		report(ino, result);
}

void ns_reap_old_extents(struct cache *cache, uint64_t ino)
{
	report(ino, reap(cache, ino, false));
}

/* The first orphan from *ino on (1), none (0), or an error. */
static int next_orphan(struct cache *cache, uint64_t *ino)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_orphan(&start, *ino);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	index_cursor_bound(cursor, &start, 1);
	result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
	if (result == 1)
		*ino = key_number(key, key_length);
	index_cursor_close(cursor);
	return result;
}

int ns_reap_orphans(struct cache *cache)
{
	uint64_t ino = 0;
	int result;

	for (;;) {
		result = next_orphan(cache, &ino);
		if (result <= 0)
			return result;
		result = reap(cache, ino, true);
		if (result)
			return result;
		ino++;
	}
}
