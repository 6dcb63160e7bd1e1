/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that change files of the cache, or read their data, in one place,
 * so that a test can stand between: let them fail, cut them short, delay
 * them, or stop all of them at one instant as a crash does.
 *
 * They are the system calls of the same names, with errno. LMDB makes its own;
 * disk_commit() is asked before one of its transactions is committed.
 *
 * Nothing is intercepted outside of tests: a call costs one load more.
 */
#ifndef DRAY_BASE_DISK_H
#define DRAY_BASE_DISK_H

#include <sys/types.h>
#include <sys/uio.h>

enum disk_call {
	DISK_CREATE, /* a file that may not be there yet */
	DISK_READ,
	DISK_WRITE,
	DISK_ALLOCATE,
	DISK_SYNC,
	DISK_RENAME,
	DISK_UNLINK,
	DISK_COMMIT,
	DISK_CALLS
};

struct disk_request {
	enum disk_call call;
	int fd;		  /* of the file; of its directory when name is set */
	const char *name; /* DISK_CREATE, DISK_RENAME (from), DISK_UNLINK, DISK_COMMIT */
	const char *to;	  /* DISK_RENAME */
	off_t offset;	  /* DISK_READ, DISK_WRITE, DISK_ALLOCATE */
	size_t length;	  /* the same; the hook may lower it, to at least 1 */
};

/* 0: the call is made; or the errno that it fails with. Any thread. */
typedef int disk_fn(struct disk_request *request, void *arg);

/* Before any thread makes calls, or after all did. fn NULL: no longer. */
void disk_intercept(disk_fn *fn, void *arg);

/* flags: with O_CREAT. */
int disk_create(int directory_fd, const char *name, int flags, mode_t mode);
ssize_t disk_pread(int fd, void *bytes, size_t length, off_t offset);
ssize_t disk_preadv(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t disk_pwrite(int fd, const void *bytes, size_t length, off_t offset);
ssize_t disk_pwritev(int fd, const struct iovec *iov, int count, off_t offset);
/* 0 or an errno, as posix_fallocate(3). */
int disk_allocate(int fd, off_t offset, off_t length);
int disk_fdatasync(int fd);
int disk_fsync(int fd);
int disk_rename(int directory_fd, const char *from, const char *to);
int disk_unlink(int directory_fd, const char *name);
/* 0 or an errno: may a transaction on the file of this path be committed? */
int disk_commit(const char *path);

#endif
