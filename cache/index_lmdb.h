/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bottom of the index: rows in LMDB, and the only code that knows it.
 *
 * One environment in DIRECTORY (data.mdb, lock.mdb), one unnamed database.
 * It is opened in LMDB's safe mode: a committed write transaction is durable
 * and whole, a crash before that leaves the one before. Each value is stored
 * with a CRC-32C of key and value behind it, because LMDB checks no bytes: a
 * damaged row is an error that names its table, never a wrong answer.
 *
 * The META row "index.format" says how the rows are written. A database with
 * another version, without it, cut short, or unreadable is refused; nothing
 * is ever deleted here but by lmdb_write_clear().
 *
 *	transaction   how many           cost and duty
 *	read          up to 1000         cheap (taken from a pool); short: pages
 *	                                 it can see are not reused
 *	write         one at a time      synced at commit; begin, put and commit
 *	                                 on one thread
 *
 * A read transaction and its cursor belong to one thread at a time.
 */
#ifndef DRAY_CACHE_INDEX_LMDB_H
#define DRAY_CACHE_INDEX_LMDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_lmdb;
struct lmdb_read;
struct lmdb_write;
struct lmdb_cursor;

/* Creates the directory and the database unless read_only, which writes
 * nothing at all, not even a lock file. */
int index_lmdb_open(const char *directory, bool read_only, struct index_lmdb **out);
void index_lmdb_close(struct index_lmdb *lmdb);
/* Bytes of the file that are in use. */
uint64_t index_lmdb_bytes(struct index_lmdb *lmdb);

/* The state as of the last committed write transaction. */
int lmdb_read_begin(struct index_lmdb *lmdb, struct lmdb_read **out);
void lmdb_read_end(struct lmdb_read *read);
/* 0 and the value (valid until lmdb_read_end()), -ENOENT, or an error. */
int lmdb_read_get(struct lmdb_read *read, const void *key, size_t key_length, const uint8_t **value,
		  size_t *value_length);
/* The number in a META row, `fallback` when there is none. */
int lmdb_read_meta(struct lmdb_read *read, const char *name, uint64_t fallback,
		   uint64_t *value_out);

/* End all cursors of a read transaction before it ends. */
int lmdb_cursor_open(struct lmdb_read *read, struct lmdb_cursor **out);
void lmdb_cursor_close(struct lmdb_cursor *cursor);
/*
 * Each: 1 and the row in the cursor, 0 when there is none, or an error.
 * Rows are valid until the read transaction ends.
 */
int lmdb_cursor_seek(struct lmdb_cursor *cursor, const void *key, size_t key_length);
int lmdb_cursor_next(struct lmdb_cursor *cursor);
/* The last row with a key below key. */
int lmdb_cursor_before(struct lmdb_cursor *cursor, const void *key, size_t key_length);
const uint8_t *lmdb_cursor_key(const struct lmdb_cursor *cursor, size_t *length_out);
const uint8_t *lmdb_cursor_value(const struct lmdb_cursor *cursor, size_t *length_out);

/*
 * Waits for another write transaction to end. A failed put leaves it open
 * for lmdb_write_abort(); lmdb_write_commit() ends it either way.
 * -ERR_cache_full: the disk or the map is full; nothing happened.
 */
int lmdb_write_begin(struct index_lmdb *lmdb, struct lmdb_write **out);
int lmdb_write_put(struct lmdb_write *write, const void *key, size_t key_length, const void *value,
		   size_t value_length);
/* As put; faster, and an error unless key is greater than all others. */
int lmdb_write_append(struct lmdb_write *write, const void *key, size_t key_length,
		      const void *value, size_t value_length);
/* Deletes; no error when there is no such row. */
int lmdb_write_delete(struct lmdb_write *write, const void *key, size_t key_length);
int lmdb_write_meta(struct lmdb_write *write, const char *name, uint64_t value);
/* Deletes all rows but those of META. */
int lmdb_write_clear(struct lmdb_write *write);
int lmdb_write_commit(struct lmdb_write *write);
void lmdb_write_abort(struct lmdb_write *write);

#endif
