/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/damage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/extent_cursor.h"
#include "cache/name_find.h"

void damage_init(struct damage *damage)
{
	memset(damage, 0, sizeof(*damage));
	lock_init(&damage->lock, LOCK_RANK_LEAF);
}

void damage_release(struct damage *damage)
{
	lock_destroy(&damage->lock);
}

/* Makes the range of the row cover this one as well. */
static void widen(struct damage_row *row, uint64_t offset, uint64_t length)
{
	uint64_t end = row->offset + row->length;

	if (offset + length > end)
		end = offset + length;
	if (offset < row->offset)
		row->offset = offset;
	row->length = end - row->offset;
}

/* True when the record was not known to be damaged. */
static bool add_locked(struct damage *damage, const struct damage_row *row)
{
	unsigned int i;

	lock_assert_held(&damage->lock);
	for (i = 0; i < damage->count; i++) {
		struct damage_row *known = &damage->rows[i];

		if (known->ino != row->ino || known->segment != row->segment ||
		    known->record != row->record)
			continue;
		widen(known, row->offset, row->length);
		return false;
	}
	if (damage->count < DAMAGE_ROWS_MAX)
		damage->rows[damage->count++] = *row;
	return true;
}

void damage_note(struct cache *cache, int code, uint64_t ino, uint64_t offset, uint64_t length,
		 uint64_t segment, uint32_t record)
{
	struct damage_row row = {
		.ino = ino,
		.offset = offset,
		.length = length,
		.segment = segment,
		.record = record,
		.since_ns = clock_real_ns(),
	};
	bool fresh;

	lock_acquire(&cache->damage.lock);
	fresh = add_locked(&cache->damage, &row);
	lock_release(&cache->damage.lock);
	if (fresh)
		log_error("bytes %" PRIu64 " to %" PRIu64 " of inode %" PRIu64
			  " are damaged and in no pack: %s. They cannot be read or uploaded until "
			  "they are written again; check the disk of the cache",
			  offset, offset + length, ino, err_message(code));
}

/* Does the file still refer to these bytes, and to nothing else? */
static bool is_there(struct cache *cache, const struct damage_row *row)
{
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	bool there = false;

	if (extent_content_get(cache->index, row->ino, &content) ||
	    extent_cursor_open(&cursor, cache->index, row->ino, content.generation, row->offset))
		return false;
	while (!there && extent_cursor_next(&cursor, &extent) > 0 &&
	       extent.offset < row->offset + row->length)
		there = extent.row.segment == row->segment && extent.row.record == row->record &&
			!extent.row.refs_count;
	extent_cursor_close(&cursor);
	return there;
}

static void forget(struct damage *damage, const struct damage_row *row)
{
	unsigned int i;

	lock_acquire(&damage->lock);
	for (i = 0; i < damage->count; i++)
		if (damage->rows[i].ino == row->ino && damage->rows[i].segment == row->segment &&
		    damage->rows[i].record == row->record)
			break;
	if (i < damage->count)
		damage->rows[i] = damage->rows[--damage->count];
	lock_release(&damage->lock);
}

/* Where a path cannot be found it stays empty. */
static void find_paths(struct cache *cache, struct cache_damage *rows, unsigned int count)
{
	struct index_snapshot *snapshot;
	struct name_find *names;
	uint64_t inos[DAMAGE_ROWS_MAX];
	uint64_t cut_lsn;
	bool found;
	unsigned int i;

	for (i = 0; i < count; i++)
		inos[i] = rows[i].ino;
	if (index_snapshot_take(cache->index, &snapshot, &cut_lsn))
		return;
	names = name_find_new();
	found = !name_find_prepare(names, snapshot, inos, count);
	for (i = 0; i < count && found; i++) {
		CLEANUP_BUFFER struct buffer path = BUFFER_INIT;

		name_find_path(names, snapshot, rows[i].ino, &path);
		if (path.length < sizeof(rows[i].path))
			snprintf(rows[i].path, sizeof(rows[i].path), "%.*s", (int)path.length,
				 (const char *)path.data);
	}
	name_find_free(names);
	index_snapshot_release(snapshot);
}

unsigned int damage_list(struct cache *cache, struct cache_damage *out)
{
	struct damage_row rows[DAMAGE_ROWS_MAX];
	unsigned int known;
	unsigned int count = 0;
	unsigned int i;

	lock_acquire(&cache->damage.lock);
	known = cache->damage.count;
	memcpy(rows, cache->damage.rows, sizeof(rows));
	lock_release(&cache->damage.lock);
	for (i = 0; i < known; i++) {
		if (!is_there(cache, &rows[i])) {
			forget(&cache->damage, &rows[i]);
			continue;
		}
		out[count].ino = rows[i].ino;
		out[count].offset = rows[i].offset;
		out[count].length = rows[i].length;
		out[count].since_ns = rows[i].since_ns;
		out[count].path[0] = '\0';
		count++;
	}
	if (count)
		find_paths(cache, out, count);
	return count;
}
