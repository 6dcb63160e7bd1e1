/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that loses power, and fails, on command.
 *
 *	disk IMAGE MOUNTPOINT SOCKET
 *
 * Mounts a directory with one file, MOUNTPOINT/disk, for a loop device with
 * direct I/O. What was written to it and not flushed (fsync of the file) is in
 * a volatile cache (medium.h). Commands come by SOCKET, a line a connection,
 * each answered by a line, "ok" or what went wrong:
 *
 *	cut PATH SEED			writes the disk as a power cut leaves it
 *	fail read|write|flush N EIO|ENOSPC
 *					the next N fail; -1: all; 0: no more
 *	count				reads, writes and flushes done and failed, and
 *					the writes that are not flushed
 *
 * Operations are one after the other: a write is in the cache when it is
 * answered, and a flush covers all that were answered before.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/power/failures.h"
#include "tests/power/medium.h"

#define DISK_PATH    "/disk"
#define LINE_BYTES   5000
#define WRITE_BYTES  (1u << 20)
#define BACKLOG_MAX  8
#define TIMEOUT_ARGS "-oattr_timeout=3600,entry_timeout=3600,fsname=power-disk"

/* guarded by lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct medium medium;
static struct failures failures;

static int disk_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof(*st));
	if (!strcmp(path, "/")) {
		st->st_mode = S_IFDIR | 0700;
		st->st_nlink = 2;
		return 0;
	}
	if (strcmp(path, DISK_PATH))
		return -ENOENT;
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_size = medium.size;
	return 0;
}

static int disk_open(const char *path, struct fuse_file_info *fi)
{
	if (strcmp(path, DISK_PATH))
		return -ENOENT;
	fi->direct_io = 1;
	return 0;
}

static int disk_read(const char *path, char *bytes, size_t length, off_t offset,
		     struct fuse_file_info *fi)
{
	ssize_t result;

	(void)path;
	(void)fi;
	pthread_mutex_lock(&lock);
	result = failures_next(&failures, DISK_READ);
	if (!result)
		result = medium_read(&medium, bytes, length, offset);
	pthread_mutex_unlock(&lock);
	return (int)result;
}

static int disk_write(const char *path, const char *bytes, size_t length, off_t offset,
		      struct fuse_file_info *fi)
{
	ssize_t result;

	(void)path;
	(void)fi;
	pthread_mutex_lock(&lock);
	result = failures_next(&failures, DISK_WRITE);
	if (!result)
		result = medium_write(&medium, bytes, length, offset);
	pthread_mutex_unlock(&lock);
	return (int)result;
}

static int disk_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
	int result;

	(void)path;
	(void)datasync;
	(void)fi;
	pthread_mutex_lock(&lock);
	result = failures_next(&failures, DISK_FLUSH);
	if (!result)
		result = medium_flush(&medium);
	pthread_mutex_unlock(&lock);
	return result;
}

static void *disk_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	(void)config;
	conn->max_write = WRITE_BYTES;
	return NULL;
}

static const struct fuse_operations operations = {
	.init = disk_init,
	.getattr = disk_getattr,
	.open = disk_open,
	.read = disk_read,
	.write = disk_write,
	.fsync = disk_fsync,
};

/* Commands. */

static void set_failure(char *answer, const char *op_name, int64_t count, const char *errno_name)
{
	int op = disk_op_parse(op_name);
	int errnum = disk_errno_parse(errno_name);

	if (op < 0 || errnum < 0)
		snprintf(answer, LINE_BYTES, "no such operation or error\n");
	else
		failures_set(&failures, (enum disk_op)op, count, errnum);
}

static void count(char *answer)
{
	int used = 0;
	int op;

	for (op = 0; op < DISK_OPS; op++)
		used += snprintf(answer + used, LINE_BYTES - (size_t)used,
				 "%" PRIu64 " %" PRIu64 " ", failures.ops[op].done_total,
				 failures.ops[op].failed_total);
	snprintf(answer + used, LINE_BYTES - (size_t)used, "%" PRIu64 "\n", medium.unflushed_count);
}

static void obey(const char *line, char *answer)
{
	char word[2][4096];
	uint64_t seed;
	int64_t number;
	int result;

	snprintf(answer, LINE_BYTES, "ok\n");
	if (sscanf(line, "cut %4095s %" SCNu64, word[0], &seed) == 2) {
		result = medium_cut(&medium, word[0], seed);
		if (result)
			snprintf(answer, LINE_BYTES, "cut: %s\n", strerror(-result));
	} else if (sscanf(line, "fail %4095s %" SCNd64 " %4095s", word[0], &number, word[1]) == 3) {
		set_failure(answer, word[0], number, word[1]);
	} else if (!strcmp(line, "count\n")) {
		count(answer);
	} else {
		snprintf(answer, LINE_BYTES, "no such command\n");
	}
}

static void serve_one(int fd)
{
	char line[LINE_BYTES];
	char answer[LINE_BYTES];
	ssize_t length = read(fd, line, sizeof(line) - 1);

	if (length <= 0)
		return;
	line[length] = '\0';
	pthread_mutex_lock(&lock);
	obey(line, answer);
	pthread_mutex_unlock(&lock);
	if (write(fd, answer, strlen(answer)) < 0)
		perror("disk: answer");
}

static void *serve(void *arg)
{
	int listener = *(int *)arg;

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		serve_one(fd);
		close(fd);
	}
	return NULL;
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, BACKLOG_MAX)) {
		perror(path);
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	char timeouts[] = TIMEOUT_ARGS;
	char foreground[] = "-f";
	char one_thread[] = "-s";
	static int listener;
	pthread_t thread;
	int result;

	if (argc != 4) {
		fprintf(stderr, "usage: disk IMAGE MOUNTPOINT SOCKET\n");
		return 2;
	}
	result = medium_open(&medium, argv[1]);
	if (result) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-result));
		return 1;
	}
	listener = listen_on(argv[3]);
	if (pthread_create(&thread, NULL, serve, &listener))
		return 1;
	result = fuse_main(5,
			   ((char *[]){ argv[0], argv[2], foreground, one_thread, timeouts, NULL }),
			   &operations, NULL);
	medium_close(&medium);
	return result;
}
