/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: rows in strictly ascending order of their keys, each a value or a
 * tombstone (the row is deleted). Bodies of commits and runs of checkpoints are
 * runs; what the keys and values mean is told in row_format.h.
 *
 * A row, with the key's beginning left out that it shares with the key before
 * (the first row shares nothing):
 *
 *	varint  shared: bytes shared with the previous key
 *	varint  length of the rest of the key
 *	bytes   the rest of the key
 *	varint  0: tombstone; else length of the value + 1
 *	bytes   the value
 *
 * Varints are LEB128. There is no header and no end mark: a run lies in a part
 * (row_part.h), which has both. Pure; one thread a writer or reader.
 */
#ifndef DRAY_ROW_RUN_H
#define DRAY_ROW_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"

#define ROW_RUN_KEY_MAX	  511	     /* as LMDB's; a key has at least one byte */
#define ROW_RUN_VALUE_MAX (1u << 20) /* a value may be empty */

struct row_run_writer {
	struct buffer bytes;
	uint64_t rows;
	size_t last_key_length;
	uint8_t last_key[ROW_RUN_KEY_MAX];
};

void row_run_writer_init(struct row_run_writer *writer);
/* Appends a row; its key must be greater than the one before (asserted). */
void row_run_writer_put(struct row_run_writer *writer, const void *key, size_t key_length,
			const void *value, size_t value_length);
/* Appends a tombstone, under the same rule. */
void row_run_writer_remove(struct row_run_writer *writer, const void *key, size_t key_length);
/* Starts the next run, keeping the memory. */
void row_run_writer_clear(struct row_run_writer *writer);
void row_run_writer_release(struct row_run_writer *writer);

struct row_run_row {
	const uint8_t *key; /* in the reader: valid until its next row */
	size_t key_length;
	const uint8_t *value; /* in the run's bytes; not NULL unless removed */
	size_t value_length;
	bool removed; /* a tombstone: no value */
};

struct row_run_reader {
	struct reader bytes;
	const char *name; /* of the object, for messages; not owned */
	uint64_t rows;	  /* returned so far */
	size_t key_length;
	uint8_t key[ROW_RUN_KEY_MAX];
};

/* The bytes and the name must outlive the reader, which needs no release. */
void row_run_reader_init(struct row_run_reader *reader, const void *bytes, size_t length,
			 const char *name);

/*
 * The next row: returns 1, or 0 at the end of the run, or -ERR_commit_corrupt
 * when bytes are missing, a limit is broken or a key does not ascend. An error
 * stays.
 */
int row_run_reader_next(struct row_run_reader *reader, struct row_run_row *row_out);

#endif
