/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"

static struct tree_file *file_new(struct tree *tree, uint32_t mode)
{
	struct tree_file *file = xcalloc(1, sizeof(*file));

	file->mode = mode;
	file->nlink = S_ISDIR(mode) ? 2 : 1;
	file->next = tree->files;
	tree->files = file;
	return file;
}

static void file_free(struct tree_file *file)
{
	struct tree_entry *entry;
	struct tree_xattr *xattr;

	while ((entry = file->entries)) {
		file->entries = entry->next;
		free(entry->name);
		free(entry);
	}
	while ((xattr = file->xattrs)) {
		file->xattrs = xattr->next;
		free(xattr->name);
		free(xattr->value);
		free(xattr);
	}
	free(file->target);
	free(file->data);
	free(file);
}

void tree_init(struct tree *tree)
{
	tree->files = NULL;
	tree->root = file_new(tree, S_IFDIR | 0755);
	tree->root->parent = tree->root;
}

void tree_release(struct tree *tree)
{
	struct tree_file *file;

	while ((file = tree->files)) {
		tree->files = file->next;
		file_free(file);
	}
}

static struct tree_entry *find_entry(const struct tree_file *directory, const char *name)
{
	struct tree_entry *entry;

	for (entry = directory->entries; entry; entry = entry->next) {
		if (!strcmp(entry->name, name))
			return entry;
	}
	return NULL;
}

struct tree_file *tree_find_ino(const struct tree *tree, uint64_t ino)
{
	struct tree_file *file = tree->files;

	while (file && file->ino != ino)
		file = file->next;
	return file;
}

struct tree_file *tree_find(const struct tree_file *directory, const char *name)
{
	struct tree_entry *entry = find_entry(directory, name);

	return entry ? entry->file : NULL;
}

struct tree_file *tree_add_file(struct tree *tree, uint64_t ino, uint32_t mode)
{
	struct tree_file *file = file_new(tree, mode);

	file->ino = ino;
	return file;
}

void tree_add_entry(struct tree_file *directory, const char *name, struct tree_file *file)
{
	struct tree_entry *entry = xcalloc(1, sizeof(*entry));

	entry->name = xstrdup(name);
	entry->file = file;
	entry->next = directory->entries;
	directory->entries = entry;
	directory->children++;
}

static void add_entry(struct tree_file *directory, const char *name, struct tree_file *file)
{
	tree_add_entry(directory, name, file);
	directory->touched |= TOUCH_MTIME | TOUCH_CTIME;
	if (S_ISDIR(file->mode)) {
		directory->nlink++;
		file->parent = directory;
	}
}

static void remove_entry(struct tree_file *directory, const char *name)
{
	struct tree_entry **link = &directory->entries;
	struct tree_entry *entry;

	while (strcmp((*link)->name, name))
		link = &(*link)->next;
	entry = *link;
	*link = entry->next;
	if (S_ISDIR(entry->file->mode))
		directory->nlink--;
	directory->children--;
	directory->touched |= TOUCH_MTIME | TOUCH_CTIME;
	free(entry->name);
	free(entry);
}

static void lose_name(struct tree_file *file)
{
	file->nlink = S_ISDIR(file->mode) ? 0 : file->nlink - 1;
	file->touched |= TOUCH_CTIME;
}

int tree_create(struct tree *tree, struct tree_file *directory, const char *name, uint32_t mode,
		struct tree_file **out)
{
	struct tree_file *file;

	if (!S_ISDIR(directory->mode))
		return -ENOTDIR;
	if (!directory->nlink)
		return -ENOENT;
	if (name && strlen(name) > 255)
		return -ENAMETOOLONG;
	if (name && find_entry(directory, name))
		return -EEXIST;
	file = file_new(tree, mode);
	file->changed = true;
	if (directory->mode & S_ISGID) {
		file->gid = directory->gid;
		if (S_ISDIR(mode))
			file->mode |= S_ISGID;
	}
	if (name)
		add_entry(directory, name, file);
	else
		file->nlink = 0;
	*out = file;
	return 0;
}

int tree_link(struct tree_file *file, struct tree_file *directory, const char *name)
{
	if (!S_ISDIR(directory->mode))
		return -ENOTDIR;
	if (!directory->nlink)
		return -ENOENT;
	if (find_entry(directory, name))
		return -EEXIST;
	if (S_ISDIR(file->mode))
		return -EPERM;
	add_entry(directory, name, file);
	file->nlink++;
	file->touched |= TOUCH_CTIME;
	return 0;
}

int tree_unlink(struct tree_file *directory, const char *name)
{
	struct tree_file *file = tree_find(directory, name);

	if (!file)
		return S_ISDIR(directory->mode) ? -ENOENT : -ENOTDIR;
	if (S_ISDIR(file->mode))
		return -EISDIR;
	remove_entry(directory, name);
	lose_name(file);
	return 0;
}

int tree_rmdir(struct tree_file *directory, const char *name)
{
	struct tree_file *file = tree_find(directory, name);

	if (!file)
		return S_ISDIR(directory->mode) ? -ENOENT : -ENOTDIR;
	if (!S_ISDIR(file->mode))
		return -ENOTDIR;
	if (file->children)
		return -ENOTEMPTY;
	remove_entry(directory, name);
	lose_name(file);
	return 0;
}

static bool is_below(const struct tree_file *directory, const struct tree_file *ancestor)
{
	while (directory != ancestor && directory->parent != directory)
		directory = directory->parent;
	return directory == ancestor;
}

static int check_rename(const struct tree_file *from, const struct tree_file *moved,
			const struct tree_file *to, const struct tree_file *replaced,
			unsigned int flags)
{
	if (!moved || (!replaced && flags & RENAME_EXCHANGE))
		return -ENOENT;
	if (replaced && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (moved == replaced)
		return 0;
	if (S_ISDIR(moved->mode) && is_below(to, moved))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		return S_ISDIR(replaced->mode) && is_below(from, replaced) ? -EINVAL : 0;
	if (!replaced)
		return 0;
	if (S_ISDIR(moved->mode) && !S_ISDIR(replaced->mode))
		return -ENOTDIR;
	if (!S_ISDIR(moved->mode) && S_ISDIR(replaced->mode))
		return -EISDIR;
	return replaced->children ? -ENOTEMPTY : 0;
}

int tree_rename(struct tree_file *from, const char *from_name, struct tree_file *to,
		const char *to_name, unsigned int flags)
{
	struct tree_file *moved = tree_find(from, from_name);
	struct tree_file *replaced = tree_find(to, to_name);
	int result;

	if (!S_ISDIR(from->mode))
		return -ENOTDIR;
	if (!from->nlink)
		return -ENOENT;
	if (!S_ISDIR(to->mode))
		return -ENOTDIR;
	if (!to->nlink)
		return -ENOENT;
	result = check_rename(from, moved, to, replaced, flags);
	if (result || moved == replaced)
		return result;
	remove_entry(from, from_name);
	if (replaced)
		remove_entry(to, to_name);
	add_entry(to, to_name, moved);
	if (flags & RENAME_EXCHANGE) {
		add_entry(from, from_name, replaced);
		replaced->touched |= TOUCH_CTIME;
	} else if (replaced) {
		lose_name(replaced);
	}
	moved->touched |= TOUCH_CTIME;
	return 0;
}

void tree_collect(struct tree *tree, void (*fn)(uint64_t ino, void *arg), void *arg)
{
	struct tree_file **link = &tree->files;

	while (*link) {
		struct tree_file *file = *link;

		if (file->nlink || file->open) {
			link = &file->next;
			continue;
		}
		fn(file->ino, arg);
		*link = file->next;
		file_free(file);
	}
}

static void resize(struct tree_file *file, size_t size)
{
	assert(size <= TREE_SIZE_MAX);
	if (size > file->size) {
		file->data = xrealloc(file->data, size);
		memset(file->data + file->size, 0, size - file->size);
	}
	file->size = size;
	file->changed = true;
	file->touched |= TOUCH_CHECK;
}

int tree_write(struct tree_file *file, uint64_t offset, const void *bytes, size_t length)
{
	if (offset + length > file->size)
		resize(file, offset + length);
	if (length)
		memcpy(file->data + offset, bytes, length);
	file->changed = true;
	return 0;
}

int tree_truncate(struct tree_file *file, uint64_t size)
{
	if (S_ISDIR(file->mode))
		return -EISDIR;
	if (!S_ISREG(file->mode))
		return -EINVAL;
	resize(file, size);
	file->touched |= TOUCH_MTIME | TOUCH_CTIME;
	return 0;
}

void tree_zero(struct tree_file *file, uint64_t offset, uint64_t length, bool grow)
{
	if (grow && offset + length > file->size)
		resize(file, offset + length);
	if (offset >= file->size)
		return;
	if (length > file->size - offset)
		length = file->size - offset;
	memset(file->data + offset, 0, length);
	file->changed = true;
}

int64_t tree_copy(struct tree_file *from, uint64_t from_offset, struct tree_file *to,
		  uint64_t to_offset, uint64_t length)
{
	/* As the kernel: shortened to the end of the source first. */
	if (from_offset >= from->size)
		return 0;
	if (length > from->size - from_offset)
		length = from->size - from_offset;
	if (from == to && from_offset < to_offset + length && to_offset < from_offset + length)
		return -EINVAL;
	if (to_offset + length > to->size)
		resize(to, to_offset + length);
	memcpy(to->data + to_offset, from->data + from_offset, length);
	to->changed = true;
	return (int64_t)length;
}

struct tree_xattr *tree_xattr_find(const struct tree_file *file, const char *name)
{
	struct tree_xattr *xattr = file->xattrs;

	while (xattr && strcmp(xattr->name, name))
		xattr = xattr->next;
	return xattr;
}

int tree_xattr_set(struct tree_file *file, const char *name, const void *value, size_t length,
		   bool must_create, bool must_replace)
{
	struct tree_xattr *xattr = tree_xattr_find(file, name);

	if (xattr && must_create)
		return -EEXIST;
	if (!xattr && must_replace)
		return -ENODATA;
	if (!xattr) {
		xattr = xcalloc(1, sizeof(*xattr));
		xattr->name = xstrdup(name);
		xattr->next = file->xattrs;
		file->xattrs = xattr;
	}
	free(xattr->value);
	xattr->value = xmalloc(length + 1);
	memcpy(xattr->value, value, length);
	xattr->length = length;
	file->touched |= TOUCH_CTIME;
	return 0;
}

int tree_xattr_remove(struct tree_file *file, const char *name)
{
	struct tree_xattr *xattr = tree_xattr_find(file, name);
	struct tree_xattr **link = &file->xattrs;

	if (!xattr)
		return -ENODATA;
	while (*link != xattr)
		link = &(*link)->next;
	*link = xattr->next;
	free(xattr->name);
	free(xattr->value);
	free(xattr);
	file->touched |= TOUCH_CTIME;
	return 0;
}
