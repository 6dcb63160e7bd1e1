/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct index_cursor {
	struct index_view *view;
	size_t first;
	struct lmdb_read *read;
	bool owns_read;
	struct lmdb_cursor *lmdb;
	bool lmdb_at_row;
	uint8_t bound[ROW_KEY_MAX]; /* of index_cursor_bound() */
	size_t bound_length;
	/* One for each table of the view. */
	struct memtable_cursor tables[];
};

/* A row as one of the sources offers it. */
struct candidate {
	const uint8_t *key; /* NULL: none */
	size_t key_length;
	const uint8_t *value;
	size_t value_length;
	bool deleted;
};

static int compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	if (order)
		return order;
	return a_length < b_length ? -1 : a_length > b_length;
}

/* Keeps the lesser key; with equal keys the one found first, the newer. */
static void offer(struct candidate *least, const uint8_t *key, size_t key_length,
		  const struct memtable_value *value)
{
	if (least->key && compare(key, key_length, least->key, least->key_length) >= 0)
		return;
	least->key = key;
	least->key_length = key_length;
	least->value = value ? value->bytes : NULL;
	least->value_length = value ? value->length : 0;
	least->deleted = value && value->deleted;
}

static void find_least(const struct index_cursor *cursor, struct candidate *least)
{
	const uint8_t *key;
	size_t length;
	size_t i;

	least->key = NULL;
	for (i = cursor->first; i < cursor->view->count; i++) {
		if (!cursor->tables[i].node)
			continue;
		key = memtable_key(&cursor->tables[i], &length);
		offer(least, key, length, memtable_value(&cursor->tables[i]));
	}
	if (!cursor->lmdb_at_row)
		return;
	key = lmdb_cursor_key(cursor->lmdb, &length);
	offer(least, key, length, NULL);
	if (least->key == key)
		least->value = lmdb_cursor_value(cursor->lmdb, &least->value_length);
}

/* Every source that stands at this key goes on. */
static int step_over(struct index_cursor *cursor, const struct candidate *row)
{
	const uint8_t *key;
	size_t length;
	size_t i;
	int result;

	for (i = cursor->first; i < cursor->view->count; i++) {
		if (!cursor->tables[i].node)
			continue;
		key = memtable_key(&cursor->tables[i], &length);
		if (!compare(key, length, row->key, row->key_length))
			memtable_next(&cursor->tables[i]);
	}
	if (!cursor->lmdb_at_row)
		return 0;
	key = lmdb_cursor_key(cursor->lmdb, &length);
	if (compare(key, length, row->key, row->key_length))
		return 0;
	result = lmdb_cursor_next(cursor->lmdb);
	cursor->lmdb_at_row = result > 0;
	return result < 0 ? result : 0;
}

static bool is_beyond(const struct index_cursor *cursor, const struct candidate *row)
{
	return cursor->bound_length && (row->key_length < cursor->bound_length ||
					memcmp(row->key, cursor->bound, cursor->bound_length));
}

void index_cursor_bound(struct index_cursor *cursor, const struct row_key *key, size_t length)
{
	assert(length <= key->length);
	memcpy(cursor->bound, key->bytes, length);
	cursor->bound_length = length;
}

int index_cursor_next(struct index_cursor *cursor, const uint8_t **key, size_t *key_length,
		      const uint8_t **value, size_t *value_length)
{
	struct candidate row;
	int result;

	do {
		find_least(cursor, &row);
		if (!row.key || is_beyond(cursor, &row))
			return 0;
		result = step_over(cursor, &row);
		if (result)
			return result;
	} while (row.deleted);
	*key = row.key;
	*key_length = row.key_length;
	*value = row.value;
	*value_length = row.value_length;
	return 1;
}

int index_cursor_seek(struct index_cursor *cursor, const struct row_key *start)
{
	size_t i;
	int result;

	for (i = cursor->first; i < cursor->view->count; i++)
		memtable_seek(cursor->view->tables[i].memtable, start->bytes, start->length,
			      &cursor->tables[i]);
	result = lmdb_cursor_seek(cursor->lmdb, start->bytes, start->length);
	cursor->lmdb_at_row = result > 0;
	return result < 0 ? result : 0;
}

int index_cursor_new(struct index_view *view, size_t first, struct lmdb_read *read, bool owns_read,
		     const struct row_key *start, struct index_cursor **out)
{
	struct index_cursor *cursor =
		xcalloc(1, sizeof(*cursor) + view->count * sizeof(cursor->tables[0]));
	int result;

	cursor->view = index_view_get(view);
	cursor->first = first;
	cursor->read = read;
	cursor->owns_read = owns_read;
	result = lmdb_cursor_open(read, &cursor->lmdb);
	if (!result)
		result = index_cursor_seek(cursor, start);
	if (result) {
		index_cursor_close(cursor);
		return result;
	}
	*out = cursor;
	return 0;
}

int index_cursor_open(struct index *index, const struct row_key *start, struct index_cursor **out)
{
	struct index_view *view = index_current_view(index);
	struct lmdb_read *read;
	int result = lmdb_read_begin(index->lmdb, &read);

	if (!result)
		result = index_cursor_new(view, 0, read, true, start, out);
	index_view_put(view);
	return result;
}

void index_cursor_close(struct index_cursor *cursor)
{
	if (cursor->lmdb)
		lmdb_cursor_close(cursor->lmdb);
	if (cursor->owns_read)
		lmdb_read_end(cursor->read);
	index_view_put(cursor->view);
	free(cursor);
}
