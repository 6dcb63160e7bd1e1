/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk load: rows of a restore straight into LMDB.
 *
 * The transaction is committed in steps, because LMDB keeps what a
 * transaction changed in memory. META_LOADING is there from the first step
 * until the last, which takes it away together with setting the counters:
 * until then nobody takes the rows for an index. META rows of the load wait
 * for that last step, too.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/index_apply.h"
#include "cache/index_int.h"

/* LMDB never gives the memory of changed pages back. */
#define STEP_BYTES (8u << 20)

struct index_load {
	struct index *index;
	struct lmdb_write *write; /* NULL after a failed step */
	size_t step_bytes;
	bool stepped; /* a step is in LMDB */
	uint64_t inodes;
	uint64_t mapped;
	uint64_t highest_inode;
	uint64_t highest_content;
	struct row_key previous;
	struct batch meta;
};

static int check_empty(struct index *index)
{
	struct row_key start = { 0 };
	struct index_cursor *cursor;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result = index_cursor_open(index, &start, &cursor);

	if (result)
		return result;
	do {
		result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
	} while (result == 1 && key_table(key, key_length) == TABLE_META);
	index_cursor_close(cursor);
	if (result == 1)
		return err_set(-ERR_index_corrupt,
			       "cannot restore into the index in %s: it is not empty; use an empty "
			       "cache directory",
			       index->index_directory);
	return result;
}

static int begin_step(struct index_load *load)
{
	int result = lmdb_write_begin(load->index->lmdb, &load->write);

	if (result)
		return result;
	load->step_bytes = 0;
	result = lmdb_write_meta(load->write, META_LOADING, 1);
	if (result) {
		lmdb_write_abort(load->write);
		load->write = NULL;
	}
	return result;
}

int index_load_begin(struct index *index, struct index_load **out)
{
	struct index_load *load;
	int result = check_empty(index);

	if (result)
		return result;
	load = xcalloc(1, sizeof(*load));
	load->index = index;
	batch_init(&load->meta, BATCH_ROWS, 0);
	result = begin_step(load);
	if (result) {
		index_load_abort(load);
		return result;
	}
	*out = load;
	return 0;
}

static int note_row(struct index_load *load, const void *key, size_t key_length, const void *value,
		    size_t value_length)
{
	enum row_table table = key_table(key, key_length);
	struct content_row content;
	struct inode_row row;
	int result;

	index_apply_numbers(load->index, key, key_length);
	if (table == TABLE_CONTENT) {
		result = row_get_content(value, value_length, &content);
		if (result)
			return result;
		load->highest_content = key_number(key, key_length);
		load->mapped += content.mapped;
	}
	if (table != TABLE_INODE)
		return 0;
	result = row_get_inode(value, value_length, &row);
	if (result)
		return result;
	load->highest_inode = key_number(key, key_length);
	load->inodes += row.nlink > 0;
	return 0;
}

static int check_order(struct index_load *load, const void *key, size_t key_length)
{
	const struct row_key *previous = &load->previous;
	size_t shared = previous->length < key_length ? previous->length : key_length;
	int order = memcmp(previous->bytes, key, shared);

	if (!key_length || key_length > ROW_KEY_MAX || order > 0 ||
	    (!order && previous->length >= key_length))
		return err_set(-ERR_index_corrupt,
			       "cannot restore: the rows do not come in key order (table 0x%02x, "
			       "number %llu)",
			       key_table(key, key_length),
			       (unsigned long long)key_number(key, key_length));
	load->previous.length = (uint16_t)key_length;
	memcpy(load->previous.bytes, key, key_length);
	return 0;
}

static int end_step(struct index_load *load)
{
	struct lmdb_write *write = load->write;

	load->write = NULL;
	load->stepped = true;
	return lmdb_write_commit(write);
}

/* load->previous has its key. */
static void keep_meta(struct index_load *load, const void *value, size_t value_length)
{
	CLEANUP_BUFFER struct buffer copy = BUFFER_INIT;

	buffer_append(&copy, value, value_length);
	batch_put(&load->meta, &load->previous, &copy, ROW_LOCAL);
}

static int write_meta(struct index_load *load)
{
	struct batch_item item;
	struct reader reader;
	int result;

	reader_init(&reader, load->meta.body.data, load->meta.body.length);
	while ((result = batch_next(&reader, &item)) == 1) {
		result = lmdb_write_put(load->write, item.key, item.key_length, item.value,
					item.value_length);
		if (result)
			break;
	}
	return result;
}

int index_load_put(struct index_load *load, const void *key, size_t key_length, const void *value,
		   size_t value_length)
{
	int result;

	assert(load->write);
	result = check_order(load, key, key_length);
	if (!result)
		result = note_row(load, key, key_length, value, value_length);
	if (result)
		return result;
	if (key_table(key, key_length) == TABLE_META) {
		keep_meta(load, value, value_length);
		return 0;
	}
	result = lmdb_write_append(load->write, key, key_length, value, value_length);
	load->step_bytes += key_length + value_length;
	if (result || load->step_bytes < STEP_BYTES)
		return result;
	result = end_step(load);
	return result ? result : begin_step(load);
}

static int write_counters(struct index_load *load)
{
	struct index *index = load->index;
	struct row_key loading;
	int result = lmdb_write_meta(load->write, META_INODES, load->inodes);

	key_meta(&loading, META_LOADING);
	if (!result)
		result = lmdb_write_meta(load->write, META_MAPPED, load->mapped);
	if (!result)
		result = lmdb_write_meta(load->write, META_NEXT_INO, atomic_load(&index->next_ino));
	if (!result)
		result = lmdb_write_meta(load->write, META_NEXT_CHUNK,
					 atomic_load(&index->next_chunk));
	if (!result)
		result = lmdb_write_delete(load->write, loading.bytes, loading.length);
	return result;
}

static void load_free(struct index_load *load)
{
	batch_release(&load->meta);
	free(load);
}

static int clear_rows(struct lmdb_write *write)
{
	struct row_key loading;
	int result = lmdb_write_clear(write);

	key_meta(&loading, META_LOADING);
	return result ? result : lmdb_write_delete(write, loading.bytes, loading.length);
}

int index_load_clear(struct index *index)
{
	struct lmdb_write *write;
	int result = lmdb_write_begin(index->lmdb, &write);

	if (result)
		return result;
	result = clear_rows(write);
	if (!result)
		return lmdb_write_commit(write);
	lmdb_write_abort(write);
	return result;
}

int index_load_commit(struct index_load *load)
{
	struct index *index = load->index;
	int result = write_meta(load);

	if (!result)
		result = write_counters(load);
	if (!result)
		result = end_step(load);
	if (result) {
		index_load_abort(load);
		return result;
	}
	lock_acquire(&index->lock);
	index->inodes = load->inodes;
	index->mapped = load->mapped;
	index->highest_inode = load->highest_inode;
	index->highest_content = load->highest_content;
	lock_release(&index->lock);
	load_free(load);
	return 0;
}

void index_load_abort(struct index_load *load)
{
	if (load->write)
		lmdb_write_abort(load->write);
	/* A failure here is met again, and reported, by the next index_open(). */
	if (load->stepped)
		index_load_clear(load->index);
	load_free(load);
}
