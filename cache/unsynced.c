/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/unsynced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "backend/base/log.h"

#define COPY_BYTES (1u << 20)

/* Where notes lie that the cache disk cannot take; NULL: nowhere. */
static char *runtime_directory(void)
{
	const char *base = geteuid() ? getenv("XDG_RUNTIME_DIR") : "/run";

	return base && *base == '/' ? xasprintf("%s/dray", base) : NULL;
}

/* The path of the second note; NULL when there is no place for it. */
static char *runtime_path(const char *directory)
{
	CLEANUP_FREE char *base = runtime_directory();
	struct stat stat_buffer;

	if (!base || stat(directory, &stat_buffer))
		return NULL;
	if (mkdir(base, 0700) && errno != EEXIST)
		return NULL;
	return xasprintf("%s/%s-%jx-%ju", base, UNSYNCED_NAME, (uintmax_t)stat_buffer.st_dev,
			 (uintmax_t)stat_buffer.st_ino);
}

static bool touch(const char *path)
{
	CLEANUP_FD int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	return fd >= 0;
}

static bool touch_in(const char *directory)
{
	CLEANUP_FD int top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int fd = -1;

	if (top < 0)
		return false;
	fd = disk_create(top, UNSYNCED_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 && !disk_fsync(fd) && !disk_fsync(top);
}

void unsynced_note(const char *folder)
{
	CLEANUP_FREE char *directory = xasprintf("%s/..", folder);
	CLEANUP_FREE char *path = runtime_path(directory);
	bool in_cache = touch_in(directory);
	bool in_memory = touch(path);

	if (!in_cache && !in_memory)
		log_error("%s: that a flush failed cannot be noted for the next gateway: reboot "
			  "before the volume is mounted again",
			  directory);
}

static int failed(const char *directory, const char *name, const char *what)
{
	return err_set_errno(errno == ENOSPC ? -ERR_cache_full : -ERR_local_io, errno,
			     "cannot %s %s/%s, of which a flush failed before: mend the disk of "
			     "the cache, then mount again",
			     what, directory, name);
}

/* Writes the file's bytes over themselves and flushes them. */
static int rewrite(const char *directory, int directory_fd, const char *name)
{
	CLEANUP_FD int fd = openat(directory_fd, name, O_RDWR | O_CLOEXEC);
	CLEANUP_FREE uint8_t *bytes = xmalloc(COPY_BYTES);
	off_t at = 0;
	ssize_t got;
	ssize_t put;

	if (fd < 0)
		return failed(directory, name, "open");
	while ((got = disk_pread(fd, bytes, COPY_BYTES, at))) {
		if (got < 0)
			return failed(directory, name, "read");
		put = disk_pwrite(fd, bytes, (size_t)got, at);
		if (put < 0)
			return failed(directory, name, "write");
		at += put;
	}
	return disk_fsync(fd) ? failed(directory, name, "flush") : 0;
}

/* All files of a folder of the cache. */
static int rewrite_folder(const char *top, const char *folder, cache_progress_fn *progress,
			  void *progress_arg)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", top, folder);
	DIR *stream = opendir(path);
	struct dirent *entry;
	uint64_t done = 0;
	int result = 0;

	if (!stream)
		return errno == ENOENT ? 0 : failed(top, folder, "open");
	while (!result && (entry = readdir(stream))) {
		if (*entry->d_name == '.')
			continue;
		if (progress)
			progress("writing again what a failed disk may have lost", done++, 0,
				 progress_arg);
		result = rewrite(path, dirfd(stream), entry->d_name);
	}
	if (!result && disk_fsync(dirfd(stream)))
		result = failed(top, folder, "flush");
	closedir(stream);
	return result;
}

int unsynced_mend(const char *directory, cache_progress_fn *progress, void *progress_arg)
{
	CLEANUP_FREE char *in_memory = runtime_path(directory);
	CLEANUP_FREE char *in_cache = xasprintf("%s/%s", directory, UNSYNCED_NAME);
	int result;

	if (access(in_cache, F_OK) && (!in_memory || access(in_memory, F_OK)))
		return 0;
	log_warn("%s: a flush failed when it was last used: all of it is written once more",
		 directory);
	result = rewrite_folder(directory, "segments", progress, progress_arg);
	if (!result)
		result = rewrite_folder(directory, "journal", progress, progress_arg);
	if (result)
		return result;
	if (in_memory)
		unlink(in_memory);
	if (unlink(in_cache) && errno != ENOENT)
		return failed(directory, UNSYNCED_NAME, "remove");
	return 0;
}
