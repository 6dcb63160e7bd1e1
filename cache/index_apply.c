/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_apply.h"

#include <assert.h>
#include <string.h>

#include "backend/base/error.h"

static struct memtable *active_locked(struct index *index)
{
	lock_assert_held(&index->lock);
	return index->view->tables[0].memtable;
}

static void raise_counter(atomic_uint_least64_t *counter, uint64_t least)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	while (now < least &&
	       !atomic_compare_exchange_weak_explicit(counter, &now, least, memory_order_relaxed,
						      memory_order_relaxed))
		continue;
}

void index_apply_numbers(struct index *index, const void *key, size_t key_length)
{
	enum row_table table = key_table(key, key_length);

	if (table == TABLE_INODE)
		raise_counter(&index->next_ino, key_number(key, key_length) + 1);
	else if (table == TABLE_CHUNK || table == TABLE_PACK)
		raise_counter(&index->next_chunk, key_number(key, key_length) + 1);
}

/* The value below the active memtable, in index->scratch; or -ENOENT. */
static int find_below_locked(struct index *index, const void *key, size_t key_length)
{
	const struct memtable_value *value = index_view_find(index->view, 1, key, key_length);
	struct lmdb_read *read;
	const uint8_t *bytes;
	size_t length;
	int result;

	lock_assert_held(&index->lock);
	buffer_clear(&index->scratch);
	if (value) {
		buffer_append(&index->scratch, value->bytes, value->length);
		return value->deleted ? -ENOENT : 0;
	}
	result = lmdb_read_begin(index->lmdb, &read);
	if (result)
		return result;
	result = lmdb_read_get(read, key, key_length, &bytes, &length);
	if (!result)
		buffer_append(&index->scratch, bytes, length);
	lmdb_read_end(read);
	return result;
}

/*
 * The bytes of the item's row as they were before it: `here` is what the active
 * memtable had; what is below needs to be looked for only when `below` says
 * that the row may be there. -ENOENT when there was no row. They are good
 * until the next look.
 */
static int find_before_locked(struct index *index, const struct batch_item *item,
			      const struct memtable_value *here, bool below,
			      const uint8_t **bytes_out, size_t *length_out)
{
	int result;

	if (here) {
		*bytes_out = here->bytes;
		*length_out = here->length;
		return here->deleted ? -ENOENT : 0;
	}
	if (!below)
		return -ENOENT;
	result = find_below_locked(index, item->key, item->key_length);
	*bytes_out = index->scratch.data;
	*length_out = index->scratch.length;
	return result;
}

static int nlink_of(const void *value, size_t length, uint32_t *nlink_out)
{
	struct inode_row row;
	int result = row_get_inode(value, length, &row);

	*nlink_out = row.nlink;
	return result;
}

/* Counts inodes with links; `here` is what the active memtable had. */
static int count_inode_locked(struct index *index, const struct batch_item *item,
			      const struct memtable_value *here)
{
	uint64_t ino = key_number(item->key, item->key_length);
	const uint8_t *bytes;
	size_t length;
	uint32_t was = 0;
	uint32_t is = 0;
	int result =
		find_before_locked(index, item, here, ino <= index->highest_inode, &bytes, &length);

	if (!result)
		result = nlink_of(bytes, length, &was);
	else if (result == -ENOENT)
		result = 0;
	if (!result && item->op == BATCH_OP_ROW_PUT)
		result = nlink_of(item->value, item->value_length, &is);
	if (result)
		return result;
	if (ino > index->highest_inode)
		index->highest_inode = ino;
	index->inodes += (uint64_t)(is > 0) - (uint64_t)(was > 0);
	return 0;
}

static int mapped_of(const void *value, size_t length, uint64_t *mapped_out)
{
	struct content_row row;
	int result = row_get_content(value, length, &row);

	*mapped_out = row.mapped;
	return result;
}

/* Sums up the bytes of all files; `here` as above. */
static int count_content_locked(struct index *index, const struct batch_item *item,
				const struct memtable_value *here)
{
	uint64_t ino = key_number(item->key, item->key_length);
	const uint8_t *bytes;
	size_t length;
	uint64_t was = 0;
	uint64_t is = 0;
	int result = find_before_locked(index, item, here, ino <= index->highest_content, &bytes,
					&length);

	if (!result)
		result = mapped_of(bytes, length, &was);
	else if (result == -ENOENT)
		result = 0;
	if (!result && item->op == BATCH_OP_ROW_PUT)
		result = mapped_of(item->value, item->value_length, &is);
	if (!result)
		index->mapped += is - was;
	return result;
}

static bool is_content_dirty_key(const void *key, size_t length)
{
	return key_table(key, length) == TABLE_DIRTY &&
	       key_table((const uint8_t *)key + 1, length - 1) == TABLE_CONTENT;
}

/* `here` is what the active memtable has. */
static int read_dirty_locked(struct index *index, const struct row_key *dirty_key,
			     const struct memtable_value *here, struct dirty_row *out)
{
	int result;

	if (here)
		return here->deleted ? -ENOENT : row_get_dirty(here->bytes, here->length, out);
	if (is_content_dirty_key(dirty_key->bytes, dirty_key->length) &&
	    key_number(dirty_key->bytes + 1, dirty_key->length - 1U) > index->highest_content)
		return -ENOENT;
	result = find_below_locked(index, dirty_key->bytes, dirty_key->length);
	return result ? result : row_get_dirty(index->scratch.data, index->scratch.length, out);
}

int index_dirty_find_locked(struct index *index, const struct row_key *dirty_key,
			    struct dirty_row *out)
{
	return read_dirty_locked(
		index, dirty_key,
		memtable_find(active_locked(index), dirty_key->bytes, dirty_key->length), out);
}

/* The DIRTY row of CONTENT is merged with the one before: the age of a
 * file's unsent bytes, and whether they were synced, outlive later writes. */
static int merge_dirty_locked(struct index *index, const struct batch_item *item,
			      const struct memtable_node *node, struct dirty_row *row)
{
	struct row_key dirty_key;
	struct dirty_row before;
	int result;

	key_dirty(&dirty_key, item->key, item->key_length);
	result = read_dirty_locked(index, &dirty_key, memtable_node_get(node, MEMTABLE_DIRTY),
				   &before);
	if (result && result != -ENOENT)
		return result;
	if (result) {
		index->dirty_files++;
	} else {
		row->since_ns = before.since_ns;
		if (!row->flags)
			row->barrier_lsn = before.barrier_lsn;
		row->flags |= before.flags;
	}
	return 0;
}

static int put_dirty_locked(struct index *index, const struct journal_record *record,
			    const struct batch_item *item, struct memtable_node *node)
{
	struct dirty_row row = { .lsn = record->lsn, .since_ns = record->time_ns };
	int result = 0;

	if (item->flags & ROW_BARRIER) {
		row.flags = DIRTY_BARRIER | (item->flags & ROW_REPLACES ? DIRTY_REPLACES : 0);
		row.barrier_lsn = record->lsn;
	}
	if (key_table(item->key, item->key_length) == TABLE_CONTENT)
		result = merge_dirty_locked(index, item, node, &row);
	if (result)
		return result;
	buffer_clear(&index->scratch);
	row_put_dirty(&index->scratch, &row);
	memtable_node_set(active_locked(index), node, MEMTABLE_DIRTY, index->scratch.data,
			  index->scratch.length);
	return 0;
}

static void change_row_locked(struct index *index, const struct batch_item *item)
{
	if (item->op == BATCH_OP_ROW_DELETE)
		memtable_erase(active_locked(index), item->key, item->key_length);
	else
		memtable_insert(active_locked(index), item->key, item->key_length, item->value,
				item->value_length);
}

/* A DIRTY row that a batch itself puts or deletes (index_mark_clean()). */
static int apply_dirty_row_locked(struct index *index, const struct batch_item *item)
{
	struct row_key key = { .length = (uint16_t)item->key_length };
	struct dirty_row before;
	int result;

	if (is_content_dirty_key(item->key, item->key_length)) {
		memcpy(key.bytes, item->key, item->key_length);
		result = index_dirty_find_locked(index, &key, &before);
		if (result && result != -ENOENT)
			return result;
		index->dirty_files += (uint64_t)(item->op == BATCH_OP_ROW_PUT) - (uint64_t)!result;
	}
	change_row_locked(index, item);
	return 0;
}

static bool table_has_dirty_rows(enum row_table table)
{
	return table_is_cloud(table) && table != TABLE_CHUNK && table != TABLE_PACK;
}

static bool key_is(const struct batch_item *item, const char *meta_name)
{
	struct row_key key;

	key_meta(&key, meta_name);
	return item->key_length == key.length && !memcmp(item->key, key.bytes, key.length);
}

static int raise_from_meta(struct index *index, const struct batch_item *item)
{
	atomic_uint_least64_t *counter = NULL;
	uint64_t value;
	int result;

	if (key_is(item, META_NEXT_INO))
		counter = &index->next_ino;
	else if (key_is(item, META_NEXT_CHUNK))
		counter = &index->next_chunk;
	if (!counter || item->op != BATCH_OP_ROW_PUT)
		return 0;
	result = row_get_u64(item->value, item->value_length, &value);
	if (!result)
		raise_counter(counter, value);
	return result;
}

static int apply_row_locked(struct index *index, const struct journal_record *record,
			    const struct batch_item *item)
{
	enum row_table table = key_table(item->key, item->key_length);
	const struct memtable_value *before;
	struct memtable_node *node;
	int result = 0;

	if (table == TABLE_DIRTY)
		return apply_dirty_row_locked(index, item);
	node = memtable_node(active_locked(index), item->key, item->key_length);
	before = memtable_node_get(node, MEMTABLE_ROW);
	if (item->op == BATCH_OP_ROW_DELETE)
		memtable_node_erase(node, MEMTABLE_ROW);
	else
		memtable_node_set(active_locked(index), node, MEMTABLE_ROW, item->value,
				  item->value_length);
	index_apply_numbers(index, item->key, item->key_length);
	if (table == TABLE_INODE)
		result = count_inode_locked(index, item, before);
	else if (table == TABLE_CONTENT)
		result = count_content_locked(index, item, before);
	else if (table == TABLE_META)
		result = raise_from_meta(index, item);
	if (!result && item->flags & ROW_CLOUD && table_has_dirty_rows(table))
		result = put_dirty_locked(index, record, item, node);
	if (table == TABLE_CONTENT &&
	    key_number(item->key, item->key_length) > index->highest_content)
		index->highest_content = key_number(item->key, item->key_length);
	return result;
}

int index_apply_locked(struct index *index, const struct journal_record *record)
{
	struct batch_item item;
	struct reader reader;
	int result;

	reader_init(&reader, record->body, record->body_length);
	while ((result = batch_next(&reader, &item)) == 1) {
		result = 0;
		if (item.op == BATCH_OP_SEGMENT_USE && index->conf.hooks.segment_use)
			index->conf.hooks.segment_use(index->conf.hooks.arg, item.segment,
						      item.live, item.dirty);
		else if (item.op == BATCH_OP_ROW_PUT || item.op == BATCH_OP_ROW_DELETE)
			result = apply_row_locked(index, record, &item);
		if (result)
			return result;
	}
	return result;
}

int index_apply_attributes_locked(struct index *index, const struct journal_record *record)
{
	struct batch_item item;
	struct reader reader;
	int result;

	reader_init(&reader, record->body, record->body_length);
	while ((result = batch_next(&reader, &item)) == 1) {
		result = 0;
		if (item.op == BATCH_OP_ROW_PUT &&
		    key_table(item.key, item.key_length) == TABLE_INODE)
			result = apply_row_locked(index, record, &item);
		if (result)
			return result;
	}
	return result;
}

void index_apply_raw_locked(struct index *index, const struct batch *batch)
{
	struct batch_item item;
	struct reader reader;

	reader_init(&reader, batch->body.data, batch->body.length);
	while (batch_next(&reader, &item) == 1) {
		assert(item.op == BATCH_OP_ROW_PUT || item.op == BATCH_OP_ROW_DELETE);
		change_row_locked(index, &item);
	}
}
