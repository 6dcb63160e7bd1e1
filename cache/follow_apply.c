/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/follow_apply.h"

#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/restore_int.h"

void follow_notes_release(struct follow_notes *notes)
{
	buffer_release(&notes->bytes);
}

/* kind, ino, name length, name */
static void note(struct follow_notes *notes, enum cache_change_kind kind, uint64_t ino,
		 const void *name, size_t name_length)
{
	if (notes->bytes.length > FOLLOW_NOTES_BYTES_MAX)
		notes->too_many = true;
	if (notes->too_many ||
	    (kind != CACHE_CHANGED_ENTRY && kind == notes->last_kind && ino == notes->last_ino))
		return;
	buffer_put_u8(&notes->bytes, (uint8_t)kind);
	buffer_put_u64(&notes->bytes, ino);
	buffer_put_u8(&notes->bytes, (uint8_t)name_length);
	buffer_append(&notes->bytes, name, name_length);
	/* Of a directory's entries come many, with a note of its listing each. */
	if (kind != CACHE_CHANGED_ENTRY) {
		notes->last_kind = kind;
		notes->last_ino = ino;
	}
}

void follow_notes_tell(const struct follow_notes *notes, cache_changed_fn *fn, void *arg)
{
	struct cache_change change = { .kind = CACHE_CHANGED_MUCH };
	struct reader reader;

	reader_init(&reader, notes->bytes.data, notes->bytes.length);
	while (!notes->too_many && reader_left(&reader)) {
		change.kind = reader_get_u8(&reader);
		change.ino = reader_get_u64(&reader);
		change.name_length = reader_get_u8(&reader);
		change.name = (const char *)reader_get_bytes(&reader, change.name_length);
		fn(&change, arg);
	}
	if (notes->too_many)
		fn(&change, arg);
}

int follow_check_row(const struct row_run_row *row)
{
	struct row_key key;

	if (row->key_length && row->key_length <= sizeof(key.bytes) &&
	    table_is_cloud(key_table(row->key, row->key_length)))
		return 0;
	return err_set(-ERR_commit_corrupt, "the log carries a row that no commit may");
}

static int note_name(struct follow_notes *notes, uint64_t parent, const void *value, size_t length)
{
	struct dirent_row row;
	int result = row_get_dirent(value, length, &row);

	if (!result && row.name_length)
		note(notes, CACHE_CHANGED_ENTRY, parent, row.name, row.name_length);
	return result;
}

/* The name that was there, and the one that is there now: mostly the same. */
static int note_entry(struct follow_notes *notes, const struct row_run_row *row,
		      const struct buffer *before)
{
	uint64_t parent = key_number(row->key, row->key_length);
	int result = 0;

	note(notes, CACHE_CHANGED_CONTENT, parent, NULL, 0);
	if (before)
		result = note_name(notes, parent, before->data, before->length);
	if (!result && !row->removed)
		result = note_name(notes, parent, row->value, row->value_length);
	return result;
}

/* before: the row as it is in the index; NULL: none. */
static int note_row(struct follow_notes *notes, const struct row_run_row *row,
		    const struct buffer *before)
{
	uint64_t ino = key_number(row->key, row->key_length);

	switch (key_table(row->key, row->key_length)) {
	case TABLE_INODE:
		/* Nobody knows of one that is new. */
		if (before)
			note(notes, CACHE_CHANGED_ATTRIBUTES, ino, NULL, 0);
		return 0;
	case TABLE_XATTR:
		note(notes, CACHE_CHANGED_ATTRIBUTES, ino, NULL, 0);
		return 0;
	case TABLE_CONTENT:
	case TABLE_EXTENT:
		/* What goes without anything in its place does not count any
		 * more, or belongs to a removed file that may still be open. */
		if (!row->removed)
			note(notes, CACHE_CHANGED_CONTENT, ino, NULL, 0);
		return 0;
	case TABLE_DIRENT:
		return note_entry(notes, row, before);
	default:
		return 0; /* where bytes are, not what they are */
	}
}

static bool is_same(const struct row_run_row *row, const struct buffer *before)
{
	if (!before)
		return row->removed;
	return !row->removed && row->value_length == before->length &&
	       !memcmp(row->value, before->data, before->length);
}

/* `value` is scratch. */
static int apply_row(struct restore_applier *applier, const struct row_run_row *row,
		     struct buffer *value, struct follow_notes *notes)
{
	const struct buffer *before = value;
	struct row_key key = { .length = (uint16_t)row->key_length };
	int result;

	memcpy(key.bytes, row->key, row->key_length);
	buffer_clear(value);
	result = index_get(applier->cache->index, &key, value);
	if (result == -ENOENT)
		before = NULL;
	else if (result)
		return result;
	if (is_same(row, before))
		return 0;
	result = note_row(notes, row, before);
	return result ? result : restore_apply_row(row, applier);
}

int follow_apply(struct cache *cache, struct row_sort *rows, const struct log_position *position,
		 int64_t cut_real_ns, struct follow_notes *notes)
{
	struct restore restore = { .cache = cache,
				   .position = *position,
				   .cut_real_ns = cut_real_ns };
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct restore_applier applier;
	struct row_run_row row;
	int result;

	restore_applier_init(&applier, cache);
	rwlock_acquire_write(&cache->shown);
	while ((result = row_sort_next_change(rows, &row)) > 0) {
		result = apply_row(&applier, &row, &value, notes);
		if (result)
			break;
	}
	if (!result)
		result = restore_apply_flush(&applier);
	if (!result)
		result = restore_record_position(&restore);
	rwlock_release(&cache->shown);
	restore_applier_release(&applier);
	return result;
}
