/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_lmdb.h"

#include <assert.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"
#include "backend/base/log.h"
#include "cache/row_format.h"

#define FORMAT_ROW     "index.format"
#define FORMAT_VERSION 1
#define MAP_BYTES_MAX  ((size_t)1 << 40)
#define MAP_BYTES_MIN  ((size_t)1 << 28)
#define READERS_MAX    1000
#define CRC_BYTES      4
/* For LMDB's own rows, of free pages. */
#define ROOM_PAGES 64

struct lmdb_read {
	struct index_lmdb *lmdb;
	MDB_txn *txn;
	struct lmdb_read *next_free;
};

struct lmdb_cursor {
	struct index_lmdb *lmdb;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
};

struct lmdb_write {
	struct index_lmdb *lmdb;
	MDB_txn *txn;
	MDB_cursor *cursor; /* stays where it was: the next key is often on the same page */
	struct buffer value;
	uint64_t changes;   /* puts and deletes, without appends */
	uint64_t put_bytes; /* of keys and values */
};

struct index_lmdb {
	/* immutable after open */
	char *path; /* of data.mdb, for messages */
	MDB_env *env;
	MDB_dbi dbi;
	/* guarded by lock: read transactions that were reset */
	struct lock lock;
	struct lmdb_read *free_reads;
};

static int report(const struct index_lmdb *lmdb, const char *what, int result)
{
	if (result == ENOSPC || result == EDQUOT || result == MDB_MAP_FULL)
		return err_set(-ERR_cache_full, "cannot %s index %s: %s; free space on its disk",
			       what, lmdb->path, mdb_strerror(result));
	if (result == MDB_VERSION_MISMATCH)
		return err_set(-ERR_format_newer,
			       "index %s is of another LMDB version; use the drayfs that wrote it",
			       lmdb->path);
	if (result == MDB_PAGE_NOTFOUND || result == MDB_CORRUPTED || result == MDB_PANIC ||
	    result == MDB_INVALID)
		return err_set(
			-ERR_index_corrupt,
			"cannot %s index %s: %s; nothing was changed. Keep a copy of the cache "
			"directory, then mount with another --cache to go on from the bucket",
			what, lmdb->path, mdb_strerror(result));
	return err_set(-ERR_local_io, "cannot %s index %s: %s", what, lmdb->path,
		       mdb_strerror(result));
}

/* LMDB found its pages inconsistent: going on could serve wrong rows. */
static void assertion_failed(MDB_env *env, const char *message)
{
	const char *path = "";

	mdb_env_get_path(env, &path);
	log_error("index in %s is damaged (%s): stopping; nothing was deleted", path, message);
	abort();
}

static int make_directory(const char *directory)
{
	if (mkdir(directory, 0700) && errno != EEXIST)
		return err_set_errno(-ERR_local_io, errno, "cannot create directory %s", directory);
	return 0;
}

/* The name of a file that was just created must survive a power cut, too. */
static int sync_directory(const char *directory)
{
	CLEANUP_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || disk_fsync(fd))
		return err_set_errno(-ERR_local_io, errno, "cannot sync directory %s", directory);
	return 0;
}

/*
 * Address space is all that a map costs; it is set once and never grown. A
 * process with a limit on it gets as much as it may have.
 */
static int open_env(struct index_lmdb *lmdb, const char *directory, bool read_only)
{
	unsigned int flags = MDB_NOTLS | (read_only ? MDB_RDONLY | MDB_NOLOCK : 0);
	size_t map_bytes = MAP_BYTES_MAX;
	int result;

	do {
		result = mdb_env_create(&lmdb->env);
		if (result)
			return report(lmdb, "open", result);
		mdb_env_set_mapsize(lmdb->env, map_bytes);
		mdb_env_set_maxreaders(lmdb->env, READERS_MAX);
		result = mdb_env_open(lmdb->env, directory, flags, 0600);
		if (result) {
			mdb_env_close(lmdb->env);
			lmdb->env = NULL;
		}
		map_bytes /= 4;
	} while (result == ENOMEM && map_bytes >= MAP_BYTES_MIN);
	if (result)
		return report(lmdb, "open", result);
	mdb_env_set_assert(lmdb->env, assertion_failed);
	return 0;
}

/* LMDB maps the file: touching a page behind its end would kill us. */
static int check_length(struct index_lmdb *lmdb)
{
	MDB_envinfo info;
	MDB_stat stat_of;
	struct stat file;
	uint64_t expected;

	mdb_env_info(lmdb->env, &info);
	mdb_env_stat(lmdb->env, &stat_of);
	if (stat(lmdb->path, &file))
		return report(lmdb, "open", errno);
	expected = ((uint64_t)info.me_last_pgno + 1) * stat_of.ms_psize;
	if (stat_of.ms_entries && (uint64_t)file.st_size < expected)
		return err_set(
			-ERR_index_corrupt,
			"index %s was cut short: %lld bytes instead of %llu; nothing was "
			"changed. Keep a copy of the cache directory, then mount with another "
			"--cache to go on from the bucket",
			lmdb->path, (long long)file.st_size, (unsigned long long)expected);
	return 0;
}

static int open_dbi(struct index_lmdb *lmdb, bool read_only)
{
	MDB_txn *txn;
	int result = mdb_txn_begin(lmdb->env, NULL, read_only ? MDB_RDONLY : 0, &txn);

	if (result)
		return report(lmdb, "read", result);
	result = mdb_dbi_open(txn, NULL, 0, &lmdb->dbi);
	if (result) {
		mdb_txn_abort(txn);
		return report(lmdb, "read", result);
	}
	result = mdb_txn_commit(txn);
	return result ? report(lmdb, "read", result) : 0;
}

static int create_format(struct index_lmdb *lmdb, const char *directory)
{
	struct lmdb_write *write;
	int result = lmdb_write_begin(lmdb, &write);

	if (result)
		return result;
	result = lmdb_write_meta(write, FORMAT_ROW, FORMAT_VERSION);
	if (result) {
		lmdb_write_abort(write);
		return result;
	}
	result = lmdb_write_commit(write);
	return result ? result : sync_directory(directory);
}

static int check_format(struct index_lmdb *lmdb, const char *directory, bool read_only)
{
	struct lmdb_read *read;
	MDB_stat stat_of;
	uint64_t version;
	int result;

	mdb_env_stat(lmdb->env, &stat_of);
	if (!stat_of.ms_entries && !read_only)
		return create_format(lmdb, directory);
	result = lmdb_read_begin(lmdb, &read);
	if (result)
		return result;
	result = lmdb_read_meta(read, FORMAT_ROW, 0, &version);
	lmdb_read_end(read);
	if (result)
		return result;
	if (!version)
		return err_set(-ERR_index_corrupt,
			       "index %s is not an index of drayfs: it has no format version",
			       lmdb->path);
	if (version != FORMAT_VERSION)
		return err_set(
			-ERR_format_newer,
			"index %s has format version %llu, this program knows %d; use a newer "
			"drayfs",
			lmdb->path, (unsigned long long)version, FORMAT_VERSION);
	return 0;
}

int index_lmdb_open(const char *directory, bool read_only, struct index_lmdb **out)
{
	struct index_lmdb *lmdb = xcalloc(1, sizeof(*lmdb));
	int result = read_only ? 0 : make_directory(directory);

	lmdb->path = xasprintf("%s/data.mdb", directory);
	lock_init(&lmdb->lock, LOCK_RANK_LEAF);
	if (!result)
		result = open_env(lmdb, directory, read_only);
	if (!result)
		result = check_length(lmdb);
	if (!result)
		result = open_dbi(lmdb, read_only);
	if (!result)
		result = check_format(lmdb, directory, read_only);
	if (result) {
		index_lmdb_close(lmdb);
		return result;
	}
	*out = lmdb;
	return 0;
}

void index_lmdb_close(struct index_lmdb *lmdb)
{
	struct lmdb_read *read;

	while ((read = lmdb->free_reads)) {
		lmdb->free_reads = read->next_free;
		mdb_txn_abort(read->txn);
		free(read);
	}
	if (lmdb->env)
		mdb_env_close(lmdb->env);
	lock_destroy(&lmdb->lock);
	free(lmdb->path);
	free(lmdb);
}

uint64_t index_lmdb_bytes(struct index_lmdb *lmdb)
{
	MDB_envinfo info;
	MDB_stat stat_of;

	mdb_env_info(lmdb->env, &info);
	mdb_env_stat(lmdb->env, &stat_of);
	return ((uint64_t)info.me_last_pgno + 1) * stat_of.ms_psize;
}

static uint32_t row_crc(const void *key, size_t key_length, const void *value, size_t value_length)
{
	return crc32c(crc32c(0, key, key_length), value, value_length);
}

/* Takes the checksum off a stored value. */
static int open_value(const struct index_lmdb *lmdb, const MDB_val *key, MDB_val *value)
{
	const uint8_t *bytes = value->mv_data;

	if (value->mv_size >= CRC_BYTES && key->mv_size <= ROW_KEY_MAX) {
		value->mv_size -= CRC_BYTES;
		if (row_crc(key->mv_data, key->mv_size, bytes, value->mv_size) ==
		    load_le32(bytes + value->mv_size))
			return 0;
	}
	return err_set(
		-ERR_index_corrupt,
		"a row of table 0x%02x, number %llu, in index %s is damaged (its checksum does "
		"not match); check the disk. Nothing was changed; mounting with another "
		"--cache goes on from the bucket",
		key_table(key->mv_data, key->mv_size),
		(unsigned long long)key_number(key->mv_data, key->mv_size), lmdb->path);
}

static struct lmdb_read *take_free_read(struct index_lmdb *lmdb)
{
	struct lmdb_read *read;

	lock_acquire(&lmdb->lock);
	read = lmdb->free_reads;
	if (read)
		lmdb->free_reads = read->next_free;
	lock_release(&lmdb->lock);
	return read;
}

int lmdb_read_begin(struct index_lmdb *lmdb, struct lmdb_read **out)
{
	struct lmdb_read *read = take_free_read(lmdb);
	int result;

	if (read) {
		result = mdb_txn_renew(read->txn);
	} else {
		read = xcalloc(1, sizeof(*read));
		read->lmdb = lmdb;
		result = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &read->txn);
	}
	if (result) {
		if (read->txn)
			mdb_txn_abort(read->txn);
		free(read);
		return report(lmdb, "read", result);
	}
	*out = read;
	return 0;
}

void lmdb_read_end(struct lmdb_read *read)
{
	struct index_lmdb *lmdb = read->lmdb;

	mdb_txn_reset(read->txn);
	lock_acquire(&lmdb->lock);
	read->next_free = lmdb->free_reads;
	lmdb->free_reads = read;
	lock_release(&lmdb->lock);
}

int lmdb_read_get(struct lmdb_read *read, const void *key, size_t key_length, const uint8_t **value,
		  size_t *value_length)
{
	MDB_val mdb_key = { key_length, (void *)key };
	MDB_val mdb_value;
	int result = mdb_get(read->txn, read->lmdb->dbi, &mdb_key, &mdb_value);

	if (result == MDB_NOTFOUND)
		return -ENOENT;
	if (result)
		return report(read->lmdb, "read", result);
	result = open_value(read->lmdb, &mdb_key, &mdb_value);
	*value = mdb_value.mv_data;
	*value_length = mdb_value.mv_size;
	return result;
}

int lmdb_read_meta(struct lmdb_read *read, const char *name, uint64_t fallback, uint64_t *value_out)
{
	struct row_key key;
	const uint8_t *value;
	size_t length;
	int result;

	key_meta(&key, name);
	result = lmdb_read_get(read, key.bytes, key.length, &value, &length);
	*value_out = fallback;
	if (result)
		return result == -ENOENT ? 0 : result;
	return row_get_u64(value, length, value_out);
}

int lmdb_cursor_open(struct lmdb_read *read, struct lmdb_cursor **out)
{
	struct lmdb_cursor *cursor = xcalloc(1, sizeof(*cursor));
	int result = mdb_cursor_open(read->txn, read->lmdb->dbi, &cursor->cursor);

	if (result) {
		free(cursor);
		return report(read->lmdb, "read", result);
	}
	cursor->lmdb = read->lmdb;
	*out = cursor;
	return 0;
}

void lmdb_cursor_close(struct lmdb_cursor *cursor)
{
	mdb_cursor_close(cursor->cursor);
	free(cursor);
}

static int cursor_move(struct lmdb_cursor *cursor, MDB_cursor_op op)
{
	int result = mdb_cursor_get(cursor->cursor, &cursor->key, &cursor->value, op);

	if (result == MDB_NOTFOUND)
		return 0;
	if (result)
		return report(cursor->lmdb, "read", result);
	result = open_value(cursor->lmdb, &cursor->key, &cursor->value);
	return result ? result : 1;
}

int lmdb_cursor_seek(struct lmdb_cursor *cursor, const void *key, size_t key_length)
{
	cursor->key.mv_data = (void *)key;
	cursor->key.mv_size = key_length;
	return cursor_move(cursor, key_length ? MDB_SET_RANGE : MDB_FIRST);
}

int lmdb_cursor_next(struct lmdb_cursor *cursor)
{
	return cursor_move(cursor, MDB_NEXT);
}

int lmdb_cursor_before(struct lmdb_cursor *cursor, const void *key, size_t key_length)
{
	int result = lmdb_cursor_seek(cursor, key, key_length);

	if (result < 0)
		return result;
	return cursor_move(cursor, result ? MDB_PREV : MDB_LAST);
}

const uint8_t *lmdb_cursor_key(const struct lmdb_cursor *cursor, size_t *length_out)
{
	*length_out = cursor->key.mv_size;
	return cursor->key.mv_data;
}

const uint8_t *lmdb_cursor_value(const struct lmdb_cursor *cursor, size_t *length_out)
{
	*length_out = cursor->value.mv_size;
	return cursor->value.mv_data;
}

int lmdb_write_begin(struct index_lmdb *lmdb, struct lmdb_write **out)
{
	struct lmdb_write *write = xcalloc(1, sizeof(*write));
	int result = mdb_txn_begin(lmdb->env, NULL, 0, &write->txn);

	if (!result) {
		result = mdb_cursor_open(write->txn, lmdb->dbi, &write->cursor);
		if (result)
			mdb_txn_abort(write->txn);
	}
	if (result) {
		free(write);
		return report(lmdb, "write", result);
	}
	write->lmdb = lmdb;
	*out = write;
	return 0;
}

static int write_row(struct lmdb_write *write, const void *key, size_t key_length,
		     const void *value, size_t value_length, unsigned int flags)
{
	MDB_val mdb_key = { key_length, (void *)key };
	MDB_val mdb_value;
	int result;

	assert(key_length && key_length <= ROW_KEY_MAX && value_length <= ROW_VALUE_MAX);
	buffer_clear(&write->value);
	buffer_append(&write->value, value, value_length);
	buffer_put_u32(&write->value, row_crc(key, key_length, value, value_length));
	mdb_value.mv_data = write->value.data;
	mdb_value.mv_size = write->value.length;
	write->changes += flags != MDB_APPEND;
	write->put_bytes += key_length + write->value.length;
	result = mdb_cursor_put(write->cursor, &mdb_key, &mdb_value, flags);
	return result ? report(write->lmdb, "write", result) : 0;
}

int lmdb_write_put(struct lmdb_write *write, const void *key, size_t key_length, const void *value,
		   size_t value_length)
{
	return write_row(write, key, key_length, value, value_length, 0);
}

int lmdb_write_append(struct lmdb_write *write, const void *key, size_t key_length,
		      const void *value, size_t value_length)
{
	return write_row(write, key, key_length, value, value_length, MDB_APPEND);
}

int lmdb_write_delete(struct lmdb_write *write, const void *key, size_t key_length)
{
	MDB_val mdb_key = { key_length, (void *)key };
	int result = mdb_cursor_get(write->cursor, &mdb_key, NULL, MDB_SET);

	write->changes++;
	if (!result)
		result = mdb_cursor_del(write->cursor, 0);
	return result && result != MDB_NOTFOUND ? report(write->lmdb, "write", result) : 0;
}

int lmdb_write_meta(struct lmdb_write *write, const char *name, uint64_t value)
{
	struct row_key key;
	uint8_t bytes[8];

	key_meta(&key, name);
	store_le64(bytes, value);
	return lmdb_write_put(write, key.bytes, key.length, bytes, sizeof(bytes));
}

/* Puts back META rows, as they were stored: u16 length, u32 length, bytes. */
static int restore_rows(struct lmdb_write *write, const struct buffer *rows)
{
	struct reader reader;
	int result = 0;

	reader_init(&reader, rows->data, rows->length);
	while (!result && reader_left(&reader)) {
		MDB_val key = { .mv_size = reader_get_u16(&reader) };
		MDB_val value = { .mv_size = reader_get_u32(&reader) };

		key.mv_data = (void *)reader_get_bytes(&reader, key.mv_size);
		value.mv_data = (void *)reader_get_bytes(&reader, value.mv_size);
		result = mdb_put(write->txn, write->lmdb->dbi, &key, &value, 0);
	}
	return result;
}

static int save_meta_rows(struct lmdb_write *write, struct buffer *out)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int result = mdb_cursor_open(write->txn, write->lmdb->dbi, &cursor);

	if (result)
		return result;
	while (!(result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) &&
	       key_table(key.mv_data, key.mv_size) == TABLE_META) {
		buffer_put_u16(out, (uint16_t)key.mv_size);
		buffer_put_u32(out, (uint32_t)value.mv_size);
		buffer_append(out, key.mv_data, key.mv_size);
		buffer_append(out, value.mv_data, value.mv_size);
	}
	mdb_cursor_close(cursor);
	return result == MDB_NOTFOUND ? 0 : result;
}

int lmdb_write_clear(struct lmdb_write *write)
{
	CLEANUP_BUFFER struct buffer meta = BUFFER_INIT;
	int result = save_meta_rows(write, &meta);

	if (!result)
		result = mdb_drop(write->txn, write->lmdb->dbi, 0);
	if (!result)
		result = restore_rows(write, &meta);
	return result ? report(write->lmdb, "write", result) : 0;
}

static void write_free(struct lmdb_write *write)
{
	buffer_release(&write->value);
	free(write);
}

/* The most pages that the transaction may have taken from the end of the file:
 * copies of pages, at worst all of the tree, and what was put. */
static uint64_t pages_taken_max(const struct lmdb_write *write, const MDB_stat *tree)
{
	uint64_t copies = write->changes * (tree->ms_depth + 2);
	uint64_t all = tree->ms_branch_pages + tree->ms_leaf_pages + tree->ms_overflow_pages;
	uint64_t pages = (copies < all ? copies : all) + 4 * write->put_bytes / tree->ms_psize;

	return pages + pages / 64 + ROOM_PAGES;
}

/*
 * LMDB does not write pages that it took from the end and dropped in the same
 * transaction, but counts them: the file would be shorter than it says, as if
 * it had been cut (check_length()). So it is made long enough before, by a
 * hole, which the commit makes durable with the rest.
 */
static int make_room(const struct lmdb_write *write)
{
	struct index_lmdb *lmdb = write->lmdb;
	MDB_envinfo info;
	MDB_stat tree;
	struct stat file;
	uint64_t wanted;
	int fd;

	mdb_env_info(lmdb->env, &info);
	mdb_env_stat(lmdb->env, &tree);
	if (mdb_env_get_fd(lmdb->env, &fd) || fstat(fd, &file))
		return report(lmdb, "write", errno);
	wanted = (info.me_last_pgno + 1 + pages_taken_max(write, &tree)) * tree.ms_psize;
	if ((uint64_t)file.st_size < wanted && ftruncate(fd, (off_t)wanted))
		return report(lmdb, "write", errno);
	return 0;
}

/* Takes away what make_room() made too much of; in a transaction, so that no
 * other one is writing behind the end. */
static void end_room(struct index_lmdb *lmdb)
{
	MDB_envinfo info;
	MDB_stat tree;
	MDB_txn *txn;
	int fd;

	if (mdb_txn_begin(lmdb->env, NULL, 0, &txn))
		return;
	mdb_env_info(lmdb->env, &info);
	mdb_env_stat(lmdb->env, &tree);
	/* No matter when it fails: a file may be too long. */
	if (!mdb_env_get_fd(lmdb->env, &fd) &&
	    ftruncate(fd, (off_t)((info.me_last_pgno + 1) * tree.ms_psize)))
		log_warn("cannot shorten %s: %s", lmdb->path, strerror(errno));
	mdb_txn_abort(txn);
}

int lmdb_write_commit(struct lmdb_write *write)
{
	struct index_lmdb *lmdb = write->lmdb;
	int result = make_room(write);

	if (result) {
		lmdb_write_abort(write);
		return result;
	}
	result = disk_commit(lmdb->path);
	if (result)
		mdb_txn_abort(write->txn);
	else
		result = mdb_txn_commit(write->txn);
	if (!result)
		end_room(lmdb);
	write_free(write);
	return result ? report(lmdb, "write", result) : 0;
}

void lmdb_write_abort(struct lmdb_write *write)
{
	mdb_txn_abort(write->txn);
	write_free(write);
}
