/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the journal: order, flushes, failures, files used again. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/journal_box.h"
#include "tests/lib/unit.h"

#define SMALL_FILE (64 * 1024)

START_TEST(records_come_back_in_order_over_many_files)
{
	struct journal_stats stats;
	struct journal_box box;

	box_init(&box, SMALL_FILE);
	ck_assert_int_eq(box_open(&box, 0), 0);
	box_append_many(&box, 300);
	ck_assert_uint_eq(box_check(&box, 0), 300);
	ck_assert_uint_eq(box_check(&box, 123), 300);
	ck_assert_uint_gt(box_count_files(&box), 5);
	journal_stats_get(box.journal, &stats);
	ck_assert_uint_eq(stats.appended_lsn, 300);
	ck_assert_uint_eq(stats.written_lsn, 300);
	ck_assert_uint_eq(stats.durable_lsn, 0);
	ck_assert_int_eq(journal_flush(box.journal, 150), 0);
	journal_stats_get(box.journal, &stats);
	ck_assert_uint_ge(stats.durable_lsn, 150);
	box_release(&box);
}
END_TEST

START_TEST(a_record_may_be_larger_than_a_file)
{
	size_t length = 3 * SMALL_FILE;
	uint8_t *body = xmalloc(length);
	struct journal_record record = { .kind = BATCH_ROWS, .body = body, .body_length = length };
	struct journal_record back;
	struct journal_scan scan;
	struct journal_box box;

	noise_fill(1, body, length);
	box_init(&box, SMALL_FILE);
	ck_assert_int_eq(box_open(&box, 0), 0);
	for (record.lsn = 1; record.lsn <= 3; record.lsn++)
		ck_assert_int_eq(journal_append(box.journal, &record), 0);
	ck_assert_int_eq(journal_write(box.journal, 3), 0);
	ck_assert_int_eq(journal_scan_open(box.directory, 0, &box.boot_id, &scan), 0);
	ck_assert_uint_eq(scan.last_lsn, 3);
	ck_assert_int_eq(journal_scan_next(&scan, &back), 1);
	ck_assert_uint_eq(back.body_length, length);
	ck_assert(!memcmp(back.body, body, length));
	journal_scan_release(&scan);
	free(body);
	box_release(&box);
}
END_TEST

START_TEST(appended_records_are_written_by_whoever_waits_next)
{
	struct journal_box box;

	box_init(&box, SMALL_FILE);
	ck_assert_int_eq(box_open(&box, 0), 0);
	ck_assert_int_eq(box_append(&box, 0), 0);
	ck_assert_int_eq(box_append(&box, 0), 0);
	ck_assert_uint_eq(box_check(&box, 0), 0);
	ck_assert_int_eq(journal_write(box.journal, 1), 0);
	ck_assert_uint_eq(box_check(&box, 0), 2);
	box_release(&box);
}
END_TEST

START_TEST(every_start_goes_on_in_a_new_file)
{
	struct journal_box box;
	uint64_t i;

	box_init(&box, SMALL_FILE);
	for (i = 1; i <= 5; i++) {
		ck_assert_int_eq(box_open(&box, 0), 0);
		ck_assert_uint_eq(box.lsn, (i - 1) * 3);
		box_append_many(&box, 3);
		ck_assert_uint_eq(box_check(&box, 0), i * 3);
		box_close(&box);
		ck_assert_uint_eq(box_count_files(&box), i);
	}
	box_release(&box);
}
END_TEST

/* Files are written over with shorter and longer records than they had; what
 * is read back is always what was written last. */
START_TEST(recycled_files_never_yield_old_records)
{
	struct journal_box box;
	uint64_t applied = 0;
	unsigned int round;

	box_init(&box, SMALL_FILE);
	ck_assert_int_eq(box_open(&box, 0), 0);
	for (round = 0; round < 40; round++) {
		box_append_many(&box, 20 + round % 7);
		ck_assert_uint_eq(box_check(&box, applied), box.lsn);
		if (round % 3)
			continue;
		ck_assert_int_eq(journal_flush(box.journal, box.lsn), 0);
		applied = box.lsn - round % 5;
		journal_recycle(box.journal, applied);
		ck_assert_uint_eq(box_check(&box, applied), box.lsn);
		if (round % 2) {
			box_close(&box);
			ck_assert_int_eq(box_open(&box, applied), 0);
		}
	}
	ck_assert_uint_le(box_count_files(&box), 9);
	box_release(&box);
}
END_TEST

/* Until the next file's header is durable, a scan needs this one. */
START_TEST(a_file_is_kept_until_its_successor_is_durable)
{
	struct journal_box box;
	char *first;

	box_init(&box, SMALL_FILE);
	ck_assert_int_eq(box_open(&box, 0), 0);
	first = box_path(&box, 1);
	box_append_many(&box, 10);
	ck_assert_int_eq(journal_flush(box.journal, 10), 0);
	while (box_count_files(&box) < 2)
		box_append_many(&box, 1);
	journal_recycle(box.journal, box.lsn - 1);
	ck_assert_int_eq(journal_flush(box.journal, box.lsn - 1), 0);
	ck_assert_int_eq(journal_flush(box.journal, box.lsn), 0);
	journal_recycle(box.journal, box.lsn);
	while (box_count_files(&box) < 3 && !access(first, F_OK))
		box_append_many(&box, 1);
	ck_assert_int_ne(access(first, F_OK), 0);
	free(first);
	box_release(&box);
}
END_TEST

/* A disk that fails on demand. */
static atomic_int writes_until_failure = -1;
static atomic_int syncs_until_failure = -1;
static atomic_int allocates_until_failure = -1;
static int failure_errno;

static bool fails(atomic_int *left)
{
	return atomic_load(left) >= 0 && atomic_fetch_sub(left, 1) <= 0;
}

/* A failing write leaves half of its bytes, perhaps a whole record. */
static ssize_t faulty_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (!fails(&writes_until_failure))
		return pwrite(fd, bytes, length, offset);
	if (pwrite(fd, bytes, length / 2, offset) < 0)
		return -1;
	errno = failure_errno;
	return -1;
}

static int faulty_fdatasync(int fd)
{
	if (!fails(&syncs_until_failure))
		return fdatasync(fd);
	errno = failure_errno;
	return -1;
}

static int faulty_allocate(int fd, off_t offset, off_t length)
{
	return fails(&allocates_until_failure) ? failure_errno
					       : posix_fallocate(fd, offset, length);
}

static const struct journal_io faulty_io = {
	.pwrite = faulty_pwrite,
	.fdatasync = faulty_fdatasync,
	.allocate = faulty_allocate,
};

static void open_faulty(struct journal_box *box, int errnum)
{
	box_init(box, SMALL_FILE);
	box->io = &faulty_io;
	failure_errno = errnum;
	ck_assert_int_eq(box_open(box, 0), 0);
	box_append_many(box, 10);
}

/* Every call from the failure on says what was said first. */
static void assert_failed(struct journal_box *box, int code, const char *cause)
{
	ck_assert_int_eq(journal_health(box->journal), code);
	ck_assert_ptr_nonnull(strstr(err_message(code), cause));
	ck_assert_int_eq(journal_write(box->journal, box->lsn), code);
	ck_assert_int_eq(journal_flush(box->journal, box->lsn), code);
	ck_assert_ptr_nonnull(strstr(err_message(code), cause));
	ck_assert_int_eq(box_append(box, 0), code);
}

START_TEST(a_failed_write_is_reported_for_good)
{
	struct journal_box box;
	uint64_t kept;

	open_faulty(&box, ENOSPC);
	writes_until_failure = 0;
	ck_assert_int_eq(box_append(&box, 0), 0);
	ck_assert_int_eq(journal_write(box.journal, box.lsn), -ERR_cache_full);
	writes_until_failure = -1;
	assert_failed(&box, -ERR_cache_full, "No space left on device");
	kept = box_check(&box, 0);
	ck_assert_uint_ge(kept, 10);
	ck_assert_uint_le(kept, 11);
	box_close(&box);
	ck_assert_int_eq(box_open(&box, 0), 0);
	box_append_many(&box, 5);
	ck_assert_uint_eq(box_check(&box, 0), kept + 5);
	box_release(&box);
}
END_TEST

START_TEST(a_failed_flush_is_reported_for_good)
{
	struct journal_box box;

	open_faulty(&box, EIO);
	syncs_until_failure = 0;
	ck_assert_int_eq(journal_flush(box.journal, 10), -ERR_local_io);
	syncs_until_failure = -1;
	box.lsn = 10;
	ck_assert_int_eq(journal_flush(box.journal, 10), -ERR_local_io);
	ck_assert_int_eq(journal_flush(box.journal, 10), -ERR_local_io);
	ck_assert_int_eq(box_append(&box, 0), -ERR_local_io);
	box_release(&box);
}
END_TEST

START_TEST(a_disk_that_is_full_for_the_next_file_loses_nothing)
{
	struct journal_box box;
	uint64_t written = 0;

	open_faulty(&box, ENOSPC);
	allocates_until_failure = 0;
	for (;;) {
		ck_assert_int_eq(box_append(&box, 0), 0);
		if (journal_write(box.journal, box.lsn))
			break;
		written = box.lsn;
	}
	allocates_until_failure = -1;
	assert_failed(&box, -ERR_cache_full, "No space left on device");
	box_close(&box);
	ck_assert_int_eq(box_open(&box, 0), 0);
	ck_assert_uint_eq(box.lsn, written);
	box_append_many(&box, 100);
	ck_assert_uint_eq(box_check(&box, 0), written + 100);
	box_release(&box);
}
END_TEST

#define THREADS	       4
#define THREAD_RECORDS 400

struct crowd {
	struct journal_box box;
	pthread_mutex_t order; /* as the index's lock: LSNs in order */
};

static void *append_write_flush(void *arg)
{
	struct crowd *crowd = arg;
	struct journal_stats stats;
	unsigned int i;

	for (i = 0; i < THREAD_RECORDS; i++) {
		uint64_t lsn;

		pthread_mutex_lock(&crowd->order);
		ck_assert_int_eq(box_append(&crowd->box, 0), 0);
		lsn = crowd->box.lsn;
		pthread_mutex_unlock(&crowd->order);
		ck_assert_int_eq(journal_write(crowd->box.journal, lsn), 0);
		if (i % 16)
			continue;
		ck_assert_int_eq(journal_flush(crowd->box.journal, lsn), 0);
		journal_stats_get(crowd->box.journal, &stats);
		ck_assert_uint_ge(stats.durable_lsn, lsn);
		journal_recycle(crowd->box.journal, 0);
	}
	return NULL;
}

START_TEST(many_threads_share_writes_and_flushes)
{
	struct crowd crowd = { .order = PTHREAD_MUTEX_INITIALIZER };
	struct journal_stats stats;
	pthread_t threads[THREADS];
	unsigned int i;

	box_init(&crowd.box, SMALL_FILE);
	ck_assert_int_eq(box_open(&crowd.box, 0), 0);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, append_write_flush, &crowd);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(box_check(&crowd.box, 0), THREADS * THREAD_RECORDS);
	journal_stats_get(crowd.box.journal, &stats);
	ck_assert_uint_eq(stats.written_lsn, THREADS * THREAD_RECORDS);
	box_release(&crowd.box);
}
END_TEST

UNIT_MAIN("cache/journal", records_come_back_in_order_over_many_files,
	  a_record_may_be_larger_than_a_file, appended_records_are_written_by_whoever_waits_next,
	  every_start_goes_on_in_a_new_file, recycled_files_never_yield_old_records,
	  a_file_is_kept_until_its_successor_is_durable, a_failed_write_is_reported_for_good,
	  a_failed_flush_is_reported_for_good, a_disk_that_is_full_for_the_next_file_loses_nothing,
	  many_threads_share_writes_and_flushes)
