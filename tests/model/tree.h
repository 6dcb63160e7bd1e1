/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model: a POSIX tree in memory, written for clarity alone. Functions
 * return 0 or the -errno that the cache has to return, and change nothing when
 * they fail. Times are not computed here: a change notes which times it
 * touches, and the runner (run.h) takes them from the cache once it has seen
 * that they lie within the operation.
 */
#ifndef DRAY_TESTS_MODEL_TREE_H
#define DRAY_TESTS_MODEL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#define TREE_SIZE_MAX (4u << 20) /* of a file's content */

enum touch {
	TOUCH_MTIME = 1,
	TOUCH_CTIME = 2,
	TOUCH_CHECK = 4, /* changed without times */
};

struct tree_entry {
	struct tree_entry *next;
	char *name;
	struct tree_file *file;
};

struct tree_xattr {
	struct tree_xattr *next;
	char *name;
	uint8_t *value;
	size_t length;
};

struct tree_file {
	struct tree_file *next; /* of all */
	uint64_t ino;		/* as the cache calls it */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	uint32_t rdev;
	struct timespec atime;
	struct timespec mtime;
	struct timespec ctime;
	uint32_t generation;
	unsigned int touched; /* enum touch; the runner clears it */
	bool changed;	      /* its content did, since the runner looked */
	bool open;	      /* an application holds it, with or without a name */
	char *target;	      /* symlinks */
	uint8_t *data;	      /* regular files: size bytes */
	size_t size;
	struct tree_file *parent; /* directories */
	struct tree_entry *entries;
	size_t children;
	struct tree_xattr *xattrs;
};

struct tree {
	struct tree_file *files;
	struct tree_file *root;
};

void tree_init(struct tree *tree);
void tree_release(struct tree *tree);

/* A file by its inode number, or NULL. */
struct tree_file *tree_find_ino(const struct tree *tree, uint64_t ino);
/* An inode without names or times, and an entry as it is: for trees that are
 * read from somewhere. */
struct tree_file *tree_add_file(struct tree *tree, uint64_t ino, uint32_t mode);
void tree_add_entry(struct tree_file *directory, const char *name, struct tree_file *file);
struct tree_file *tree_find(const struct tree_file *directory, const char *name);
/* name NULL: an unnamed file. The caller sets ino and the times. */
int tree_create(struct tree *tree, struct tree_file *directory, const char *name, uint32_t mode,
		struct tree_file **out);
int tree_link(struct tree_file *file, struct tree_file *directory, const char *name);
int tree_unlink(struct tree_file *directory, const char *name);
int tree_rmdir(struct tree_file *directory, const char *name);
int tree_rename(struct tree_file *from, const char *from_name, struct tree_file *to,
		const char *to_name, unsigned int flags);
/* Frees files that have neither a name nor an opener; calls fn for each before. */
void tree_collect(struct tree *tree, void (*fn)(uint64_t ino, void *arg), void *arg);

int tree_write(struct tree_file *file, uint64_t offset, const void *bytes, size_t length);
int tree_truncate(struct tree_file *file, uint64_t size);
/* The range reads as zeros; with grow, the size covers it after. */
void tree_zero(struct tree_file *file, uint64_t offset, uint64_t length, bool grow);
/* Bytes copied, or -errno. */
int64_t tree_copy(struct tree_file *from, uint64_t from_offset, struct tree_file *to,
		  uint64_t to_offset, uint64_t length);

struct tree_xattr *tree_xattr_find(const struct tree_file *file, const char *name);
int tree_xattr_set(struct tree_file *file, const char *name, const void *value, size_t length,
		   bool must_create, bool must_replace);
int tree_xattr_remove(struct tree_file *file, const char *name);

#endif
