/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/outbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"

#define FILE_NAME_SIZE 80
#define SEQ_DIGITS     16

struct outbox {
	char *directory;
	int fd;
};

static void commit_name(uint64_t seq, char text[FILE_NAME_SIZE])
{
	snprintf(text, FILE_NAME_SIZE, "%016" PRIx64, seq);
}

static void part_name(uint64_t seq, uint64_t epoch, const struct id *id, char text[FILE_NAME_SIZE])
{
	char hex[ID_HEX_SIZE];

	id_to_hex(id, hex);
	snprintf(text, FILE_NAME_SIZE, "%016" PRIx64 ".%016" PRIx64 "-%s", seq, epoch, hex);
}

/* The seq at the beginning of a file's name; 0 when the name is not ours. */
static uint64_t name_seq(const char *name)
{
	uint64_t seq = 0;
	int i;

	for (i = 0; i < SEQ_DIGITS; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = name[i] ? strchr(digits, name[i]) : NULL;

		if (!digit)
			return 0;
		seq = seq << 4 | (uint64_t)(digit - digits);
	}
	return seq;
}

static bool name_is_new(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && strcmp(name + length - 4, ".new") == 0;
}

typedef void outbox_file_fn(struct outbox *outbox, const char *name, void *arg);

static void outbox_each(struct outbox *outbox, outbox_file_fn *fn, void *arg)
{
	int fd = openat(outbox->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			fn(outbox, entry->d_name, arg);
	closedir(directory);
}

/* A part is complete when its commit's file is there. */
static void remove_incomplete(struct outbox *outbox, const char *name, void *arg)
{
	uint64_t seq = name_seq(name);
	char commit[FILE_NAME_SIZE];

	(void)arg;
	commit_name(seq, commit);
	if (name_is_new(name) || (seq && name[SEQ_DIGITS] == '.' &&
				  faccessat(outbox->fd, commit, F_OK, 0) && errno == ENOENT))
		disk_unlink(outbox->fd, name);
}

int outbox_open(const char *directory, struct outbox **out)
{
	CLEANUP_FREE char *path = xasprintf("%s/outbox", directory);
	struct outbox *outbox;
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return err_set_errno(-ERR_local_io, errno, "cannot make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(-ERR_local_io, errno, "cannot open %s", path);
	outbox = xcalloc(1, sizeof(*outbox));
	outbox->fd = fd;
	outbox->directory = path;
	path = NULL;
	outbox_each(outbox, remove_incomplete, NULL);
	*out = outbox;
	return 0;
}

void outbox_close(struct outbox *outbox)
{
	if (!outbox)
		return;
	close(outbox->fd);
	free(outbox->directory);
	free(outbox);
}

static int write_all(int fd, const uint8_t *bytes, size_t length)
{
	off_t offset = 0;

	while (length) {
		ssize_t done = disk_pwrite(fd, bytes, length, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -ENOSPC;
		bytes += done;
		offset += done;
		length -= (size_t)done;
	}
	return 0;
}

/* Durable under its name when it returns 0. */
static int write_file(struct outbox *outbox, const char *name, const void *bytes, size_t length)
{
	char fresh[FILE_NAME_SIZE + 4];
	int result;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = disk_create(outbox->fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(errno == ENOSPC ? -ERR_cache_full : -ERR_local_io, errno,
				     "cannot make %s/%s", outbox->directory, fresh);
	result = write_all(fd, bytes, length);
	if (!result && disk_fdatasync(fd))
		result = -errno;
	close(fd);
	CRASH_POINT(outbox_written);
	if (!result && disk_rename(outbox->fd, fresh, name))
		result = -errno;
	CRASH_POINT(outbox_named);
	if (!result && disk_fsync(outbox->fd))
		result = -errno;
	if (!result)
		return 0;
	disk_unlink(outbox->fd, fresh);
	return err_set_errno(result == -ENOSPC ? -ERR_cache_full : -ERR_local_io, -result,
			     "cannot write %s/%s (%zu bytes)", outbox->directory, name, length);
}

int outbox_add_part(struct outbox *outbox, uint64_t seq, uint64_t epoch, const struct id *id,
		    const void *bytes, size_t length)
{
	char name[FILE_NAME_SIZE];

	part_name(seq, epoch, id, name);
	CRASH_POINT(outbox_part);
	return write_file(outbox, name, bytes, length);
}

int outbox_add_commit(struct outbox *outbox, uint64_t seq, const void *bytes, size_t length)
{
	char name[FILE_NAME_SIZE];

	commit_name(seq, name);
	CRASH_POINT(outbox_commit);
	return write_file(outbox, name, bytes, length);
}

static int read_file(struct outbox *outbox, const char *name, struct buffer *out)
{
	CLEANUP_FD int fd = openat(outbox->fd, name, O_RDONLY | O_CLOEXEC);
	size_t start = out->length;
	struct stat stat;
	size_t got = 0;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &stat))
		return err_set_errno(-ERR_local_io, errno, "cannot read %s/%s", outbox->directory,
				     name);
	buffer_extend(out, (size_t)stat.st_size);
	while (got < (size_t)stat.st_size) {
		ssize_t done = disk_pread(fd, out->data + start + got, (size_t)stat.st_size - got,
					  (off_t)got);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			out->length = start;
			return err_set_errno(-ERR_local_io, done ? errno : EIO, "cannot read %s/%s",
					     outbox->directory, name);
		}
		got += (size_t)done;
	}
	return 0;
}

int outbox_get_commit(struct outbox *outbox, uint64_t seq, struct buffer *out)
{
	char name[FILE_NAME_SIZE];

	commit_name(seq, name);
	return read_file(outbox, name, out);
}

int outbox_get_part(struct outbox *outbox, uint64_t seq, uint64_t epoch, const struct id *id,
		    struct buffer *out)
{
	char name[FILE_NAME_SIZE];

	part_name(seq, epoch, id, name);
	return read_file(outbox, name, out);
}

static void remove_part(struct outbox *outbox, const char *name, void *arg)
{
	if (name_seq(name) == *(uint64_t *)arg && name[SEQ_DIGITS] == '.')
		disk_unlink(outbox->fd, name);
}

int outbox_remove(struct outbox *outbox, uint64_t seq)
{
	char name[FILE_NAME_SIZE];

	commit_name(seq, name);
	if (disk_unlink(outbox->fd, name) && errno != ENOENT)
		return err_set_errno(-ERR_local_io, errno, "cannot remove %s/%s", outbox->directory,
				     name);
	outbox_each(outbox, remove_part, &seq);
	return 0;
}

struct next {
	uint64_t from;
	uint64_t found;
};

static void find_next(struct outbox *outbox, const char *name, void *arg)
{
	struct next *next = arg;
	uint64_t seq = name_seq(name);

	(void)outbox;
	if (seq && !name[SEQ_DIGITS] && seq >= next->from && (!next->found || seq < next->found))
		next->found = seq;
}

uint64_t outbox_next(struct outbox *outbox, uint64_t from)
{
	struct next next = { .from = from };

	outbox_each(outbox, find_next, &next);
	return next.found;
}

static void add_bytes(struct outbox *outbox, const char *name, void *arg)
{
	struct stat stat;

	if (!fstatat(outbox->fd, name, &stat, 0))
		*(uint64_t *)arg += (uint64_t)stat.st_size;
}

uint64_t outbox_bytes(struct outbox *outbox)
{
	uint64_t bytes = 0;

	outbox_each(outbox, add_bytes, &bytes);
	return bytes;
}
