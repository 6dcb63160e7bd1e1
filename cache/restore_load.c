/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new cache: the rows of the checkpoint and of the commits behind it, sorted,
 * newest wins, straight into the empty index. Two kinds of rows are derived
 * from them on the way, as no commit carries them:
 *
 *	DEDUP    of each chunk that can be found by its content
 *	ORPHAN   of an inode that lost its INODE row while its other rows were
 *		 still to be removed when the machine was lost; ns_reap_orphans()
 *		 removes the rest
 */
#include <inttypes.h>
#include <malloc.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/restore_int.h"
#include "cache/restore_rows.h"

#define PROGRESS_ROWS 65536

/* Inode numbers as they passed, ascending, as differences. */
struct number_list {
	struct buffer bytes;
	uint64_t last;
	struct reader reader;
	uint64_t read;
};

struct loader {
	struct restore *restore;
	struct restore_rows *rows;
	struct index_load *load;
	struct number_list inodes;
	enum row_table table; /* of the row before */
	struct row_sort *derived;
	uint64_t orphan; /* the last one found */
	uint64_t loaded;
};

static void list_add(struct number_list *list, uint64_t number)
{
	buffer_put_varint(&list->bytes, number - list->last);
	list->last = number;
}

static void list_rewind(struct number_list *list)
{
	reader_init(&list->reader, list->bytes.data, list->bytes.length);
	list->read = 0;
}

/* Asked with ascending numbers between two rewinds. */
static bool list_has(struct number_list *list, uint64_t number)
{
	while (list->read < number && reader_left(&list->reader))
		list->read += reader_get_varint(&list->reader);
	return list->read == number;
}

static int add_rows(const struct row_run_row *row, void *arg)
{
	return row_sort_add(arg, row);
}

int restore_load_entry(struct restore *restore, const struct log_entry *entry)
{
	return log_each_row(restore->cache, NULL, entry, add_rows, restore->rows);
}

static int derive(struct loader *loader, const struct row_key *key, const struct buffer *value)
{
	struct row_run_row row = {
		.key = key->bytes,
		.key_length = key->length,
		.value = value->data ? value->data : (const uint8_t *)"",
		.value_length = value->length,
	};

	return row_sort_add(loader->derived, &row);
}

static int derive_dedup(struct loader *loader, const struct row_run_row *row)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct dedup_row dedup = { .chunk = key_number(row->key, row->key_length) };
	struct chunk_row chunk;
	struct row_key key;
	int result = row_get_chunk(row->value, row->value_length, &chunk);

	if (result)
		return result;
	dedup.length = chunk.raw_length;
	key_dedup(&key, chunk.digest);
	row_put_dedup(&value, &dedup);
	return derive(loader, &key, &value);
}

static int derive_orphan(struct loader *loader, uint64_t ino)
{
	struct buffer none = BUFFER_INIT;
	struct row_key key;

	if (list_has(&loader->inodes, ino) || loader->orphan == ino)
		return 0;
	loader->orphan = ino;
	key_orphan(&key, ino);
	return derive(loader, &key, &none);
}

static int derive_rows(struct loader *loader, const struct row_run_row *row)
{
	enum row_table table = key_table(row->key, row->key_length);
	uint64_t number = key_number(row->key, row->key_length);

	if (table != loader->table) {
		loader->table = table;
		loader->orphan = 0;
		list_rewind(&loader->inodes);
	}
	switch (table) {
	case TABLE_INODE:
		list_add(&loader->inodes, number);
		return 0;
	case TABLE_XATTR:
	case TABLE_CONTENT:
	case TABLE_EXTENT:
		return derive_orphan(loader, number);
	case TABLE_CHUNK:
		return derive_dedup(loader, row);
	case TABLE_DIRENT:
	case TABLE_PACK:
		return 0;
	default:
		return err_set(-ERR_commit_corrupt,
			       "the log carries a row of table 0x%02x, which no commit may",
			       (unsigned int)table);
	}
}

static int load_row(struct loader *loader, const struct row_run_row *row)
{
	if (++loader->loaded % PROGRESS_ROWS == 0)
		restore_progress(loader->restore, "restoring", loader->loaded,
				 restore_rows_count(loader->rows));
	return index_load_put(loader->load, row->key, row->key_length, row->value,
			      row->value_length);
}

/* The record as META rows, which sort before all others. */
static int load_record(struct loader *loader)
{
	const struct log_position *position = &loader->restore->position;
	struct commit_record record = {
		.seq = position->seq,
		.hash = position->hash,
		.epoch = position->epoch,
		.cut_real_ns = loader->restore->cut_real_ns,
		.least_ino = position->next_ino + RESTORE_SKIP,
		.least_chunk = position->next_chunk_id + RESTORE_SKIP,
	};
	struct batch_item item;
	struct reader reader;
	struct batch batch;
	int result;

	batch_init(&batch, BATCH_ROWS, 0);
	commit_record_put(&batch, &record);
	reader_init(&reader, batch.body.data, batch.body.length);
	while ((result = batch_next(&reader, &item)) > 0) {
		result = index_load_put(loader->load, item.key, item.key_length, item.value,
					item.value_length);
		if (result)
			break;
	}
	batch_release(&batch);
	return result;
}

static int load_all(struct loader *loader)
{
	struct row_run_row row;
	int result = load_record(loader);

	while (!result && (result = restore_rows_next(loader->rows, &row)) > 0) {
		result = derive_rows(loader, &row);
		if (!result)
			result = load_row(loader, &row);
	}
	if (!result)
		result = row_sort_finish(loader->derived);
	while (!result && (result = row_sort_next(loader->derived, &row)) > 0)
		result = load_row(loader, &row);
	return result;
}

static int raise_counters(struct restore *restore)
{
	return index_counters_raise(restore->cache->index,
				    restore->position.next_ino + RESTORE_SKIP,
				    restore->position.next_chunk_id + RESTORE_SKIP);
}

int restore_load_finish(struct restore *restore)
{
	CLEANUP_FREE char *directory = xasprintf("%s/restore-derived", restore->cache->directory);
	struct loader loader = { .restore = restore };
	int result = row_sort_new(directory, 0, &loader.derived);

	if (result)
		return result;
	result = row_sort_finish(restore->rows);
	if (!result)
		result = restore_rows_open(restore->cache, &restore->root, restore->rows,
					   &loader.rows);
	if (!result)
		result = index_load_begin(restore->cache->index, &loader.load);
	if (!result) {
		result = load_all(&loader);
		CRASH_POINT(restore_loaded);
		if (result)
			index_load_abort(loader.load);
		else
			result = index_load_commit(loader.load);
		CRASH_POINT(restore_load_committed);
	}
	restore_rows_close(loader.rows);
	buffer_release(&loader.inodes.bytes);
	row_sort_free(loader.derived);
	/* Runs and LMDB's changed pages: the heap does not shrink by itself. */
	malloc_trim(0);
	return result ? result : raise_counters(restore);
}
