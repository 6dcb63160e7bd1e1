/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing of the file store: a walk through the directories that can hold
 * matching keys.
 *
 * The order is that of the whole keys' bytes, which is not the order of the
 * names in a directory: "a.b" comes before "a/b", for '.' is less than '/'.
 * Sorting the directory "a" as "a/" makes the walk yield byte order. A
 * directory is read whole before it is descended into; no descriptor stays
 * open meanwhile.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "backend/store_file_int.h"

struct walk {
	const struct file_store *file;
	const char *prefix;
	const char *after; /* "" when the caller gave NULL: no key is empty */
	store_list_fn *fn;
	void *arg;
};

/* The names of one directory; those of directories end with a slash. */
struct names {
	char **names;
	size_t count;
	size_t capacity;
};

static void names_add(struct names *names, const char *name, bool directory)
{
	if (names->count == names->capacity) {
		names->capacity = names->capacity ? 2 * names->capacity : 64;
		names->names = xrealloc(names->names, names->capacity * sizeof(names->names[0]));
	}
	names->names[names->count++] = xasprintf("%s%s", name, directory ? "/" : "");
}

static void names_release(struct names *names)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Adds one entry: objects and directories. Symbolic links are followed, as
 * get does; a name that is gone meanwhile, or anything else, is no object.
 */
static int add_entry(const struct walk *walk, int fd, const struct dirent *entry, const char *path,
		     struct names *names)
{
	struct stat st;

	if (!store_key_valid(entry->d_name))
		return 0;
	if (entry->d_type == DT_REG || entry->d_type == DT_DIR) {
		names_add(names, entry->d_name, entry->d_type == DT_DIR);
		return 0;
	}
	if (fstatat(fd, entry->d_name, &st, 0))
		return errno == ENOENT ? 0 : file_error(walk->file, errno, "list", path);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		names_add(names, entry->d_name, S_ISDIR(st.st_mode));
	return 0;
}

/* Reads the directory path ("" is the root) into names, sorted. */
static int read_names(const struct walk *walk, const char *path, struct names *names)
{
	int fd = openat(walk->file->root_fd, path[0] ? path : ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (!directory) {
		result = file_error(walk->file, errno, "list", path);
		if (fd >= 0)
			close(fd);
		return result;
	}
	while (!result) {
		errno = 0;
		entry = readdir(directory);
		if (!entry)
			break;
		result = add_entry(walk, fd, entry, path, names);
	}
	if (!result && errno)
		result = file_error(walk->file, errno, "list", path);
	closedir(directory);
	if (names->count)
		qsort(names->names, names->count, sizeof(names->names[0]), compare_names);
	return result;
}

/* Can a key below this directory (its path ends with a slash) be wanted? */
static bool directory_wanted(const struct walk *walk, const char *path)
{
	size_t length = strlen(path);
	size_t prefix_length = strlen(walk->prefix);

	if (strncmp(path, walk->prefix, length < prefix_length ? length : prefix_length) != 0)
		return false;
	return strncmp(walk->after, path, length) <= 0;
}

static int visit_object(const struct walk *walk, const char *key)
{
	struct store_object object = { .key = key };
	struct stat st;

	if (strncmp(key, walk->prefix, strlen(walk->prefix)) != 0 || strcmp(key, walk->after) <= 0)
		return 0;
	if (fstatat(walk->file->root_fd, key, &st, 0))
		return errno == ENOENT ? 0 : file_error(walk->file, errno, "list", key);
	object.size = (uint64_t)st.st_size;
	return walk->fn(&object, walk->arg);
}

/* Visits what lies below path: "" or a directory with a slash at its end. */
static int visit_directory(const struct walk *walk, const char *path)
{
	struct names names = { 0 };
	char key[STORE_KEY_MAX + 1];
	int result = read_names(walk, path, &names);
	size_t i;
	int length;

	for (i = 0; !result && i < names.count; i++) {
		length = snprintf(key, sizeof(key), "%s%s", path, names.names[i]);
		if (length >= (int)sizeof(key))
			continue; /* too long for a key */
		if (key[length - 1] != '/')
			result = visit_object(walk, key);
		else if (directory_wanted(walk, key))
			result = visit_directory(walk, key);
	}
	names_release(&names);
	return result;
}

int file_list(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
	      void *arg)
{
	struct walk walk = {
		.file = (const struct file_store *)store,
		.prefix = prefix,
		.after = after ? after : "",
		.fn = fn,
		.arg = arg,
	};
	int result = visit_directory(&walk, "");

	return result ? result : file_check_root(walk.file);
}
