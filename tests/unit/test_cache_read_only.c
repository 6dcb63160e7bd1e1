/* SPDX-License-Identifier: Apache-2.0 */
/* A cache whose disk fails says so, takes no more changes, and loses nothing. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/disk.h"
#include "cache/flusher.h"
#include "cache/io.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

struct fault {
	enum disk_call call;
	const char *suffix; /* of the file's name; "" any */
	int error;
};

static struct local_cache local;
static struct cache_status status;

static int fail_call(struct disk_request *request, void *arg)
{
	const struct fault *fault = arg;
	char link[64];
	char path[512] = "";
	size_t length;

	if (request->call != fault->call)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", request->fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		path[0] = '\0';
	length = strlen(path);
	if (length < strlen(fault->suffix) ||
	    strcmp(path + length - strlen(fault->suffix), fault->suffix) != 0)
		return 0;
	return fault->error;
}

static uint64_t make_file(const char *name, int expected)
{
	struct ns_make what = { .mode = S_IFREG | 0644 };
	struct attributes out = { 0 };

	ck_assert_int_eq(err_to_errno(ns_create(local.cache, ROOT_INO, name, &what, &out)),
			 expected);
	return out.ino;
}

static void expect_read_only(const char *cause)
{
	cache_status_get(local.cache, &status);
	ck_assert_int_eq(status.state, CACHE_STATE_READ_ONLY);
	ck_assert_msg(strstr(status.state_cause, cause), "%s", status.state_cause);
}

/* All that returned is there, and the next mount takes changes. */
static void expect_kept(uint64_t ino)
{
	char got[8];
	size_t length;

	disk_intercept(NULL, NULL);
	local_cache_kill(&local);
	ck_assert_int_eq(io_read(local.cache, ino, NULL, 0, 8, 0, got, &length), 0);
	ck_assert_uint_eq(length, 5);
	ck_assert_mem_eq(got, "hello", 5);
	make_file("later", 0);
	local_cache_release(&local);
}

START_TEST(a_journal_that_cannot_be_written_makes_the_cache_read_only)
{
	static struct fault faults[] = { { DISK_WRITE, ".wal", EIO },
					 { DISK_WRITE, ".wal", ENOSPC } };
	uint64_t ino;

	local_cache_init(&local);
	ino = make_file("kept", 0);
	ck_assert_int_eq(io_write(local.cache, ino, 0, "hello", 5), 0);
	disk_intercept(fail_call, &faults[_i]);
	make_file("not kept", faults[_i].error);
	expect_read_only(".wal");
	disk_intercept(NULL, NULL);
	/* Also when the disk has recovered: nobody knows what the file holds. */
	make_file("not kept", faults[_i].error);
	ck_assert_int_ne(io_fsync(local.cache, ino), 0);
	expect_kept(ino);
}
END_TEST

START_TEST(a_failed_fsync_is_not_forgotten)
{
	static struct fault faults[] = { { DISK_SYNC, ".wal", EIO }, { DISK_SYNC, ".seg", EIO } };
	uint64_t other;
	uint64_t ino;

	local_cache_init(&local);
	ino = make_file("file", 0);
	other = make_file("other", 0);
	ck_assert_int_eq(io_write(local.cache, ino, 0, "hello", 5), 0);
	ck_assert_int_eq(io_write(local.cache, other, 0, "hello", 5), 0);
	disk_intercept(fail_call, &faults[_i]);
	ck_assert_int_eq(err_to_errno(cache_sync(local.cache)), EIO);
	expect_read_only(_i ? ".seg" : ".wal");
	disk_intercept(NULL, NULL);
	ck_assert_int_eq(err_to_errno(io_fsync(local.cache, ino)), EIO);
	ck_assert_int_eq(err_to_errno(io_fsync(local.cache, other)), EIO);
	ck_assert_int_eq(err_to_errno(cache_sync(local.cache)), EIO);
	expect_kept(ino);
}
END_TEST

START_TEST(a_full_disk_refuses_a_write_and_goes_on_when_there_is_room)
{
	struct fault fault = { DISK_WRITE, ".seg", ENOSPC };
	uint64_t ino;

	local_cache_init(&local);
	ino = make_file("file", 0);
	ck_assert_int_eq(io_write(local.cache, ino, 0, "hello", 5), 0);
	disk_intercept(fail_call, &fault);
	ck_assert_int_eq(err_to_errno(io_write(local.cache, ino, 0, "other", 5)), ENOSPC);
	make_file("names need no segment", 0);
	disk_intercept(NULL, NULL);
	cache_status_get(local.cache, &status);
	ck_assert_int_eq(status.state, CACHE_STATE_SERVING);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	expect_kept(ino);
}
END_TEST

/* Nobody changes anything afterwards: status says it all the same. */
START_TEST(an_index_that_cannot_be_written_makes_the_cache_read_only)
{
	struct fault fault = { DISK_COMMIT, "", EIO };
	uint64_t ino;

	local_cache_init(&local);
	ino = make_file("file", 0);
	ck_assert_int_eq(io_write(local.cache, ino, 0, "hello", 5), 0);
	local.cache->flusher = flusher_start(local.cache);
	disk_intercept(fail_call, &fault);
	ck_assert_int_ne(index_checkpoint(local.cache->index), 0);
	while (atomic_load(&local.cache->state) == CACHE_STATE_SERVING)
		usleep(10000);
	expect_read_only("data.mdb");
	flusher_stop(local.cache->flusher);
	local.cache->flusher = NULL;
	expect_kept(ino);
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("read_only");

	tcase_add_loop_test(cases, a_journal_that_cannot_be_written_makes_the_cache_read_only, 0,
			    2);
	tcase_add_loop_test(cases, a_failed_fsync_is_not_forgotten, 0, 2);
	tcase_add_test(cases, a_full_disk_refuses_a_write_and_goes_on_when_there_is_room);
	tcase_add_test(cases, an_index_that_cannot_be_written_makes_the_cache_read_only);
	return unit_run_cases("read_only", cases);
}
