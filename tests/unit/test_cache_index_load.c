/* SPDX-License-Identifier: Apache-2.0 */
/* The bulk load of a restore. */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/index_box.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

static int load_u64(struct index_load *load, const struct row_key *key, uint64_t value)
{
	uint8_t bytes[8];

	store_le64(bytes, value);
	return index_load_put(load, key->bytes, key->length, bytes, sizeof(bytes));
}

static void load_inode(struct index_load *load, uint64_t ino, uint32_t nlink)
{
	struct inode_row row = { .mode = S_IFREG, .nlink = nlink };
	struct buffer value = BUFFER_INIT;
	struct row_key key;

	key_inode(&key, ino);
	row_put_inode(&value, &row);
	ck_assert_int_eq(index_load_put(load, key.bytes, key.length, value.data, value.length), 0);
	buffer_release(&value);
}

static void load_content(struct index_load *load, uint64_t ino, uint64_t mapped)
{
	struct content_row row = { .size = mapped, .mapped = mapped };
	struct buffer value = BUFFER_INIT;
	struct row_key key;

	key_content(&key, ino);
	row_put_content(&value, &row);
	ck_assert_int_eq(index_load_put(load, key.bytes, key.length, value.data, value.length), 0);
	buffer_release(&value);
}

/* META, `inodes` inodes (the first without a link), two files, and a chunk. */
static void load_rows(struct index_load *load, uint64_t inodes)
{
	struct row_key key;
	uint64_t i;

	key_meta(&key, "volume.seq");
	ck_assert_int_eq(load_u64(load, &key, 42), 0);
	for (i = 1; i <= inodes; i++)
		load_inode(load, i, i > 1);
	load_content(load, 1, 1000);
	load_content(load, 2, 2000);
	key_chunk(&key, (uint64_t)7 << 40);
	ck_assert_int_eq(load_u64(load, &key, 1), 0);
}

static void assert_empty(struct index_box *box)
{
	struct row_key key;

	ck_assert_int_eq(index_box_get_inode(box, 1), -ENOENT);
	key_meta(&key, "volume.seq");
	ck_assert_uint_eq(index_box_get(box, &key), UINT64_MAX);
}

START_TEST(loaded_rows_and_derived_counters_survive)
{
	struct index_counters counters;
	struct index_box box;
	struct index_load *load;
	struct row_key key;
	unsigned int i;

	index_box_init(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_load_begin(box.index, &load), 0);
	load_rows(load, 1000);
	ck_assert_int_eq(index_load_commit(load), 0);
	for (i = 0; i < 2; i++) {
		index_counters_get(box.index, &counters);
		ck_assert_uint_eq(counters.inodes, 999);
		ck_assert_uint_eq(counters.dirty_files, 0);
		ck_assert_uint_eq(counters.mapped, 3000);
		ck_assert_uint_eq(counters.next_ino, 1001);
		ck_assert_uint_gt(counters.next_chunk, (uint64_t)7 << 40);
		key_meta(&key, "volume.seq");
		ck_assert_uint_eq(index_box_get(&box, &key), 42);
		ck_assert_int_eq(index_box_get_inode(&box, 1000), 0);
		index_box_kill(&box);
		index_box_open(&box);
	}
	/* Changes of loaded rows count as changes. */
	index_box_put_inode(&box, 1, 1);
	index_box_put_inode(&box, 1000, 0);
	index_box_put_inode(&box, 999, 0);
	index_counters_get(box.index, &counters);
	ck_assert_uint_eq(counters.inodes, 998);
	index_box_release(&box);
}
END_TEST

START_TEST(rows_out_of_order_are_refused)
{
	struct index_box box;
	struct index_load *load;
	struct row_key key;

	index_box_init(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_load_begin(box.index, &load), 0);
	load_inode(load, 5, 1);
	key_inode(&key, 5);
	ck_assert_int_eq(load_u64(load, &key, 1), -ERR_index_corrupt);
	key_inode(&key, 4);
	ck_assert_int_eq(load_u64(load, &key, 1), -ERR_index_corrupt);
	ck_assert_int_eq(index_load_put(load, "", 0, "", 0), -ERR_index_corrupt);
	index_load_abort(load);
	assert_empty(&box);
	index_box_release(&box);
}
END_TEST

START_TEST(an_index_that_is_not_empty_is_not_loaded_over)
{
	struct index_box box;
	struct index_load *load;

	index_box_init(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_counters_raise(box.index, 100, 100), 0);
	ck_assert_int_eq(index_load_begin(box.index, &load), 0);
	index_load_abort(load);
	index_box_put_inode(&box, 2, 1);
	ck_assert_int_eq(index_load_begin(box.index, &load), -ERR_index_corrupt);
	index_box_close(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_load_begin(box.index, &load), -ERR_index_corrupt);
	index_box_release(&box);
}
END_TEST

/* More than one step of the load, so that rows are in LMDB already. */
static void load_much(struct index_load *load)
{
	static uint8_t value[1 << 20];
	struct row_key key;
	uint64_t i;

	noise_fill(1, value, sizeof(value));
	load_rows(load, 10);
	for (i = 0; i < 70; i++) {
		key_chunk(&key, ((uint64_t)7 << 40) + 1 + i);
		ck_assert_int_eq(index_load_put(load, key.bytes, key.length, value, sizeof(value)),
				 0);
	}
}

START_TEST(a_load_that_was_aborted_leaves_nothing)
{
	struct index_box box;
	struct index_load *load;

	index_box_init(&box);
	index_box_open(&box);
	index_box_put(&box, &(struct row_key){ 2, { TABLE_META, 'x' } }, 1, ROW_LOCAL);
	ck_assert_int_eq(index_checkpoint(box.index), 0);
	ck_assert_int_eq(index_load_begin(box.index, &load), 0);
	load_much(load);
	index_load_abort(load);
	assert_empty(&box);
	ck_assert_int_eq(index_load_begin(box.index, &load), 0);
	load_rows(load, 10);
	ck_assert_int_eq(index_load_commit(load), 0);
	index_box_close(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_box_get_inode(&box, 10), 0);
	index_box_release(&box);
}
END_TEST

static _Noreturn void load_and_die(struct index_box *box)
{
	struct index_load *load;

	index_box_open(box);
	index_box_put(box, &(struct row_key){ 2, { TABLE_META, 'x' } }, 1, ROW_LOCAL);
	if (index_checkpoint(box->index) || index_load_begin(box->index, &load))
		_exit(1);
	load_much(load);
	_exit(0);
}

/* The process ends amid a load: what is there is not taken for an index. */
START_TEST(a_load_that_was_cut_off_starts_over)
{
	struct index_box box;
	int status;
	pid_t pid;

	index_box_init(&box);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		load_and_die(&box);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	box.conf.read_only = true;
	ck_assert_int_eq(index_box_try_open(&box), -ERR_try_again);
	box.conf.read_only = false;
	index_box_open(&box);
	assert_empty(&box);
	index_box_put_inode(&box, 2, 1);
	index_box_kill(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_box_get_inode(&box, 2), 0);
	index_box_release(&box);
}
END_TEST

UNIT_MAIN("cache/index_load", loaded_rows_and_derived_counters_survive,
	  rows_out_of_order_are_refused, an_index_that_is_not_empty_is_not_loaded_over,
	  a_load_that_was_aborted_leaves_nothing, a_load_that_was_cut_off_starts_over)
