/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/export_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "cache/state.h"

#define COPY_BYTES (1u << 20)

/* The first name of an inode with several. */
struct linked {
	uint64_t ino;
	char *path;
};

struct made_directory {
	char *path;
	struct attributes attributes;
};

struct export
{
	const struct export_conf *conf;
	struct export_result *result;
	uint8_t *bytes; /* COPY_BYTES */
	void *linked;	/* tree of struct linked */
	struct made_directory *directories;
	size_t directories_count;
};

static int compare_linked(const void *a, const void *b)
{
	const struct linked *x = a;
	const struct linked *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static void free_linked(void *node)
{
	struct linked *linked = node;

	free(linked->path);
	free(linked);
}

static int local_error(const char *what, const char *path)
{
	return err_set_errno(-ERR_local_io, errno, "cannot %s %s", what, path);
}

/* Content. */

static int copy_range(struct export *export, uint64_t ino, int fd, const char *path, uint64_t from,
		      uint64_t until)
{
	while (from < until) {
		size_t want = until - from < COPY_BYTES ? until - from : COPY_BYTES;
		size_t done = 0;
		size_t got;
		int result =
			io_read(export->conf->cache, ino, NULL, from, want, 0, export->bytes, &got);

		if (result || !got)
			return result;
		while (done < got) {
			ssize_t wrote =
				pwrite(fd, export->bytes + done, got - done, (off_t)(from + done));

			if (wrote < 0)
				return local_error("write", path);
			done += (size_t)wrote;
		}
		from += got;
		export->result->bytes += got;
	}
	return 0;
}

/* Data only: holes stay holes. */
static int copy_data(struct export *export, const struct attributes *attributes, int fd,
		     const char *path)
{
	struct cache *cache = export->conf->cache;
	uint64_t from = 0;
	uint64_t until;
	int result;

	if (ftruncate(fd, (off_t)attributes->size))
		return local_error("write", path);
	while (!(result = io_seek(cache, attributes->ino, from, SEEK_DATA, &from))) {
		result = io_seek(cache, attributes->ino, from, SEEK_HOLE, &until);
		if (!result)
			result = copy_range(export, attributes->ino, fd, path, from, until);
		if (result)
			return result;
		from = until;
	}
	return result == -ENXIO ? 0 : result;
}

static int make_file(struct export *export, const struct attributes *attributes, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int result;

	if (fd < 0)
		return local_error("make", path);
	result = copy_data(export, attributes, fd, path);
	if (close(fd) && !result)
		result = local_error("write", path);
	if (result)
		unlink(path);
	return result;
}

static int make_symlink(struct export *export, const struct attributes *attributes,
			const char *path)
{
	CLEANUP_BUFFER struct buffer target = BUFFER_INIT;
	int result = ns_readlink(export->conf->cache, attributes->ino, &target);

	if (result)
		return result;
	buffer_put_u8(&target, 0);
	return symlink((const char *)target.data, path) ? local_error("make", path) : 0;
}

/* What is no directory. */
static int make(struct export *export, const struct attributes *attributes, const char *path)
{
	if (S_ISREG(attributes->mode))
		return make_file(export, attributes, path);
	if (S_ISLNK(attributes->mode))
		return make_symlink(export, attributes, path);
	return mknod(path, (attributes->mode & S_IFMT) | 0600, attributes->rdev)
		       ? local_error("make", path)
		       : 0;
}

/* Attributes. */

static void copy_xattrs(struct export *export, uint64_t ino, const char *path)
{
	CLEANUP_BUFFER struct buffer names = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct cache *cache = export->conf->cache;
	size_t at = 0;

	if (xattr_list(cache, ino, &names)) {
		export->result->attributes_lost++;
		return;
	}
	for (; at < names.length; at += strlen((char *)names.data + at) + 1) {
		const char *name = (const char *)names.data + at;

		buffer_clear(&value);
		if (xattr_get(cache, ino, name, &value) ||
		    lsetxattr(path, name, value.data, value.length, 0))
			export->result->attributes_lost++;
	}
}

static void set_attributes(struct export *export, const struct attributes *attributes,
			   const char *path)
{
	const struct timespec times[2] = { attributes->atime, attributes->mtime };
	bool lost = false;

	if (!geteuid())
		lost = lchown(path, attributes->uid, attributes->gid) != 0;
	copy_xattrs(export, attributes->ino, path);
	if (!S_ISLNK(attributes->mode))
		lost |= chmod(path, attributes->mode & 07777) != 0;
	lost |= utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) != 0;
	export->result->attributes_lost += lost;
}

/* The walk. */

static bool make_link(struct export *export, const struct attributes *attributes, const char *path)
{
	struct linked key = { .ino = attributes->ino };
	void *found = tfind(&key, &export->linked, compare_linked);

	return found && !link((*(struct linked **)found)->path, path);
}

static void note_link(struct export *export, const struct attributes *attributes, const char *path)
{
	struct linked *linked;

	if (attributes->nlink < 2)
		return;
	linked = xcalloc(1, sizeof(*linked));
	linked->ino = attributes->ino;
	linked->path = xstrdup(path);
	if (!tsearch(linked, &export->linked, compare_linked))
		abort(); /* out of memory */
}

/* The directories above a file, which --dirty makes when they are needed. */
static int make_parents(const struct export *export, char *path)
{
	char *slash = path + strlen(export->conf->target);

	while ((slash = strchr(slash + 1, '/'))) {
		int failed;

		*slash = '\0';
		failed = mkdir(path, 0700) && errno != EEXIST;
		*slash = '/';
		if (failed)
			return local_error("make the directories of", path);
	}
	return 0;
}

static int take_directory(struct export *export, const struct file_state *state, char *path)
{
	bool only_dirty = export->conf->only_dirty;
	struct made_directory *directory;
	int result;

	if (!(export->directories_count & (export->directories_count + 1)))
		export->directories =
			xrealloc(export->directories, (2 * export->directories_count + 2) *
							      sizeof(*export->directories));
	directory = &export->directories[export->directories_count++];
	directory->path = xstrdup(path);
	directory->attributes = state->attributes;
	if (only_dirty && state->place == FILE_PLACE_CLOUD)
		return 0;
	result = only_dirty ? make_parents(export, path) : 0;
	if (result || !mkdir(path, 0700) || errno == EEXIST)
		return result;
	return local_error("make", path);
}

static void leave_out(struct export *export, const char *path, const char *why)
{
	export->result->left_out++;
	export->conf->left_out(path, why, export->conf->arg);
}

static int take_file(struct export *export, const struct file_state *state, const char *inside,
		     char *path)
{
	const struct attributes *attributes = &state->attributes;
	int result;

	if (export->conf->only_dirty && state->place == FILE_PLACE_CLOUD)
		return 0;
	if (export->conf->only_dirty) {
		result = make_parents(export, path);
		if (result)
			return result;
	}
	if (make_link(export, attributes, path)) {
		export->result->files++;
		return 0;
	}
	if (S_ISREG(attributes->mode) && state->cached_bytes < state->mapped_bytes) {
		leave_out(export, inside, "some of its bytes are in the cloud only");
		return 0;
	}
	result = make(export, attributes, path);
	if (result) {
		leave_out(export, inside,
			  result == -ENOENT ? "some of its bytes are in the cloud only"
					    : err_message(result));
		return 0;
	}
	set_attributes(export, attributes, path);
	note_link(export, attributes, path);
	export->result->files++;
	return 0;
}

static int take(const char *inside, const struct file_state *state, void *arg)
{
	struct export *export = arg;
	CLEANUP_FREE char *path =
		xasprintf("%s%s", export->conf->target, strcmp(inside, "/") ? inside : "");

	if (S_ISDIR(state->attributes.mode))
		return take_directory(export, state, path);
	return take_file(export, state, inside, path);
}

/* Deepest first: a file made in a directory changes its time. */
static void finish_directories(struct export *export)
{
	struct stat there;

	while (export->directories_count) {
		struct made_directory *directory =
			&export->directories[--export->directories_count];

		if (!lstat(directory->path, &there))
			set_attributes(export, &directory->attributes, directory->path);
		free(directory->path);
	}
	free(export->directories);
}

static int make_target(const char *path)
{
	struct dirent *entry;
	bool empty = true;
	DIR *stream;

	if (!mkdir(path, 0700))
		return 0;
	stream = errno == EEXIST ? opendir(path) : NULL;
	if (!stream)
		return local_error("make", path);
	while ((entry = readdir(stream)))
		empty &= !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(stream);
	return empty ? 0
		     : err_set(-ERR_bad_option, "%s is not empty: nothing is copied into it", path);
}

int export_tree(const struct export_conf *conf, struct export_result *result_out)
{
	struct export export = { .conf = conf, .result = result_out };
	int result = make_target(conf->target);

	memset(result_out, 0, sizeof(*result_out));
	if (result)
		return result;
	export.bytes = xmalloc(COPY_BYTES);
	result = state_walk(conf->cache, "/", take, &export);
	finish_directories(&export);
	tdestroy(export.linked, free_linked);
	free(export.bytes);
	return result;
}
