/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ledger.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

#define KEY_SIZE   8
#define FIXED_SIZE 20 /* of the value, before the path */

void ledger_put(struct row_run_writer *writer, const struct ledger_row *row)
{
	size_t cut = row->path_length > LEDGER_PATH_MAX ? row->path_length - LEDGER_PATH_MAX : 0;
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	uint8_t key[KEY_SIZE];

	store_be64(key, row->ino);
	buffer_put_u64(&value, row->size);
	buffer_put_u64(&value, (uint64_t)row->mtime_ns);
	buffer_put_u32(&value, row->flags);
	buffer_append(&value, row->path + cut, row->path_length - cut);
	row_run_writer_put(writer, key, sizeof(key), value.data, value.length);
}

int ledger_next(struct row_run_reader *reader, struct ledger_row *row_out)
{
	struct row_run_row row;
	int rc = row_run_reader_next(reader, &row);

	if (rc <= 0)
		return rc;
	/* a tombstone has no value: it is too short */
	if (row.key_length != KEY_SIZE || row.value_length < FIXED_SIZE ||
	    row.value_length > FIXED_SIZE + LEDGER_PATH_MAX)
		return err_set(-ERR_commit_corrupt, "%s: row %" PRIu64 " is no row of a ledger",
			       reader->name, reader->rows - 1);
	row_out->ino = load_be64(row.key);
	row_out->size = load_le64(row.value);
	row_out->mtime_ns = (int64_t)load_le64(row.value + 8);
	row_out->flags = load_le32(row.value + 16);
	row_out->path = (const char *)row.value + FIXED_SIZE;
	row_out->path_length = row.value_length - FIXED_SIZE;
	return 1;
}
