/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_file.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/id.h"
#include "backend/base/lock.h"
#include "backend/store_file_int.h"

#define TEMP_DIRECTORY	     "+tmp"
#define TEMP_NAME_SIZE	     (sizeof(TEMP_DIRECTORY "/") + ID_HEX_SIZE)
#define TEMP_AGE_MAX_SECONDS 86400

static struct file_store *file_store(struct store *store)
{
	return (struct file_store *)store;
}

static int error_code(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return -ERR_store_full;
	case EACCES:
	case EPERM:
	case EROFS:
		return -ERR_store_denied;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EBUSY:
		return -ERR_store_busy;
	case ENOTDIR:
	case EISDIR:
	case ENAMETOOLONG:
	case EFBIG:
	case ELOOP:
	case EXDEV:
		return -ERR_store_refused;
	default:
		return -ERR_store_failed;
	}
}

int file_check_root(const struct file_store *file)
{
	struct stat st;

	if (fstat(file->root_fd, &st) == 0 && st.st_nlink == 0)
		return err_set(-ERR_store_no_bucket, "%s: the directory of the store was removed",
			       file->root);
	return 0;
}

int file_error(const struct file_store *file, int errnum, const char *failed, const char *name)
{
	int result = errnum == ENOENT ? file_check_root(file) : 0;

	return result ? result
		      : err_set_errno(error_code(errnum), errnum, "cannot %s %s/%s", failed,
				      file->root, name);
}

/* A failed look-up of a key: -ENOENT when there is no such object. */
static int absent_or_error(const struct file_store *file, int errnum, const char *failed,
			   const char *key)
{
	int result;

	if (errnum != ENOENT && errnum != ENOTDIR)
		return file_error(file, errnum, failed, key);
	result = file_check_root(file);
	return result ? result : -ENOENT;
}

/* Flushes a directory ("" is the root), so that the names in it are durable. */
static int sync_directory(const struct file_store *file, const char *path)
{
	CLEANUP_FD int fd =
		openat(file->root_fd, path[0] ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return file_error(file, errno, "flush directory", path);
	return 0;
}

/* Flushes the directory that holds this name. */
static int sync_parent(const struct file_store *file, const char *name)
{
	char parent[STORE_KEY_MAX + 1];
	const char *slash = strrchr(name, '/');

	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - name) : 0, name);
	return sync_directory(file, parent);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool directory_is_durable(struct file_store *file, const char *path)
{
	bool found;

	lock_acquire(&file->lock);
	found = tfind(path, &file->durable, compare_paths) != NULL;
	lock_release(&file->lock);
	return found;
}

static void remember_durable(struct file_store *file, const char *path)
{
	char *copy = xstrdup(path);
	void *node;

	lock_acquire(&file->lock);
	node = tsearch(copy, &file->durable, compare_paths);
	lock_release(&file->lock);
	assert(node); /* NULL: memory is exhausted */
	if (*(char **)node != copy)
		free(copy);
}

/*
 * Makes a directory and flushes its entry. One that exists is flushed too,
 * once per opened store: another thread, or a process that was killed, may
 * have made it and not come to flushing it.
 */
static int make_directory(struct file_store *file, const char *path)
{
	int result;

	if (directory_is_durable(file, path))
		return 0;
	if (mkdirat(file->root_fd, path, 0700) && errno != EEXIST)
		return file_error(file, errno, "make directory", path);
	result = sync_parent(file, path);
	if (!result)
		remember_durable(file, path);
	return result;
}

/* Makes the directories above an object, outermost first. */
static int make_parents(struct file_store *file, const char *key)
{
	char path[STORE_KEY_MAX + 1];
	const char *slash;
	int result = 0;

	for (slash = strchr(key, '/'); slash && !result; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof(path), "%.*s", (int)(slash - key), key);
		result = make_directory(file, path);
	}
	return result;
}

static int write_all(int fd, const uint8_t *bytes, size_t length)
{
	ssize_t written;

	while (length) {
		written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Opens a new file in +tmp, which is made when it is missing. */
static int open_temp(const struct file_store *file, const char *temp)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = openat(file->root_fd, temp, flags, 0600);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(file->root_fd, TEMP_DIRECTORY, 0700) && errno != EEXIST)
		return -1;
	return openat(file->root_fd, temp, flags, 0600);
}

/* Leaves the bytes, flushed, in a new file of +tmp: its name and descriptor. */
static int write_temp(const struct file_store *file, const void *bytes, size_t length,
		      char temp_out[TEMP_NAME_SIZE], int *fd_out)
{
	char hex[ID_HEX_SIZE];
	struct id id = id_new();
	int result;

	id_to_hex(&id, hex);
	snprintf(temp_out, TEMP_NAME_SIZE, TEMP_DIRECTORY "/%s", hex);
	*fd_out = open_temp(file, temp_out);
	if (*fd_out < 0)
		return file_error(file, errno, "create", temp_out);
	result = write_all(*fd_out, bytes, length);
	if (!result && fdatasync(*fd_out))
		result = -errno;
	if (!result)
		return 0;
	unlinkat(file->root_fd, temp_out, 0);
	return file_error(file, -result, "write", temp_out);
}

/* The name exists, and not as an object: a key names the "directory" of others. */
static bool is_directory(const struct file_store *file, const char *key)
{
	struct stat st;

	return fstatat(file->root_fd, key, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/*
 * Names the written file, unless the name is taken. On -EEXIST the directory
 * is flushed as well: the caller may have put the same bytes before a crash
 * that came ahead of the flush, and takes the object for durable now.
 */
static int publish_if_absent(const struct file_store *file, const char *temp, int fd,
			     const char *key)
{
	bool linked = linkat(file->root_fd, temp, file->root_fd, key, 0) == 0;
	int errnum = linked ? 0 : errno;
	struct stat st;
	int result;

	/* A file server may have linked and lost its answer: EEXIST to the repetition. */
	if (errnum == EEXIST && fstat(fd, &st) == 0 && st.st_nlink > 1)
		linked = true;
	unlinkat(file->root_fd, temp, 0);
	if (errnum == EEXIST && !linked && is_directory(file, key))
		return file_error(file, EISDIR, "put", key);
	if (errnum == EPERM || errnum == EOPNOTSUPP)
		return err_set(
			-ERR_store_unsupported,
			"cannot put %s/%s: link(2) is refused; the store needs a file system "
			"with hard links",
			file->root, key);
	if (errnum && errnum != EEXIST)
		return file_error(file, errnum, "put", key);
	result = sync_parent(file, key);
	if (result)
		return result;
	return linked ? 0 : -EEXIST;
}

static int publish(const struct file_store *file, const char *temp, const char *key)
{
	int errnum;

	if (renameat(file->root_fd, temp, file->root_fd, key) == 0)
		return sync_parent(file, key);
	errnum = errno;
	unlinkat(file->root_fd, temp, 0);
	return file_error(file, errnum, "put", key);
}

static int file_put(struct store *store, const char *key, const void *bytes, size_t length,
		    enum store_put_flags flags)
{
	struct file_store *file = file_store(store);
	char temp[TEMP_NAME_SIZE];
	CLEANUP_FD int fd = -1;
	int result;

	result = make_parents(file, key);
	if (!result)
		result = write_temp(file, bytes, length, temp, &fd);
	if (result)
		return result;
	if (flags & STORE_IF_ABSENT)
		return publish_if_absent(file, temp, fd, key);
	return publish(file, temp, key);
}

static int read_all(int fd, uint8_t *bytes, size_t length, off_t offset)
{
	ssize_t got;

	while (length) {
		got = pread(fd, bytes, length, offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENODATA;
		bytes += got;
		offset += got;
		length -= (size_t)got;
	}
	return 0;
}

static int file_get(struct store *store, const char *key, uint64_t offset, size_t length,
		    struct buffer *out)
{
	struct file_store *file = file_store(store);
	CLEANUP_FD int fd = openat(file->root_fd, key, O_RDONLY | O_CLOEXEC);
	size_t length_before = out->length;
	struct stat st;
	int result;

	if (fd < 0)
		return absent_or_error(file, errno, "open", key);
	if (fstat(fd, &st))
		return file_error(file, errno, "open", key);
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	if (offset >= (uint64_t)st.st_size)
		return 0;
	if (length > (uint64_t)st.st_size - offset)
		length = (size_t)((uint64_t)st.st_size - offset);
	result = read_all(fd, buffer_extend(out, length), length, (off_t)offset);
	if (!result)
		return 0;
	out->length = length_before;
	return file_error(file, -result, "read", key);
}

static int file_head(struct store *store, const char *key, uint64_t *size_out)
{
	struct file_store *file = file_store(store);
	struct stat st;

	if (fstatat(file->root_fd, key, &st, 0))
		return absent_or_error(file, errno, "look at", key);
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	*size_out = (uint64_t)st.st_size;
	return 0;
}

static int file_remove(struct store *store, const char *key)
{
	struct file_store *file = file_store(store);
	int result;

	if (unlinkat(file->root_fd, key, 0) == 0 || errno == EISDIR)
		return 0;
	result = absent_or_error(file, errno, "remove", key);
	return result == -ENOENT ? 0 : result;
}

static void file_free(struct store *store)
{
	struct file_store *file = file_store(store);

	tdestroy(file->durable, free);
	lock_destroy(&file->lock);
	if (file->root_fd >= 0)
		close(file->root_fd);
	free(file->root);
	store_release(store);
	free(file);
}

static int file_space(struct store *store, uint64_t *free_out)
{
	struct statvfs space;

	if (fstatvfs(file_store(store)->root_fd, &space))
		return file_error(file_store(store), errno, "look at", "");
	*free_out = (uint64_t)space.f_bavail * space.f_frsize;
	return 0;
}

static const struct store_ops file_ops = {
	.put = file_put,
	.get = file_get,
	.head = file_head,
	.remove = file_remove,
	.list = file_list,
	.space = file_space,
	.free = file_free,
};

/* Removes what a crash left in +tmp. A failure costs only the space: ignored. */
static void remove_old_temps(const struct file_store *file)
{
	int64_t newest = clock_real_ns() / NS_PER_SECOND - TEMP_AGE_MAX_SECONDS;
	int fd = openat(file->root_fd, TEMP_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat st;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory))) {
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		if (st.st_mtime < newest)
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(directory);
}

/* Makes the root and flushes its entry, as far as the parent can be opened. */
static int make_root(const struct file_store *file)
{
	CLEANUP_FREE char *parent = xasprintf("%s/..", file->root);
	CLEANUP_FD int fd = -1;

	if (mkdir(file->root, 0700)) {
		if (errno == EEXIST)
			return 0;
		if (errno == ENOENT)
			return err_set(-ERR_store_no_bucket,
				       "cannot make directory %s: its parent does not exist",
				       file->root);
		return err_set_errno(error_code(errno), errno, "cannot make directory %s",
				     file->root);
	}
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		return err_set_errno(error_code(errno), errno, "cannot flush directory %s", parent);
	return 0;
}

static int open_root(struct file_store *file)
{
	file->root_fd = open(file->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->root_fd >= 0)
		return 0;
	if (errno == ENOENT)
		return err_set(-ERR_store_no_bucket,
			       "%s: the directory does not exist; is its file system mounted?",
			       file->root);
	return err_set_errno(error_code(errno), errno, "cannot open directory %s", file->root);
}

int store_file_open(const char *root, bool create, struct store **out)
{
	CLEANUP_FREE char *url = xasprintf("file://%s", root);
	struct file_store *file = xcalloc(1, sizeof(*file));
	int result = 0;

	store_init(&file->base, &file_ops, "file", url, NULL);
	lock_init(&file->lock, LOCK_RANK_STORE);
	file->root = xstrdup(root);
	file->root_fd = -1;
	if (create)
		result = make_root(file);
	if (!result)
		result = open_root(file);
	if (result) {
		file_free(&file->base);
		return result;
	}
	remove_old_temps(file);
	*out = &file->base;
	return 0;
}
