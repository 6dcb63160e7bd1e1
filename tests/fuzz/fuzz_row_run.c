/* SPDX-License-Identifier: Apache-2.0 */
/* A run of rows: what can be read is written again and read the same. */
#include "backend/base/cleanup.h"
#include "cache/ledger.h"
#include "cache/row_run.h"
#include "tests/fuzz/fuzz.h"

static void assert_same(const struct row_run_row *a, const struct row_run_row *b)
{
	assert(a->key_length == b->key_length && a->value_length == b->value_length);
	assert(memcmp(a->key, b->key, a->key_length) == 0);
	assert(memcmp(a->value, b->value, a->value_length) == 0);
	assert(a->removed == b->removed);
}

static void copy_rows(const uint8_t *bytes, size_t size, struct row_run_writer *writer)
{
	struct row_run_reader reader;
	struct row_run_row row;

	row_run_reader_init(&reader, bytes, size, "input");
	while (row_run_reader_next(&reader, &row) > 0) {
		if (row.removed)
			row_run_writer_remove(writer, row.key, row.key_length);
		else
			row_run_writer_put(writer, row.key, row.key_length, row.value,
					   row.value_length);
	}
	assert(writer->rows == reader.rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct row_run_reader reader;
	struct row_run_reader copy;
	struct row_run_writer writer;
	struct ledger_row ledger_row;
	struct row_run_row row;
	struct row_run_row row_copy;

	row_run_writer_init(&writer);
	copy_rows(data, size, &writer);
	row_run_reader_init(&reader, data, size, "input");
	row_run_reader_init(&copy, writer.bytes.data, writer.bytes.length, "copy");
	while (row_run_reader_next(&copy, &row_copy) > 0) {
		assert(row_run_reader_next(&reader, &row) == 1);
		assert_same(&row, &row_copy);
	}
	assert(copy.rows == writer.rows);
	row_run_writer_release(&writer);
	row_run_reader_init(&reader, data, size, "input");
	while (ledger_next(&reader, &ledger_row) > 0)
		assert(ledger_row.path_length <= LEDGER_PATH_MAX);
	return 0;
}
