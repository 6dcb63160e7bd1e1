/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache without dirty rows that was away for so long that the log it would
 * have to follow was removed (retention.h): the rows of the volume, from the
 * newest checkpoint and the log behind it, are compared with those here, and
 * what differs is put or deleted. What is cached of files that are as they were
 * stays cached.
 *
 * A crash in between leaves the record of the old commit: the same is done
 * again.
 */
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/restore_int.h"
#include "cache/restore_rows.h"

/* The tables that commits carry lie side by side. */
#define FIRST_TABLE TABLE_INODE
#define LAST_TABLE  TABLE_PACK

struct comparison {
	struct restore *restore;
	struct restore_rows *rows;
	struct index_cursor *cursor;
	struct restore_applier applier;
	struct row_run_row there; /* of the volume */
	struct row_run_row here;
	bool has_there;
	bool has_here;
	uint64_t compared;
	enum row_table table; /* of the last row of the volume; and its inode */
	uint64_t ino;
};

static int next_there(struct comparison *comparison)
{
	int result = restore_rows_next(comparison->rows, &comparison->there);

	comparison->has_there = result > 0;
	if (++comparison->compared % 65536 == 0)
		restore_progress(comparison->restore, "comparing", comparison->compared,
				 restore_rows_count(comparison->rows));
	return result < 0 ? result : 0;
}

static int next_here(struct comparison *comparison)
{
	struct row_run_row *here = &comparison->here;
	int result = index_cursor_next(comparison->cursor, &here->key, &here->key_length,
				       &here->value, &here->value_length);

	comparison->has_here = result > 0 && key_table(here->key, here->key_length) <= LAST_TABLE;
	return result < 0 ? result : 0;
}

/* Less than 0: the row here comes first; 0: both are of one key. */
static int order(const struct comparison *comparison)
{
	const struct row_run_row *a = &comparison->here;
	const struct row_run_row *b = &comparison->there;
	int result;

	if (!comparison->has_there)
		return -1;
	if (!comparison->has_here)
		return 1;
	result = memcmp(a->key, b->key,
			a->key_length < b->key_length ? a->key_length : b->key_length);
	return result ? result : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

/* Extents may have a place here beside the one in the cloud. */
static int compare_values(const struct comparison *comparison, bool *same_out)
{
	const struct row_run_row *here = &comparison->here;
	const struct row_run_row *there = &comparison->there;
	struct extent_row a;
	struct extent_row b;
	int result;

	*same_out = here->value_length == there->value_length &&
		    !memcmp(here->value, there->value, here->value_length);
	if (*same_out || key_table(here->key, here->key_length) != TABLE_EXTENT)
		return 0;
	result = row_get_extent(here->value, here->value_length, &a);
	if (!result)
		result = row_get_extent(there->value, there->value_length, &b);
	*same_out = !result && a.length == b.length && a.refs_count == b.refs_count &&
		    !memcmp(a.refs, b.refs, a.refs_count * sizeof(a.refs[0]));
	return result;
}

static int change(struct comparison *comparison, const struct row_run_row *row)
{
	struct row_sort *differences = comparison->restore->differences;

	return differences ? row_sort_add(differences, row)
			   : restore_apply_row(row, &comparison->applier);
}

/* An inode whose INODE row is gone and others not yet is to be reaped, as in
 * restore_load.c. Followers leave that to the writer. */
static int note_orphan(struct comparison *comparison)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	const struct row_run_row *there = &comparison->there;
	enum row_table table = key_table(there->key, there->key_length);
	uint64_t ino = key_number(there->key, there->key_length);
	struct buffer none = BUFFER_INIT;
	struct row_key key;
	int result = 0;

	if (table != TABLE_XATTR && !table_is_content(table))
		return 0;
	if (table == comparison->table && ino == comparison->ino)
		return 0;
	/* The INODE rows, which come before. */
	if (table != comparison->table)
		result = restore_apply_flush(&comparison->applier);
	comparison->table = table;
	comparison->ino = ino;
	key_inode(&key, ino);
	if (!result)
		result = index_get(comparison->restore->cache->index, &key, &value);
	if (result != -ENOENT)
		return result;
	key_orphan(&key, ino);
	batch_put(&comparison->applier.batch, &key, &none, ROW_LOCAL);
	return 0;
}

/* One key. */
static int step(struct comparison *comparison)
{
	struct row_run_row removed = comparison->here;
	int ordered = order(comparison);
	bool same = false;
	int result = 0;

	removed.removed = true;
	if (ordered < 0)
		result = change(comparison, &removed);
	else if (!ordered)
		result = compare_values(comparison, &same);
	if (!result && ordered >= 0 && !comparison->restore->differences)
		result = note_orphan(comparison);
	if (!result && ordered >= 0 && !same)
		result = change(comparison, &comparison->there);
	if (!result && ordered <= 0)
		result = next_here(comparison);
	if (!result && ordered >= 0)
		result = next_there(comparison);
	return result;
}

static int compare_all(struct comparison *comparison)
{
	struct row_key start = { .length = 1, .bytes = { FIRST_TABLE } };
	int result =
		index_cursor_open(comparison->restore->cache->index, &start, &comparison->cursor);

	if (result)
		return result;
	result = next_here(comparison);
	if (!result)
		result = next_there(comparison);
	while (!result && (comparison->has_here || comparison->has_there))
		result = step(comparison);
	index_cursor_close(comparison->cursor);
	return result;
}

int restore_compare_finish(struct restore *restore)
{
	struct comparison comparison = { .restore = restore };
	int result = row_sort_finish(restore->rows);

	if (!result)
		result = restore_rows_open(restore->cache, &restore->root, restore->rows,
					   &comparison.rows);
	if (result)
		return result;
	restore_applier_init(&comparison.applier, restore->cache);
	result = compare_all(&comparison);
	if (!result)
		result = restore_apply_flush(&comparison.applier);
	CRASH_POINT(restore_applied);
	restore_applier_release(&comparison.applier);
	restore_rows_close(comparison.rows);
	return result || restore->differences ? result : restore_record_position(restore);
}
