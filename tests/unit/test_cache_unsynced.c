/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "cache/unsynced.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define FILE_BYTES 3000000

static char *directory;
static char *folder;
/* What the disk was asked for, and what it refuses. */
static unsigned int calls[DISK_CALLS];
static size_t written;
static bool refused[DISK_CALLS];

static int watch(struct disk_request *request, void *arg)
{
	(void)arg;
	calls[request->call]++;
	if (request->call == DISK_WRITE)
		written += request->length;
	return refused[request->call] ? EIO : 0;
}

static void watch_anew(void)
{
	memset(calls, 0, sizeof(calls));
	memset(refused, 0, sizeof(refused));
	written = 0;
}

/* The byte at `at` of the one segment. */
static uint8_t byte_of(off_t at)
{
	return (uint8_t)(at * 7 % 251);
}

static void begin(void)
{
	CLEANUP_FREE char *journal = NULL;
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE uint8_t *bytes = xmalloc(FILE_BYTES);
	off_t at;
	int fd;

	directory = scratch_make();
	folder = xasprintf("%s/segments", directory);
	journal = xasprintf("%s/journal", directory);
	path = xasprintf("%s/1.seg", folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_int_eq(mkdir(journal, 0700), 0);
	for (at = 0; at < FILE_BYTES; at++)
		bytes[at] = byte_of(at);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, bytes, FILE_BYTES), FILE_BYTES);
	close(fd);
	watch_anew();
	disk_intercept(watch, NULL);
}

static void end(void)
{
	disk_intercept(NULL, NULL);
	free(folder);
	scratch_remove(directory);
}

static void check_bytes(void)
{
	CLEANUP_FREE char *path = xasprintf("%s/1.seg", folder);
	CLEANUP_FREE uint8_t *bytes = xmalloc(FILE_BYTES + 1);
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t at;

	ck_assert_int_eq(read(fd, bytes, FILE_BYTES + 1), FILE_BYTES);
	for (at = 0; at < FILE_BYTES; at++)
		ck_assert_uint_eq(bytes[at], byte_of(at));
}

static int mend(void)
{
	return unsynced_mend(directory, NULL, NULL);
}

START_TEST(without_a_note_nothing_is_done)
{
	begin();
	ck_assert_int_eq(mend(), 0);
	ck_assert_uint_eq(calls[DISK_WRITE] + calls[DISK_READ] + calls[DISK_SYNC], 0);
	end();
}
END_TEST

START_TEST(after_a_failure_all_is_written_once_more_and_flushed)
{
	begin();
	unsynced_note(folder);
	watch_anew();
	ck_assert_int_eq(mend(), 0);
	ck_assert_uint_eq(written, FILE_BYTES);
	ck_assert_uint_ge(calls[DISK_SYNC], 1);
	check_bytes();
	watch_anew();
	ck_assert_int_eq(mend(), 0);
	ck_assert_uint_eq(calls[DISK_WRITE], 0);
	end();
}
END_TEST

START_TEST(the_note_outlives_a_disk_that_takes_nothing)
{
	begin();
	refused[DISK_CREATE] = true;
	unsynced_note(folder);
	watch_anew();
	ck_assert_int_eq(mend(), 0);
	ck_assert_uint_eq(written, FILE_BYTES);
	end();
}
END_TEST

START_TEST(a_disk_that_still_fails_keeps_the_note)
{
	begin();
	unsynced_note(folder);
	watch_anew();
	refused[DISK_SYNC] = true;
	ck_assert_int_eq(mend(), -ERR_local_io);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_local_io), "1.seg"));
	watch_anew();
	ck_assert_int_eq(mend(), 0);
	ck_assert_uint_eq(written, FILE_BYTES);
	end();
}
END_TEST

UNIT_MAIN("unsynced", without_a_note_nothing_is_done,
	  after_a_failure_all_is_written_once_more_and_flushed,
	  the_note_outlives_a_disk_that_takes_nothing, a_disk_that_still_fails_keeps_the_note)
