/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic(disk_fn *) hook;
static void *hook_arg; /* written while there is no hook */

void disk_intercept(disk_fn *fn, void *arg)
{
	hook_arg = arg;
	atomic_store(&hook, fn);
}

/* 0, or -1 with errno. */
static int ask(struct disk_request *request)
{
	disk_fn *fn = atomic_load_explicit(&hook, memory_order_acquire);
	int result = fn ? fn(request, hook_arg) : 0;

	if (!result)
		return 0;
	errno = result;
	return -1;
}

static int ask_name(enum disk_call call, int directory_fd, const char *name)
{
	struct disk_request request = { .call = call, .fd = directory_fd, .name = name };

	return ask(&request);
}

/* 0 and perhaps a smaller *length, or -1. */
static int ask_range(enum disk_call call, int fd, off_t offset, size_t *length)
{
	struct disk_request request = {
		.call = call, .fd = fd, .offset = offset, .length = *length
	};
	int result = ask(&request);

	*length = request.length;
	return result;
}

int disk_create(int directory_fd, const char *name, int flags, mode_t mode)
{
	if (ask_name(DISK_CREATE, directory_fd, name))
		return -1;
	return openat(directory_fd, name, flags, mode);
}

ssize_t disk_pread(int fd, void *bytes, size_t length, off_t offset)
{
	if (ask_range(DISK_READ, fd, offset, &length))
		return -1;
	return pread(fd, bytes, length, offset);
}

ssize_t disk_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (ask_range(DISK_WRITE, fd, offset, &length))
		return -1;
	return pwrite(fd, bytes, length, offset);
}

static size_t total(const struct iovec *iov, int count)
{
	size_t length = 0;
	int i;

	for (i = 0; i < count; i++)
		length += iov[i].iov_len;
	return length;
}

ssize_t disk_preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
	size_t length = total(iov, count);
	size_t allowed = length;

	if (ask_range(DISK_READ, fd, offset, &allowed))
		return -1;
	if (allowed == length)
		return preadv(fd, iov, count, offset);
	/* Cut short: some of the first part is enough. */
	return pread(fd, iov[0].iov_base, allowed < iov[0].iov_len ? allowed : iov[0].iov_len,
		     offset);
}

ssize_t disk_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	size_t length = total(iov, count);
	size_t allowed = length;

	if (ask_range(DISK_WRITE, fd, offset, &allowed))
		return -1;
	if (allowed == length)
		return pwritev(fd, iov, count, offset);
	/* Cut short: what is left of the first part is enough. */
	return pwrite(fd, iov[0].iov_base, allowed < iov[0].iov_len ? allowed : iov[0].iov_len,
		      offset);
}

int disk_allocate(int fd, off_t offset, off_t length)
{
	size_t allowed = (size_t)length;

	if (ask_range(DISK_ALLOCATE, fd, offset, &allowed))
		return errno;
	return posix_fallocate(fd, offset, length);
}

int disk_fdatasync(int fd)
{
	size_t nothing = 0;

	return ask_range(DISK_SYNC, fd, 0, &nothing) ? -1 : fdatasync(fd);
}

int disk_fsync(int fd)
{
	size_t nothing = 0;

	return ask_range(DISK_SYNC, fd, 0, &nothing) ? -1 : fsync(fd);
}

int disk_rename(int directory_fd, const char *from, const char *to)
{
	struct disk_request request = {
		.call = DISK_RENAME, .fd = directory_fd, .name = from, .to = to
	};

	if (ask(&request))
		return -1;
	return renameat(directory_fd, from, directory_fd, to);
}

int disk_unlink(int directory_fd, const char *name)
{
	return ask_name(DISK_UNLINK, directory_fd, name) ? -1 : unlinkat(directory_fd, name, 0);
}

int disk_commit(const char *path)
{
	return ask_name(DISK_COMMIT, AT_FDCWD, path) ? errno : 0;
}
