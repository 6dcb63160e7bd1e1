/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/journal_file.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "cache/journal_format.h"
#include "cache/unsynced.h"

#define ZERO_STEP (1 << 20)

const struct journal_io journal_io_system = {
	.pwrite = disk_pwrite,
	.fdatasync = disk_fdatasync,
	.allocate = disk_allocate,
};

static int report(const struct journal_file *file, const char *what, int errnum)
{
	int code = errnum == ENOSPC || errnum == EDQUOT ? -ERR_cache_full : -ERR_local_io;

	return err_set_errno(code, errnum, "cannot %s journal file %s", what, file->path);
}

char *journal_file_path(const char *directory, uint64_t sequence)
{
	return xasprintf("%s/%016" PRIx64 JOURNAL_SUFFIX, directory, sequence);
}

void journal_file_init(struct journal_file *file, const struct journal_io *io)
{
	memset(file, 0, sizeof(*file));
	file->io = io;
	file->fd = -1;
}

void journal_file_release(struct journal_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	journal_file_init(file, file->io);
}

static int write_all(struct journal_file *file, const void *bytes, size_t length, uint64_t offset)
{
	const uint8_t *place = bytes;

	while (length) {
		ssize_t done = file->io->pwrite(file->fd, place, length, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return report(file, "write", done ? errno : ENOSPC);
		place += done;
		offset += (uint64_t)done;
		length -= (size_t)done;
	}
	return 0;
}

/* Not every file system can allocate; then writing will tell. */
static int create(struct journal_file *file, uint64_t bytes)
{
	int result;

	file->fd = disk_create(AT_FDCWD, file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return report(file, "create", errno);
	result = file->io->allocate(file->fd, 0, (off_t)bytes);
	if (result && result != EOPNOTSUPP && result != EINVAL)
		return report(file, "allocate", result);
	CRASH_POINT(journal_file_made);
	return 0;
}

static int reuse(struct journal_file *file, const char *recycled)
{
	if (disk_rename(AT_FDCWD, recycled, file->path))
		return report(file, "rename an old file to", errno);
	CRASH_POINT(journal_file_renamed);
	file->fd = open(file->path, O_RDWR | O_CLOEXEC);
	return file->fd < 0 ? report(file, "open", errno) : 0;
}

/* Only speed depends on it: what cannot be written now fails when it must. */
static void zero_ahead(struct journal_file *file, uint64_t end)
{
	static const uint8_t zeros[ZERO_STEP];
	uint64_t target = (end / ZERO_STEP + 1) * ZERO_STEP;

	if (target > file->size)
		target = file->size;
	if (target > end)
		write_all(file, zeros, target - end, end);
	file->zeroed = target;
}

static int write_padded(struct journal_file *file, const uint8_t *bytes, size_t length,
			uint64_t offset)
{
	uint64_t end = offset + length;
	int result = write_all(file, bytes, length, offset);

	if (result)
		return result;
	if (end > file->padded)
		file->padded = end;
	if (end > file->size)
		file->size = end;
	if (end > file->zeroed)
		zero_ahead(file, end);
	return 0;
}

int journal_file_begin(struct journal_file *file, char *path, const char *recycled, uint64_t bytes,
		       const struct journal_header *header)
{
	uint8_t page[JOURNAL_PAGE_BYTES];
	struct stat stat_of;
	int result;

	assert(file->fd < 0);
	free(file->path);
	file->path = path;
	result = recycled ? reuse(file, recycled) : create(file, bytes);
	if (result)
		return result;
	if (fstat(file->fd, &stat_of))
		return report(file, "inspect", errno);
	file->size = (uint64_t)stat_of.st_size;
	if (recycled)
		file->zeroed = file->size;
	journal_header_encode(header, page);
	result = write_padded(file, page, sizeof(page), 0);
	CRASH_POINT(journal_file_begun);
	return result;
}

int journal_file_append(struct journal_file *file, struct buffer *bytes, uint64_t offset)
{
	uint64_t end = offset + bytes->length;
	size_t padding = 0;

	/* Within a page that was padded before, zeros follow already. */
	if (end > file->padded)
		padding = (JOURNAL_PAGE_BYTES - end % JOURNAL_PAGE_BYTES) % JOURNAL_PAGE_BYTES;
	if (padding)
		memset(buffer_extend(bytes, padding), 0, padding);
	return write_padded(file, bytes->data, bytes->length, offset);
}

static int sync_name(struct journal_file *file)
{
	CLEANUP_FREE char *copy = xstrdup(file->path);
	CLEANUP_FD int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || disk_fsync(fd))
		return report(file, "make durable the name of", errno);
	file->name_durable = true;
	return 0;
}

int journal_file_sync(struct journal_file *file)
{
	CLEANUP_FREE char *copy = NULL;
	int result = 0;

	if (file->io->fdatasync(file->fd))
		result = report(file, "flush", errno);
	else if (!file->name_durable)
		result = sync_name(file);
	if (result) {
		copy = xstrdup(file->path);
		unsynced_note(dirname(copy));
	}
	return result;
}
