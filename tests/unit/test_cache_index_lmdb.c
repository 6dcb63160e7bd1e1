/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "cache/index_lmdb.h"
#include "cache/row_format.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

static char *directory;
static char *data_path;

static void make_directory(void)
{
	directory = scratch_make();
	data_path = xasprintf("%s/data.mdb", directory);
}

static void remove_directory(void)
{
	free(data_path);
	scratch_remove(directory);
}

static struct index_lmdb *open_lmdb(void)
{
	struct index_lmdb *lmdb;
	int result = index_lmdb_open(directory, false, &lmdb);

	if (result)
		ck_abort_msg("%s", err_message(result));
	return lmdb;
}

static void put_rows(struct index_lmdb *lmdb, uint64_t first, uint64_t count)
{
	struct lmdb_write *write;
	struct row_key key;
	uint8_t value[100];
	uint64_t i;

	ck_assert_int_eq(lmdb_write_begin(lmdb, &write), 0);
	for (i = first; i < first + count; i++) {
		key_inode(&key, i);
		noise_fill(i, value, sizeof(value));
		ck_assert_int_eq(lmdb_write_put(write, key.bytes, key.length, value, sizeof(value)),
				 0);
	}
	ck_assert_int_eq(lmdb_write_commit(write), 0);
}

/* How many of the rows are whole and how many are reported damaged. */
static void count_rows(struct index_lmdb *lmdb, uint64_t count, uint64_t *good, uint64_t *bad)
{
	struct lmdb_read *read;
	struct row_key key;
	uint8_t expected[100];
	const uint8_t *value;
	size_t length;
	uint64_t i;
	int result;

	*good = 0;
	*bad = 0;
	ck_assert_int_eq(lmdb_read_begin(lmdb, &read), 0);
	for (i = 1; i <= count; i++) {
		key_inode(&key, i);
		result = lmdb_read_get(read, key.bytes, key.length, &value, &length);
		if (result) {
			ck_assert_int_eq(result, -ERR_index_corrupt);
			(*bad)++;
			continue;
		}
		noise_fill(i, expected, sizeof(expected));
		ck_assert_uint_eq(length, sizeof(expected));
		ck_assert(!memcmp(value, expected, length));
		(*good)++;
	}
	lmdb_read_end(read);
}

START_TEST(rows_and_numbers_survive_reopening)
{
	struct lmdb_write *write;
	struct lmdb_read *read;
	struct index_lmdb *lmdb;
	uint64_t number;
	uint64_t good;
	uint64_t bad;

	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 1, 100);
	ck_assert_int_eq(lmdb_write_begin(lmdb, &write), 0);
	ck_assert_int_eq(lmdb_write_meta(write, "a.number", 42), 0);
	ck_assert_int_eq(lmdb_write_commit(write), 0);
	index_lmdb_close(lmdb);
	lmdb = open_lmdb();
	count_rows(lmdb, 100, &good, &bad);
	ck_assert_uint_eq(good, 100);
	ck_assert_int_eq(lmdb_read_begin(lmdb, &read), 0);
	ck_assert_int_eq(lmdb_read_meta(read, "a.number", 7, &number), 0);
	ck_assert_uint_eq(number, 42);
	ck_assert_int_eq(lmdb_read_meta(read, "another", 7, &number), 0);
	ck_assert_uint_eq(number, 7);
	lmdb_read_end(read);
	index_lmdb_close(lmdb);
	remove_directory();
}
END_TEST

START_TEST(a_cursor_finds_the_rows_around_a_key)
{
	struct lmdb_cursor *cursor;
	struct lmdb_read *read;
	struct index_lmdb *lmdb;
	struct row_key key;
	const uint8_t *found;
	size_t length;

	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 10, 5);
	ck_assert_int_eq(lmdb_read_begin(lmdb, &read), 0);
	ck_assert_int_eq(lmdb_cursor_open(read, &cursor), 0);
	key_inode(&key, 11);
	ck_assert_int_eq(lmdb_cursor_seek(cursor, key.bytes, key.length), 1);
	found = lmdb_cursor_key(cursor, &length);
	ck_assert_uint_eq(key_number(found, length), 11);
	ck_assert_int_eq(lmdb_cursor_next(cursor), 1);
	found = lmdb_cursor_key(cursor, &length);
	ck_assert_uint_eq(key_number(found, length), 12);
	key_inode(&key, 99);
	ck_assert_int_eq(lmdb_cursor_seek(cursor, key.bytes, key.length), 0);
	ck_assert_int_eq(lmdb_cursor_before(cursor, key.bytes, key.length), 1);
	found = lmdb_cursor_key(cursor, &length);
	ck_assert_uint_eq(key_number(found, length), 14);
	ck_assert_int_eq(lmdb_cursor_before(cursor, "\0", 1), 0);
	lmdb_cursor_close(cursor);
	lmdb_read_end(read);
	index_lmdb_close(lmdb);
	remove_directory();
}
END_TEST

START_TEST(a_reader_keeps_its_state_while_others_write)
{
	struct lmdb_read *read;
	struct index_lmdb *lmdb;
	struct row_key key;
	const uint8_t *value;
	size_t length;

	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 1, 1);
	ck_assert_int_eq(lmdb_read_begin(lmdb, &read), 0);
	put_rows(lmdb, 2, 1);
	key_inode(&key, 2);
	ck_assert_int_eq(lmdb_read_get(read, key.bytes, key.length, &value, &length), -ENOENT);
	lmdb_read_end(read);
	ck_assert_int_eq(lmdb_read_begin(lmdb, &read), 0);
	ck_assert_int_eq(lmdb_read_get(read, key.bytes, key.length, &value, &length), 0);
	lmdb_read_end(read);
	index_lmdb_close(lmdb);
	remove_directory();
}
END_TEST

START_TEST(clearing_keeps_the_meta_rows)
{
	struct lmdb_write *write;
	struct lmdb_read *read;
	struct index_lmdb *lmdb;
	struct row_key key;
	const uint8_t *value;
	uint64_t number;
	size_t length;

	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 1, 1000);
	ck_assert_int_eq(lmdb_write_begin(lmdb, &write), 0);
	ck_assert_int_eq(lmdb_write_meta(write, "a.number", 42), 0);
	ck_assert_int_eq(lmdb_write_clear(write), 0);
	ck_assert_int_eq(lmdb_write_commit(write), 0);
	index_lmdb_close(lmdb);
	lmdb = open_lmdb();
	ck_assert_int_eq(lmdb_read_begin(lmdb, &read), 0);
	ck_assert_int_eq(lmdb_read_meta(read, "a.number", 7, &number), 0);
	ck_assert_uint_eq(number, 42);
	key_inode(&key, 5);
	ck_assert_int_eq(lmdb_read_get(read, key.bytes, key.length, &value, &length), -ENOENT);
	lmdb_read_end(read);
	index_lmdb_close(lmdb);
	remove_directory();
}
END_TEST

START_TEST(a_newer_or_foreign_database_is_refused)
{
	struct lmdb_write *write;
	struct index_lmdb *lmdb;
	struct row_key key;

	make_directory();
	lmdb = open_lmdb();
	ck_assert_int_eq(lmdb_write_begin(lmdb, &write), 0);
	ck_assert_int_eq(lmdb_write_meta(write, "index.format", 2), 0);
	ck_assert_int_eq(lmdb_write_commit(write), 0);
	index_lmdb_close(lmdb);
	ck_assert_int_eq(index_lmdb_open(directory, false, &lmdb), -ERR_format_newer);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_format_newer), "data.mdb"));
	remove_directory();
	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 1, 1);
	key_meta(&key, "index.format");
	ck_assert_int_eq(lmdb_write_begin(lmdb, &write), 0);
	ck_assert_int_eq(lmdb_write_delete(write, key.bytes, key.length), 0);
	ck_assert_int_eq(lmdb_write_commit(write), 0);
	index_lmdb_close(lmdb);
	ck_assert_int_eq(index_lmdb_open(directory, false, &lmdb), -ERR_index_corrupt);
	remove_directory();
}
END_TEST

static off_t file_size(void)
{
	struct stat stat_of;

	ck_assert_int_eq(stat(data_path, &stat_of), 0);
	return stat_of.st_size;
}

START_TEST(a_database_cut_short_is_refused_and_kept)
{
	struct index_lmdb *lmdb;
	off_t size;
	off_t cut;

	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 1, 2000);
	index_lmdb_close(lmdb);
	size = file_size();
	for (cut = size - 4096; cut > 8192; cut -= 3 * 4096) {
		ck_assert_int_eq(truncate(data_path, cut), 0);
		ck_assert_int_eq(index_lmdb_open(directory, false, &lmdb), -ERR_index_corrupt);
		ck_assert_ptr_nonnull(strstr(err_message(-ERR_index_corrupt), "cut short"));
		ck_assert_int_eq(file_size(), cut);
	}
	remove_directory();
}
END_TEST

START_TEST(a_file_that_is_no_database_is_refused_and_kept)
{
	uint8_t noise[16384];
	struct index_lmdb *lmdb;
	int fd;

	make_directory();
	noise_fill(3, noise, sizeof(noise));
	fd = open(data_path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, noise, sizeof(noise)), (ssize_t)sizeof(noise));
	close(fd);
	ck_assert_int_eq(index_lmdb_open(directory, false, &lmdb), -ERR_index_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_index_corrupt), "nothing was changed"));
	ck_assert_int_eq(file_size(), (off_t)sizeof(noise));
	remove_directory();
}
END_TEST

/* Flips a bit of the value, in every page that has it: freed ones, too. */
static bool damage_value(int fd, uint8_t *file, size_t size, const uint8_t *value, size_t length,
			 size_t bit_at)
{
	uint8_t *place = file;
	bool found = false;

	while ((place = memmem(place, size - (size_t)(place - file), value, length))) {
		place[bit_at] ^= 0x10;
		ck_assert_int_eq(pwrite(fd, place, length, place - file), (ssize_t)length);
		found = true;
	}
	return found;
}

static unsigned int damage_rows(void)
{
	size_t size = (size_t)file_size();
	uint8_t *file = xmalloc(size);
	unsigned int damaged = 0;
	uint8_t value[100];
	uint64_t i;
	int fd = open(data_path, O_RDWR);

	ck_assert_int_eq(read(fd, file, size), (ssize_t)size);
	for (i = 10; i <= 500; i += 10) {
		noise_fill(i, value, sizeof(value));
		damaged += damage_value(fd, file, size, value, sizeof(value), i % sizeof(value));
	}
	close(fd);
	free(file);
	return damaged;
}

START_TEST(a_flipped_bit_in_a_row_is_an_error_and_never_a_wrong_answer)
{
	struct index_lmdb *lmdb;
	unsigned int damaged;
	uint64_t good;
	uint64_t bad;

	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 1, 500);
	index_lmdb_close(lmdb);
	damaged = damage_rows();
	ck_assert_uint_gt(damaged, 20);
	lmdb = open_lmdb();
	count_rows(lmdb, 500, &good, &bad);
	ck_assert_uint_eq(bad, damaged);
	ck_assert_uint_eq(good, 500 - damaged);
	index_lmdb_close(lmdb);
	remove_directory();
}
END_TEST

START_TEST(reading_only_writes_nothing)
{
	struct index_lmdb *lmdb;
	struct stat before;
	struct stat after;
	char *lock_path;
	uint64_t good;
	uint64_t bad;

	make_directory();
	lmdb = open_lmdb();
	put_rows(lmdb, 1, 50);
	index_lmdb_close(lmdb);
	lock_path = xasprintf("%s/lock.mdb", directory);
	unlink(lock_path);
	ck_assert_int_eq(stat(data_path, &before), 0);
	ck_assert_int_eq(index_lmdb_open(directory, true, &lmdb), 0);
	count_rows(lmdb, 50, &good, &bad);
	ck_assert_uint_eq(good, 50);
	index_lmdb_close(lmdb);
	ck_assert_int_eq(stat(data_path, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_ne(access(lock_path, F_OK), 0);
	unlink(data_path);
	ck_assert_int_lt(index_lmdb_open(directory, true, &lmdb), 0);
	ck_assert_int_ne(access(data_path, F_OK), 0);
	free(lock_path);
	remove_directory();
}
END_TEST

UNIT_MAIN("cache/index_lmdb", rows_and_numbers_survive_reopening,
	  a_cursor_finds_the_rows_around_a_key, a_reader_keeps_its_state_while_others_write,
	  clearing_keeps_the_meta_rows, a_newer_or_foreign_database_is_refused,
	  a_database_cut_short_is_refused_and_kept, a_file_that_is_no_database_is_refused_and_kept,
	  a_flipped_bit_in_a_row_is_an_error_and_never_a_wrong_answer, reading_only_writes_nothing)
