/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

static char *directory;
static int directory_fd;

static void begin(void)
{
	directory = scratch_make();
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory_fd, 0);
}

static void end(void)
{
	disk_intercept(NULL, NULL);
	close(directory_fd);
	scratch_remove(directory);
}

static int make(const char *name)
{
	return disk_create(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int refuse(struct disk_request *request, void *arg)
{
	return request->call == *(enum disk_call *)arg ? ENOSPC : 0;
}

static int shorten(struct disk_request *request, void *arg)
{
	if (request->length > *(size_t *)arg)
		request->length = *(size_t *)arg;
	return 0;
}

START_TEST(each_call_can_be_refused)
{
	struct iovec iov = { (void *)"abc", 3 };
	enum disk_call call;
	int fd;

	begin();
	fd = make("file");
	ck_assert_int_ge(fd, 0);
	for (call = 0; call < DISK_CALLS; call++) {
		char bytes[3];

		disk_intercept(refuse, &call);

		ck_assert_int_eq(make("other") < 0, call == DISK_CREATE);
		ck_assert_int_eq(disk_pwrite(fd, "abc", 3, 0) < 0, call == DISK_WRITE);
		ck_assert_int_eq(disk_pwritev(fd, &iov, 1, 0) < 0, call == DISK_WRITE);
		ck_assert_int_eq(disk_pread(fd, bytes, 3, 0) < 0, call == DISK_READ);
		ck_assert_int_eq(disk_allocate(fd, 0, 4096), call == DISK_ALLOCATE ? ENOSPC : 0);
		ck_assert_int_eq(disk_fdatasync(fd) < 0, call == DISK_SYNC);
		ck_assert_int_eq(disk_fsync(fd) < 0, call == DISK_SYNC);
		ck_assert_int_eq(disk_commit("x"), call == DISK_COMMIT ? ENOSPC : 0);
		ck_assert_int_eq(disk_rename(directory_fd, "file", "moved") < 0,
				 call == DISK_RENAME);
		ck_assert_int_eq(faccessat(directory_fd, "file", F_OK, 0) == 0,
				 call == DISK_RENAME);
		disk_rename(directory_fd, "moved", "file");
		ck_assert_int_eq(disk_unlink(directory_fd, "file") < 0, call == DISK_UNLINK);
		disk_intercept(NULL, NULL);
		close(fd);
		fd = make("file");
	}
	close(fd);
	end();
}
END_TEST

START_TEST(writes_can_be_cut_short)
{
	struct iovec iov[2] = { { (void *)"abcd", 4 }, { (void *)"efgh", 4 } };
	size_t allowed;
	char bytes[9];
	int fd;

	begin();
	fd = make("file");
	disk_intercept(shorten, &allowed);
	allowed = 3;
	ck_assert_int_eq(disk_pwrite(fd, "12345", 5, 0), 3);
	ck_assert_int_eq(disk_pwritev(fd, iov, 2, 0), 3);
	allowed = 6; /* at most the first part */
	ck_assert_int_eq(disk_pwritev(fd, iov, 2, 0), 4);
	allowed = 8;
	ck_assert_int_eq(disk_pwritev(fd, iov, 2, 0), 8);
	allowed = 2;
	ck_assert_int_eq(disk_pread(fd, bytes, 8, 0), 2);
	disk_intercept(NULL, NULL);
	ck_assert_int_eq(disk_pread(fd, bytes, 9, 0), 8);
	ck_assert_mem_eq(bytes, "abcdefgh", 8);
	close(fd);
	end();
}
END_TEST

UNIT_MAIN("disk", each_call_can_be_refused, writes_can_be_cut_short)
