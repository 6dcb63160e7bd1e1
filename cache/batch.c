/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/batch.h"

#include <assert.h>
#include <string.h>

#include "backend/base/error.h"

#define ROW_FLAGS_KNOWN (ROW_CLOUD | ROW_BARRIER | ROW_REPLACES)

void batch_init(struct batch *batch, enum batch_kind kind, uint64_t ino)
{
	memset(batch, 0, sizeof(*batch));
	batch_reset(batch, kind, ino);
}

void batch_release(struct batch *batch)
{
	buffer_release(&batch->body);
	memset(batch, 0, sizeof(*batch));
}

void batch_reset(struct batch *batch, enum batch_kind kind, uint64_t ino)
{
	assert(kind != BATCH_INVALID);
	batch->kind = kind;
	batch->ino = ino;
	batch->time_ns = 0;
	batch->count = 0;
	buffer_clear(&batch->body);
}

bool batch_is_empty(const struct batch *batch)
{
	return !batch->count && batch->kind != BATCH_SYNC;
}

/* Op, flags and key length, which both row operations begin with. */
static void put_row_head(struct batch *batch, enum batch_op op, const struct row_key *key,
			 unsigned int flags)
{
	assert(key->length && key->length <= ROW_KEY_MAX);
	assert(!(flags & ~ROW_FLAGS_KNOWN));
	buffer_put_u8(&batch->body, (uint8_t)op);
	buffer_put_u8(&batch->body, (uint8_t)flags);
	buffer_put_u16(&batch->body, key->length);
	batch->count++;
}

void batch_put(struct batch *batch, const struct row_key *key, const struct buffer *value,
	       unsigned int flags)
{
	assert(value->length <= ROW_VALUE_MAX);
	put_row_head(batch, BATCH_OP_ROW_PUT, key, flags);
	buffer_put_u32(&batch->body, (uint32_t)value->length);
	buffer_append(&batch->body, key->bytes, key->length);
	buffer_append(&batch->body, value->data, value->length);
}

void batch_delete(struct batch *batch, const struct row_key *key, unsigned int flags)
{
	put_row_head(batch, BATCH_OP_ROW_DELETE, key, flags);
	buffer_append(&batch->body, key->bytes, key->length);
}

void batch_segment_use(struct batch *batch, uint64_t segment, int64_t live, int64_t dirty)
{
	buffer_put_u8(&batch->body, BATCH_OP_SEGMENT_USE);
	buffer_put_u64(&batch->body, segment);
	buffer_put_u64(&batch->body, (uint64_t)live);
	buffer_put_u64(&batch->body, (uint64_t)dirty);
	batch->count++;
}

void batch_redo(struct batch *batch, uint64_t segment, uint32_t offset, const void *bytes,
		uint32_t length)
{
	buffer_put_u8(&batch->body, BATCH_OP_REDO);
	buffer_put_u64(&batch->body, segment);
	buffer_put_u32(&batch->body, offset);
	buffer_put_u32(&batch->body, length);
	buffer_append(&batch->body, bytes, length);
	batch->count++;
}

/*
 * The typed shorthands encode the value in place: the value length is filled
 * in once it is known.
 */
static size_t put_begin(struct batch *batch, const struct row_key *key, unsigned int flags)
{
	size_t length_place;

	put_row_head(batch, BATCH_OP_ROW_PUT, key, flags);
	length_place = batch->body.length;
	buffer_put_u32(&batch->body, 0);
	buffer_append(&batch->body, key->bytes, key->length);
	return length_place;
}

static void put_end(struct batch *batch, const struct row_key *key, size_t length_place)
{
	size_t value_start = length_place + 4 + key->length;
	size_t length = batch->body.length - value_start;

	assert(length <= ROW_VALUE_MAX);
	store_le32(batch->body.data + length_place, (uint32_t)length);
}

void batch_put_inode(struct batch *batch, uint64_t ino, const struct inode_row *row)
{
	struct row_key key;
	size_t place;

	key_inode(&key, ino);
	place = put_begin(batch, &key, ROW_CLOUD);
	row_put_inode(&batch->body, row);
	put_end(batch, &key, place);
}

void batch_put_content(struct batch *batch, uint64_t ino, const struct content_row *row,
		       unsigned int extra_flags)
{
	struct row_key key;
	size_t place;

	key_content(&key, ino);
	place = put_begin(batch, &key, ROW_CLOUD | extra_flags);
	row_put_content(&batch->body, row);
	put_end(batch, &key, place);
}

void batch_put_u64(struct batch *batch, const char *meta_name, uint64_t value)
{
	struct row_key key;
	size_t place;

	key_meta(&key, meta_name);
	place = put_begin(batch, &key, ROW_LOCAL);
	buffer_put_u64(&batch->body, value);
	put_end(batch, &key, place);
}

static bool key_has_table(const uint8_t *key, size_t length)
{
	enum row_table table = key_table(key, length);

	if (table == TABLE_DIRTY)
		table = key_table(key + 1, length - 1);
	return table >= TABLE_META && table < TABLE_DIRTY;
}

static void get_row(struct reader *reader, struct batch_item *item)
{
	item->flags = reader_get_u8(reader);
	item->key_length = reader_get_u16(reader);
	if (item->op == BATCH_OP_ROW_PUT)
		item->value_length = reader_get_u32(reader);
	if (!item->key_length || item->key_length > ROW_KEY_MAX ||
	    item->value_length > ROW_VALUE_MAX || item->flags & ~ROW_FLAGS_KNOWN)
		reader->failed = true;
	item->key = reader_get_bytes(reader, item->key_length);
	item->value = reader_get_bytes(reader, item->value_length);
	if (item->key && !key_has_table(item->key, item->key_length))
		reader->failed = true;
}

static void get_redo(struct reader *reader, struct batch_item *item)
{
	item->segment = reader_get_u64(reader);
	item->offset = reader_get_u32(reader);
	item->value_length = reader_get_u32(reader);
	item->value = reader_get_bytes(reader, item->value_length);
}

int batch_next(struct reader *reader, struct batch_item *item)
{
	size_t start = reader->position;

	if (!reader_left(reader))
		return 0;
	memset(item, 0, sizeof(*item));
	item->op = reader_get_u8(reader);
	switch (item->op) {
	case BATCH_OP_ROW_PUT:
	case BATCH_OP_ROW_DELETE:
		get_row(reader, item);
		break;
	case BATCH_OP_SEGMENT_USE:
		item->segment = reader_get_u64(reader);
		item->live = (int64_t)reader_get_u64(reader);
		item->dirty = (int64_t)reader_get_u64(reader);
		break;
	case BATCH_OP_REDO:
		get_redo(reader, item);
		break;
	default:
		reader->failed = true;
	}
	if (reader->failed)
		return err_set(-ERR_journal_corrupt,
			       "a journal record is malformed at byte %zu of its body", start);
	return 1;
}
