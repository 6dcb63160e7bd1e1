/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "cache/index.h"

static char directory[64];
static char index_directory[96];
static char journal_directory[96];

static void setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/dray-index-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(index_directory, sizeof(index_directory), "%s/index", directory);
	snprintf(journal_directory, sizeof(journal_directory), "%s/journal", directory);
}

static int remove_one(const char *path, const struct stat *stat_of, int type, struct FTW *ftw)
{
	(void)stat_of;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct index *open_index(void)
{
	struct index_conf conf = {
		.index_directory = index_directory,
		.journal_directory = journal_directory,
	};
	struct index *index;

	ck_assert_int_eq(index_open(&conf, &index), 0);
	ck_assert_int_eq(index_open_replay(index), 0);
	return index;
}

static void put_inode(struct index *index, uint64_t ino, uint32_t nlink)
{
	struct inode_row row = { .mode = S_IFREG | 0644, .nlink = nlink };
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, ino, &row);
	ck_assert_int_eq(index_commit(index, &batch, NULL), 0);
	batch_release(&batch);
}

static int get_inode(struct index *index, uint64_t ino)
{
	struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result;

	key_inode(&key, ino);
	result = index_get(index, &key, &value);
	buffer_release(&value);
	return result;
}

START_TEST(rows_survive_close_abandon_and_checkpoint)
{
	struct index_counters counters;
	struct index *index = open_index();

	put_inode(index, index_new_ino(index), 1);
	ck_assert_int_eq(get_inode(index, 2), 0);
	ck_assert_int_eq(get_inode(index, 3), -ENOENT);
	index_abandon(index);
	index = open_index();
	ck_assert_int_eq(get_inode(index, 2), 0);
	ck_assert_uint_eq(index_new_ino(index), 3);
	put_inode(index, 3, 1);
	ck_assert_int_eq(index_checkpoint(index), 0);
	ck_assert_int_eq(get_inode(index, 3), 0);
	put_inode(index, 3, 0);
	index_close(index);
	index = open_index();
	index_counters_get(index, &counters);
	ck_assert_uint_eq(counters.inodes, 1);
	ck_assert_uint_eq(counters.next_ino, 4);
	index_close(index);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache/index");
	TCase *tcase = tcase_create("index");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, rows_survive_close_abandon_and_checkpoint);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
