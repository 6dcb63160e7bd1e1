/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold inside the index, whatever was done: every row belongs to an
 * inode that lives, and the counters of the segments are the sums of the rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "tests/model/run.h"

#define SEGMENTS_MAX 4096

struct rows {
	struct run *run;
	uint64_t entries;
	uint64_t last_ino;
	const struct tree_file *last_file;
	uint64_t live[SEGMENTS_MAX];
	uint64_t dirty[SEGMENTS_MAX];
	char why[200];
};

/* Rows come by inode number, so the last answer mostly holds. */
static const struct tree_file *find(struct rows *rows, uint64_t ino)
{
	const struct tree_file *file;

	if (ino == rows->last_ino)
		return rows->last_file;
	for (file = rows->run->tree.files; file && file->ino != ino; file = file->next)
		;
	rows->last_ino = ino;
	rows->last_file = file;
	return file;
}

static void check_extent(struct rows *rows, const uint8_t *key, size_t key_length,
			 const uint8_t *value, size_t value_length)
{
	struct extent_row extent;
	int result = row_get_extent(value, value_length, &extent);

	(void)key;
	(void)key_length;
	if (result)
		run_fail(rows->run, "extent: %s", err_message(result));
	if (!extent.segment)
		return;
	if (extent.segment >= SEGMENTS_MAX)
		run_fail(rows->run, "segment %llu", (unsigned long long)extent.segment);
	rows->live[extent.segment] += extent.length;
	if (!extent.refs_count)
		rows->dirty[extent.segment] += extent.length;
}

static void check_row(struct rows *rows, const uint8_t *key, size_t key_length,
		      const uint8_t *value, size_t value_length)
{
	enum row_table table = key_table(key, key_length);
	uint64_t ino = key_number(key, key_length);
	const struct tree_file *file;

	if (table < TABLE_INODE || (table > TABLE_EXTENT && table != TABLE_ORPHAN))
		return;
	file = find(rows, ino);
	if (!file)
		run_fail(rows->run, "table %x has a row of inode %llu, which is gone", table,
			 (unsigned long long)ino);
	if (table == TABLE_ORPHAN && file->nlink)
		run_fail(rows->run, "inode %llu has a name and waits to be reaped",
			 (unsigned long long)ino);
	if (table == TABLE_DIRENT)
		rows->entries++;
	if (table == TABLE_EXTENT)
		check_extent(rows, key, key_length, value, value_length);
}

/* False, and why in rows->why, when counters are not the sums of the rows. */
static bool check_segment(struct rows *rows, const struct segment_info *info)
{
	uint64_t *live = &rows->live[info->number % SEGMENTS_MAX];
	uint64_t *dirty = &rows->dirty[info->number % SEGMENTS_MAX];

	if (info->class != SEGMENT_CLASS_WRITTEN)
		return true; /* its rows are those of chunks */
	if (info->live != *live || info->dirty != *dirty) {
		snprintf(rows->why, sizeof(rows->why),
			 "segment %llu: counts %llu live and %llu dirty bytes, its rows have "
			 "%llu and %llu",
			 (unsigned long long)info->number, (unsigned long long)info->live,
			 (unsigned long long)info->dirty, (unsigned long long)*live,
			 (unsigned long long)*dirty);
		return false;
	}
	*live = 0;
	return true;
}

static bool check_segments(struct rows *rows)
{
	CLEANUP_FREE struct segment_info *list = NULL;
	size_t count = segments_list(rows->run->cache->segments, &list);
	uint64_t i;

	for (i = 0; i < count; i++)
		if (!check_segment(rows, &list[i]))
			return false;
	for (i = 0; i < SEGMENTS_MAX && !rows->live[i]; i++)
		;
	if (i < SEGMENTS_MAX)
		snprintf(rows->why, sizeof(rows->why), "rows point to segment %llu, which is gone",
			 (unsigned long long)i);
	return i == SEGMENTS_MAX;
}

static void check_rows(struct rows *rows)
{
	struct run *run = rows->run;
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_meta(&start, "");
	result = index_cursor_open(run->cache->index, &start, &cursor);
	if (result)
		run_fail(run, "cursor: %s", err_message(result));
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0)
		check_row(rows, key, key_length, value, value_length);
	if (result)
		run_fail(run, "cursor: %s", err_message(result));
	index_cursor_close(cursor);
}

static bool check_all(struct run *run, struct rows *rows)
{
	struct tree_file *file;
	uint64_t entries = 0;

	memset(rows, 0, sizeof(*rows));
	rows->run = run;
	for (file = run->tree.files; file; file = file->next)
		entries += file->children;
	check_rows(rows);
	if (rows->entries != entries)
		run_fail(run, "%llu rows of entries, not %llu", (unsigned long long)rows->entries,
			 (unsigned long long)entries);
	return check_segments(rows);
}

void run_check_rows(struct run *run)
{
	struct rows *rows = xmalloc(sizeof(*rows));
	bool good = check_all(run, rows);

	/* The committer may have been at it between rows and counters: once it
	 * has nothing left to do they must agree. */
	if (!good && run->cloud && !cache_wait(run->cache, INT64_MAX, NULL, NULL))
		good = check_all(run, rows);
	if (!good)
		run_fail(run, "%s", rows->why);
	free(rows);
}
