/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/row_run.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "backend/base/error.h"

void row_run_writer_init(struct row_run_writer *writer)
{
	memset(&writer->bytes, 0, sizeof(writer->bytes));
	row_run_writer_clear(writer);
}

void row_run_writer_clear(struct row_run_writer *writer)
{
	buffer_clear(&writer->bytes);
	writer->rows = 0;
	writer->last_key_length = 0;
}

void row_run_writer_release(struct row_run_writer *writer)
{
	buffer_release(&writer->bytes);
	row_run_writer_clear(writer);
}

static size_t shared_length(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	size_t shortest = a_length < b_length ? a_length : b_length;
	size_t i;

	for (i = 0; i < shortest && a[i] == b[i]; i++)
		;
	return i;
}

static void put_key(struct row_run_writer *writer, const uint8_t *key, size_t length)
{
	size_t shared = shared_length(writer->last_key, writer->last_key_length, key, length);

	assert(length > 0 && length <= ROW_RUN_KEY_MAX);
	assert(shared < length);
	assert(shared == writer->last_key_length || writer->last_key[shared] < key[shared]);
	buffer_put_varint(&writer->bytes, shared);
	buffer_put_varint(&writer->bytes, length - shared);
	buffer_append(&writer->bytes, key + shared, length - shared);
	memcpy(writer->last_key + shared, key + shared, length - shared);
	writer->last_key_length = length;
	writer->rows++;
}

void row_run_writer_put(struct row_run_writer *writer, const void *key, size_t key_length,
			const void *value, size_t value_length)
{
	assert(value_length <= ROW_RUN_VALUE_MAX);
	put_key(writer, key, key_length);
	buffer_put_varint(&writer->bytes, (uint64_t)value_length + 1);
	buffer_append(&writer->bytes, value, value_length);
}

void row_run_writer_remove(struct row_run_writer *writer, const void *key, size_t key_length)
{
	put_key(writer, key, key_length);
	buffer_put_varint(&writer->bytes, 0);
}

void row_run_reader_init(struct row_run_reader *reader, const void *bytes, size_t length,
			 const char *name)
{
	reader_init(&reader->bytes, bytes, length);
	reader->name = name;
	reader->rows = 0;
	reader->key_length = 0;
}

static int corrupt(struct row_run_reader *reader, const char *why)
{
	reader->bytes.failed = true;
	return err_set(-ERR_commit_corrupt, "%s: row %" PRIu64 " %s", reader->name, reader->rows,
		       why);
}

/* Completes the key, whose beginning is still that of the row before. */
static int next_key(struct row_run_reader *reader)
{
	uint64_t shared = reader_get_varint(&reader->bytes);
	uint64_t length = reader_get_varint(&reader->bytes);
	const uint8_t *rest;
	size_t old_length;
	int order;

	if (shared > reader->key_length || length > ROW_RUN_KEY_MAX - shared)
		return corrupt(reader, "has a key beyond the limits");
	rest = reader_get_bytes(&reader->bytes, length);
	if (!rest)
		return corrupt(reader, "is cut off");
	old_length = reader->key_length - shared;
	order = memcmp(rest, reader->key + shared, length < old_length ? length : old_length);
	if (order < 0 || (order == 0 && length <= old_length))
		return corrupt(reader, "is not greater than the one before");
	memcpy(reader->key + shared, rest, length);
	reader->key_length = shared + length;
	return 0;
}

int row_run_reader_next(struct row_run_reader *reader, struct row_run_row *row_out)
{
	uint64_t value;
	int rc;

	if (!reader->bytes.failed && reader_left(&reader->bytes) == 0)
		return 0;
	rc = next_key(reader);
	if (rc)
		return rc;
	value = reader_get_varint(&reader->bytes);
	row_out->removed = value == 0;
	row_out->value_length = value ? value - 1 : 0;
	if (row_out->value_length > ROW_RUN_VALUE_MAX)
		return corrupt(reader, "has a value beyond the limits");
	row_out->value = reader_get_bytes(&reader->bytes, row_out->value_length);
	if (!row_out->value)
		return corrupt(reader, "is cut off");
	row_out->key = reader->key;
	row_out->key_length = reader->key_length;
	reader->rows++;
	return 1;
}
