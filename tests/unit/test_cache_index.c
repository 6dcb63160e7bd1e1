/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the index one by one; see also the tests beside this one. */
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "cache/journal_file.h"
#include "tests/lib/index_box.h"
#include "tests/lib/unit.h"

static void put_content(struct index_box *box, uint64_t ino, int64_t time_ns, unsigned int flags)
{
	struct content_row row = { .size = 5, .generation = 1 };
	struct batch batch;

	batch_init(&batch, BATCH_CONTENT, ino);
	batch.time_ns = time_ns;
	batch_put_content(&batch, ino, &row, flags);
	ck_assert_int_eq(index_commit(box->index, &batch, NULL), 0);
	batch_release(&batch);
}

static struct index_counters counters_of(struct index_box *box)
{
	struct index_counters counters;

	index_counters_get(box->index, &counters);
	return counters;
}

static struct index_stats stats_of(struct index_box *box)
{
	struct index_stats stats;

	index_stats_get(box->index, &stats);
	return stats;
}

START_TEST(rows_survive_close_kill_and_checkpoint)
{
	struct index_box box;

	index_box_init(&box);
	index_box_open(&box);
	index_box_put_inode(&box, index_new_ino(box.index), 1);
	ck_assert_int_eq(index_box_get_inode(&box, 2), 0);
	ck_assert_int_eq(index_box_get_inode(&box, 3), -ENOENT);
	index_box_kill(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_box_get_inode(&box, 2), 0);
	ck_assert_uint_eq(index_new_ino(box.index), 3);
	index_box_put_inode(&box, 3, 1);
	ck_assert_int_eq(index_checkpoint(box.index), 0);
	ck_assert_int_eq(index_box_get_inode(&box, 3), 0);
	index_box_put_inode(&box, 3, 0);
	index_box_close(&box);
	index_box_open(&box);
	ck_assert_uint_eq(counters_of(&box).inodes, 1);
	ck_assert_uint_eq(counters_of(&box).next_ino, 4);
	ck_assert_uint_eq(stats_of(&box).replayed_records, 0);
	index_box_release(&box);
}
END_TEST

START_TEST(an_empty_batch_is_no_record_but_a_sync_is_one)
{
	struct index_box box;
	struct batch batch;
	uint64_t lsn;

	index_box_init(&box);
	index_box_open(&box);
	batch_init(&batch, BATCH_ROWS, 0);
	ck_assert_int_eq(index_commit(box.index, &batch, &lsn), 0);
	ck_assert_uint_eq(lsn, 0);
	batch_reset(&batch, BATCH_SYNC, 5);
	ck_assert_int_eq(index_commit(box.index, &batch, &lsn), 0);
	ck_assert_uint_eq(lsn, 1);
	ck_assert_uint_eq(index_lsn(box.index), 1);
	batch_release(&batch);
	index_box_release(&box);
}
END_TEST

/* The age of unsent bytes and the barrier outlive later writes; they end
 * when the cloud has all of it. */
START_TEST(the_dirty_row_of_content_keeps_its_age_and_its_barrier)
{
	struct index_box box;
	struct dirty_row row;
	struct row_key key;

	index_box_init(&box);
	index_box_open(&box);
	key_content(&key, 5);
	put_content(&box, 5, 1000, ROW_BARRIER);
	put_content(&box, 5, 2000, 0);
	ck_assert(index_box_dirty(&box, &key, &row));
	ck_assert_uint_eq(row.lsn, 2);
	ck_assert_int_eq(row.since_ns, 1000);
	ck_assert_uint_eq(row.flags, DIRTY_BARRIER);
	ck_assert_uint_eq(counters_of(&box).dirty_files, 1);
	ck_assert_int_eq(index_mark_clean(box.index, &key, 1, 1, 0), 0);
	ck_assert(index_box_dirty(&box, &key, &row));
	ck_assert_int_eq(index_mark_clean(box.index, &key, 1, 2, 0), 0);
	ck_assert_int_eq(index_mark_clean(box.index, &key, 1, 2, 0), 0);
	ck_assert(!index_box_dirty(&box, &key, &row));
	ck_assert_uint_eq(counters_of(&box).dirty_files, 0);
	ck_assert_int_eq(index_checkpoint(box.index), 0);
	put_content(&box, 5, 3000, 0);
	ck_assert(index_box_dirty(&box, &key, &row));
	ck_assert_int_eq(row.since_ns, 3000);
	ck_assert_uint_eq(row.flags, 0);
	index_box_release(&box);
}
END_TEST

/* A log file that is never closed: each commit carries what there was of it. */
START_TEST(content_that_was_committed_and_changed_since_is_as_old_as_the_cut)
{
	struct index_box box;
	struct dirty_row row;
	struct row_key key;

	index_box_init(&box);
	index_box_open(&box);
	key_content(&key, 5);
	put_content(&box, 5, 1000, ROW_BARRIER);
	put_content(&box, 5, 2000, 0);
	ck_assert_int_eq(index_mark_clean(box.index, &key, 1, 1, 1500), 0);
	ck_assert(index_box_dirty(&box, &key, &row));
	ck_assert_uint_eq(row.lsn, 2);
	ck_assert_int_eq(row.since_ns, 1500);
	ck_assert_uint_eq(row.flags, 0);
	ck_assert_uint_eq(counters_of(&box).dirty_files, 1);
	/* A barrier behind the cut stays. */
	put_content(&box, 5, 3000, ROW_BARRIER | ROW_REPLACES);
	ck_assert_int_eq(index_mark_clean(box.index, &key, 1, 2, 2500), 0);
	ck_assert(index_box_dirty(&box, &key, &row));
	ck_assert_int_eq(row.since_ns, 2500);
	ck_assert_uint_eq(row.flags, DIRTY_BARRIER | DIRTY_REPLACES);
	index_box_release(&box);
}
END_TEST

START_TEST(chunks_and_packs_have_no_dirty_rows)
{
	struct index_box box;
	struct dirty_row row;
	struct row_key key;

	index_box_init(&box);
	index_box_open(&box);
	key_chunk(&key, 5);
	index_box_put(&box, &key, 1, ROW_CLOUD);
	ck_assert(!index_box_dirty(&box, &key, &row));
	key_xattr(&key, 5, "user.x", 6);
	index_box_put(&box, &key, 1, ROW_CLOUD);
	ck_assert(index_box_dirty(&box, &key, &row));
	index_box_release(&box);
}
END_TEST

START_TEST(numbers_are_never_given_twice)
{
	struct index_box box;
	uint64_t chunk;

	index_box_init(&box);
	index_box_open(&box);
	ck_assert_uint_eq(index_new_ino(box.index), ROOT_INO + 1);
	chunk = index_new_chunks(box.index, 10);
	ck_assert_uint_eq(index_new_chunks(box.index, 1), chunk + 10);
	/* Nothing tells that the chunks are in use: they may be in a pack. */
	index_box_kill(&box);
	index_box_open(&box);
	ck_assert_uint_gt(index_new_chunks(box.index, 1), chunk + 10);
	index_box_put_inode(&box, 1000, 1);
	ck_assert_uint_eq(index_new_ino(box.index), 1001);
	ck_assert_int_eq(index_counters_raise(box.index, 5000, chunk + ((uint64_t)9 << 32)), 0);
	index_box_kill(&box);
	index_box_open(&box);
	ck_assert_uint_eq(index_new_ino(box.index), 5000);
	ck_assert_uint_gt(index_new_chunks(box.index, 1), chunk + ((uint64_t)9 << 32));
	ck_assert_int_eq(index_counters_raise(box.index, 10, 10), 0);
	index_box_close(&box);
	index_box_open(&box);
	ck_assert_uint_ge(index_new_ino(box.index), 5001);
	index_box_release(&box);
}
END_TEST

/* A disk that fails on demand. */
static atomic_bool sync_fails;
static atomic_bool write_fails;

static ssize_t faulty_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (!atomic_load(&write_fails))
		return pwrite(fd, bytes, length, offset);
	errno = ENOSPC;
	return -1;
}

static int faulty_fdatasync(int fd)
{
	if (!atomic_load(&sync_fails))
		return fdatasync(fd);
	errno = EIO;
	return -1;
}

static const struct journal_io faulty_io = {
	.pwrite = faulty_pwrite,
	.fdatasync = faulty_fdatasync,
	.allocate = posix_fallocate,
};

static void open_faulty(struct index_box *box)
{
	index_box_init(box);
	box->conf.journal_io = &faulty_io;
	index_box_open(box);
	index_box_put_inode(box, 2, 1);
}

static void assert_read_only(struct index_box *box, const char *cause)
{
	struct inode_row row = { .mode = S_IFREG, .nlink = 1 };
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, 9, &row);
	ck_assert_int_eq(index_commit(box->index, &batch, NULL), -ERR_read_only);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_read_only), cause));
	ck_assert_int_eq(index_health(box->index) < 0, true);
	ck_assert_int_eq(index_box_get_inode(box, 9), -ENOENT);
	ck_assert_int_eq(index_box_get_inode(box, 2), 0);
	batch_release(&batch);
}

START_TEST(after_a_failed_write_every_commit_is_refused)
{
	struct inode_row row = { .mode = S_IFREG, .nlink = 1 };
	struct index_box box;
	struct batch batch;

	open_faulty(&box);
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put_inode(&batch, 3, &row);
	atomic_store(&write_fails, true);
	ck_assert_int_eq(index_commit(box.index, &batch, NULL), -ERR_cache_full);
	atomic_store(&write_fails, false);
	assert_read_only(&box, "No space left");
	index_box_close(&box);
	index_box_open(&box);
	ck_assert_int_eq(index_box_get_inode(&box, 2), 0);
	ck_assert_int_eq(index_box_get_inode(&box, 3), -ENOENT);
	ck_assert_int_eq(index_health(box.index), 0);
	batch_release(&batch);
	index_box_release(&box);
}
END_TEST

START_TEST(after_a_failed_flush_no_flush_succeeds)
{
	struct index_box box;

	open_faulty(&box);
	atomic_store(&sync_fails, true);
	ck_assert_int_eq(index_flush(box.index, 1), -ERR_local_io);
	atomic_store(&sync_fails, false);
	ck_assert_int_eq(index_flush(box.index, 1), -ERR_local_io);
	ck_assert_int_eq(index_flush_all(box.index) < 0, true);
	assert_read_only(&box, "Input/output error");
	index_box_release(&box);
}
END_TEST

/* What is in LMDB must be in the journal as well, or be covered by it. */
START_TEST(nothing_is_applied_that_the_journal_did_not_flush)
{
	struct index_box box;

	open_faulty(&box);
	atomic_store(&sync_fails, true);
	ck_assert_int_lt(index_checkpoint(box.index), 0);
	ck_assert_uint_eq(stats_of(&box).lsn_applied, 0);
	index_box_close(&box);
	atomic_store(&sync_fails, false);
	index_box_open(&box);
	ck_assert_uint_eq(stats_of(&box).replayed_records, 1);
	ck_assert_uint_eq(stats_of(&box).lsn_applied, 0);
	index_box_release(&box);
}
END_TEST

static atomic_int full_times;

static int flush_to_full_disk(void *arg)
{
	(void)arg;
	if (atomic_load(&full_times) && atomic_fetch_sub(&full_times, 1) > 0)
		return err_set(-ERR_cache_full, "the disk is full");
	return 0;
}

START_TEST(a_checkpoint_on_a_full_disk_is_tried_again)
{
	struct index_box box;

	index_box_init(&box);
	box.conf.hooks.segments_flush = flush_to_full_disk;
	atomic_store(&full_times, 1);
	index_box_open(&box);
	index_box_put_inode(&box, 2, 1);
	ck_assert_int_eq(index_checkpoint(box.index), 0);
	ck_assert_int_eq(index_health(box.index), 0);
	ck_assert_uint_eq(stats_of(&box).lsn_applied, 1);
	/* Closing does not wait for space: the journal has it all. */
	atomic_store(&full_times, 1000);
	index_box_put_inode(&box, 3, 1);
	index_box_close(&box);
	atomic_store(&full_times, 0);
	index_box_open(&box);
	ck_assert_int_eq(index_box_get_inode(&box, 3), 0);
	index_box_release(&box);
}
END_TEST

/* Bytes and names of all files below the directory. */
static uint64_t fingerprint(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	uint64_t sum = 0;

	while ((entry = readdir(dir))) {
		struct stat stat_of;
		char path[600];

		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		ck_assert_int_eq(stat(path, &stat_of), 0);
		if (S_ISREG(stat_of.st_mode))
			sum += (uint64_t)stat_of.st_size * 31 + (uint64_t)stat_of.st_mtim.tv_nsec +
			       stat_of.st_ino;
	}
	closedir(dir);
	return sum;
}

START_TEST(inspecting_a_dead_cache_changes_nothing)
{
	struct inode_row row = { .mode = S_IFREG, .nlink = 1 };
	struct index_snapshot *snapshot;
	struct index_box box;
	struct batch batch;
	uint64_t before;
	uint64_t cut;
	unsigned int i;

	index_box_init(&box);
	index_box_open(&box);
	index_box_put_inode(&box, 2, 1);
	ck_assert_int_eq(index_checkpoint(box.index), 0);
	index_box_put_inode(&box, 3, 1);
	index_box_power_cut(&box);
	before = fingerprint(box.index_directory) + fingerprint(box.journal_directory);
	box.conf.read_only = true;
	for (i = 0; i < 2; i++) {
		index_box_open(&box);
		ck_assert_int_eq(index_box_get_inode(&box, 2), 0);
		ck_assert_int_eq(index_box_get_inode(&box, 3), 0);
		ck_assert_int_eq(index_snapshot_take(box.index, &snapshot, &cut), 0);
		ck_assert_uint_eq(cut, 2);
		index_snapshot_release(snapshot);
		batch_init(&batch, BATCH_ROWS, 0);
		batch_put_inode(&batch, 4, &row);
		ck_assert_int_eq(index_commit(box.index, &batch, NULL), -ERR_read_only);
		ck_assert_int_eq(index_flush_all(box.index), 0);
		batch_release(&batch);
		index_box_close(&box);
	}
	ck_assert_uint_eq(fingerprint(box.index_directory) + fingerprint(box.journal_directory),
			  before);
	index_box_release(&box);
}
END_TEST

START_TEST(a_damaged_index_or_journal_is_refused_and_kept)
{
	struct index_box box;
	char *journal;
	char *lmdb;
	int fd;

	index_box_init(&box);
	index_box_open(&box);
	index_box_put_inode(&box, 2, 1);
	ck_assert_int_eq(index_flush(box.index, 1), 0);
	index_box_put_inode(&box, 3, 1);
	index_box_kill(&box);
	journal = xasprintf("%s/0000000000000001.wal", box.journal_directory);
	lmdb = xasprintf("%s/data.mdb", box.index_directory);
	fd = open(journal, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "x", 1, 4096 + 60), 1);
	close(fd);
	ck_assert_int_eq(index_box_try_open(&box), -ERR_journal_corrupt);
	ck_assert_int_eq(truncate(lmdb, 5000), 0);
	ck_assert_int_lt(index_box_try_open(&box), 0);
	ck_assert_int_eq(access(journal, F_OK), 0);
	ck_assert_int_eq(access(lmdb, F_OK), 0);
	free(journal);
	free(lmdb);
	index_box_release(&box);
}
END_TEST

/* A long life needs no more journal than what is not applied, and spares. */
START_TEST(applied_journal_files_are_used_again)
{
	struct index_box box;
	unsigned int i;

	index_box_init(&box);
	box.conf.journal_file_bytes = 64 * 1024;
	index_box_open(&box);
	for (i = 0; i < 6000; i++) {
		index_box_put_inode(&box, 2 + i, 1);
		if (i % 1000 == 999)
			ck_assert_int_eq(index_checkpoint(box.index), 0);
	}
	ck_assert_uint_lt(stats_of(&box).journal_bytes, 12 * 64 * 1024);
	index_box_kill(&box);
	index_box_open(&box);
	for (i = 0; i < 6000; i++)
		ck_assert_int_eq(index_box_get_inode(&box, 2 + i), 0);
	ck_assert_uint_eq(counters_of(&box).inodes, 6000);
	index_box_release(&box);
}
END_TEST

UNIT_MAIN("cache/index", rows_survive_close_kill_and_checkpoint,
	  an_empty_batch_is_no_record_but_a_sync_is_one,
	  the_dirty_row_of_content_keeps_its_age_and_its_barrier,
	  content_that_was_committed_and_changed_since_is_as_old_as_the_cut,
	  chunks_and_packs_have_no_dirty_rows, numbers_are_never_given_twice,
	  after_a_failed_write_every_commit_is_refused, after_a_failed_flush_no_flush_succeeds,
	  nothing_is_applied_that_the_journal_did_not_flush,
	  a_checkpoint_on_a_full_disk_is_tried_again, inspecting_a_dead_cache_changes_nothing,
	  a_damaged_index_or_journal_is_refused_and_kept, applied_journal_files_are_used_again)
