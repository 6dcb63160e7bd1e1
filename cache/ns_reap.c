/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping: the rows of inodes without a name go, in batches of bounded size.
 * The ORPHAN row is the first to come (with the last unlink) and the last to
 * go, so that a crash in between is resumed by ns_reap_orphans().
 *
 *	1  INODE and CONTENT, in one batch: nobody finds the inode any more
 *	2  XATTR rows
 *	3  EXTENT rows (io_reap_extents())
 *	4  ORPHAN
 *
 * Steps 3 and 4 are content records: when a power cut makes replay drop
 * content of this inode, it drops these with it, and the ORPHAN row is back.
 *
 * A file that has names and an ORPHAN row has extents of old generations:
 * for it only they and the ORPHAN row go.
 */
#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/io.h"
#include "cache/ns_int.h"

#define REAP_ROWS_MAX 128

/* Step 1. *keep_out: the extents from this generation on stay. */
static int drop_inode(struct cache *cache, uint64_t ino, uint32_t *keep_out)
{
	struct inode inode = { 0 };
	struct content_row content;
	struct change change;
	struct row_key key;
	int result;

	*keep_out = UINT32_MAX;
	result = change_begin(&change, cache);
	if (result)
		goto out;
	change_lock(&change, &ino, 1);
	result = inode_load(cache, ino, &inode);
	if (result) {
		result = result == -ENOENT ? 0 : result;
		goto out;
	}
	result = inode_load_content(cache, ino, &content);
	if (result && result != -ENOENT)
		goto out;
	if (inode.row.nlink) {
		*keep_out = result ? 0 : content.generation;
		result = 0;
		goto out;
	}
	if (!result) {
		key_content(&key, ino);
		batch_delete(&change.batch, &key, ROW_CLOUD);
	}
	key_inode(&key, ino);
	batch_delete(&change.batch, &key, ROW_CLOUD);
	result = change_commit(&change);
out:
	change_end(&change);
	inode_release(&inode);
	return result;
}

/* Puts deletes of up to REAP_ROWS_MAX of the inode's XATTR rows. */
static int fill_xattrs(struct cache *cache, uint64_t ino, struct batch *batch)
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
	while (batch->count < REAP_ROWS_MAX) {
		struct row_key found;

		result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
		if (result <= 0)
			break;
		key_xattr(&found, ino, key + start.length, key_length - start.length);
		batch_delete(batch, &found, ROW_CLOUD);
	}
	index_cursor_close(cursor);
	return result < 0 ? result : 0;
}

static int drop_xattrs(struct cache *cache, uint64_t ino)
{
	struct change change;
	bool more;
	int result;

	result = change_begin(&change, cache);
	do {
		more = false;
		if (result)
			break;
		change_lock(&change, &ino, 1);
		result = fill_xattrs(cache, ino, &change.batch);
		more = !result && !batch_is_empty(&change.batch);
		if (more)
			result = change_commit(&change);
		change_unlock(&change);
	} while (more);
	change_end(&change);
	return result;
}

/*
 * Step 4. Returns without doing it when there is something to reap again: the
 * file's extents got a later generation, or its last name went meanwhile.
 */
static int drop_orphan(struct cache *cache, uint64_t ino, uint32_t kept)
{
	struct inode inode = { 0 };
	struct content_row content = { 0 };
	struct change change;
	int result;

	result = change_begin(&change, cache);
	if (result)
		goto out;
	change_lock(&change, &ino, 1);
	result = inode_load(cache, ino, &inode);
	if (!result) {
		result = inode_load_content(cache, ino, &content);
		if (inode.row.nlink == 0 || content.generation != kept)
			goto out;
	}
	if (result && result != -ENOENT)
		goto out;
	change.batch.kind = BATCH_CONTENT;
	change.batch.ino = ino;
	inode_unmark_orphan(&change.batch, ino);
	result = change_commit(&change);
out:
	change_end(&change);
	inode_release(&inode);
	return result == -ENOENT ? 0 : result;
}

static int reap(struct cache *cache, uint64_t ino)
{
	uint32_t keep;
	int result;

	result = drop_inode(cache, ino, &keep);
	if (!result && keep == UINT32_MAX)
		result = drop_xattrs(cache, ino);
	if (!result)
		result = io_reap_extents(cache, ino, keep);
	if (!result)
		result = drop_orphan(cache, ino, keep);
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

	key_orphan(&key, ino);
	result = index_get(cache->index, &key, &bytes);
	if (!result)
		result = reap(cache, ino);
	if (result != -ENOENT)
		report(ino, result);
}

void ns_reap_old_extents(struct cache *cache, uint64_t ino, uint32_t generation)
{
	int result = io_reap_extents(cache, ino, generation);

	if (!result)
		result = drop_orphan(cache, ino, generation);
	report(ino, result);
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
		result = reap(cache, ino);
		if (result)
			return result;
		ino++;
	}
}
