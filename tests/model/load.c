/* SPDX-License-Identifier: Apache-2.0 */
/* The model of what a cache holds, read through its own operations. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/attr.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "tests/model/run.h"

struct load {
	struct run *run;
	struct tree *tree;
	struct tree_file *directory;
};

static void check(struct run *run, uint64_t ino, int result, const char *what)
{
	if (result)
		run_fail(run, "loading inode %llu: %s: %s", (unsigned long long)ino, what,
			 err_message(result));
}

static void load_xattrs(struct run *run, struct tree_file *file)
{
	struct buffer names = BUFFER_INIT;
	struct buffer value = BUFFER_INIT;
	const char *name;
	size_t at;

	check(run, file->ino, xattr_list(run->cache, file->ino, &names), "xattr_list");
	for (at = 0; at < names.length; at += strlen(name) + 1) {
		name = (const char *)names.data + at;
		buffer_clear(&value);
		check(run, file->ino, xattr_get(run->cache, file->ino, name, &value), name);
		buffer_reserve(&value, 1);
		tree_xattr_set(file, name, value.data, value.length, false, false);
	}
	buffer_release(&names);
	buffer_release(&value);
}

static void load_content(struct run *run, struct tree_file *file, uint64_t size)
{
	size_t got;

	if (size > TREE_SIZE_MAX)
		run_fail(run, "inode %llu has %llu bytes", (unsigned long long)file->ino,
			 (unsigned long long)size);
	file->data = xmalloc(size + 1);
	check(run, file->ino,
	      io_read(run->cache, file->ino, NULL, 0, size + 1, 0, file->data, &got), "read");
	if (got != size)
		run_fail(run, "inode %llu: read %zu bytes of %llu", (unsigned long long)file->ino,
			 got, (unsigned long long)size);
	file->size = size;
}

static void load_target(struct run *run, struct tree_file *file)
{
	struct buffer target = BUFFER_INIT;

	check(run, file->ino, ns_readlink(run->cache, file->ino, &target), "readlink");
	buffer_put_u8(&target, 0);
	file->target = xstrdup((const char *)target.data);
	buffer_release(&target);
}

static void load_file(struct run *run, struct tree_file *file)
{
	struct attributes got;

	check(run, file->ino, attr_get(run->cache, file->ino, &got), "attributes");
	file->mode = got.mode;
	file->uid = got.uid;
	file->gid = got.gid;
	file->nlink = got.nlink;
	file->rdev = got.rdev;
	file->generation = got.generation;
	file->atime = got.atime;
	file->mtime = got.mtime;
	file->ctime = got.ctime;
	load_xattrs(run, file);
	if (S_ISREG(got.mode))
		load_content(run, file, got.size);
	if (S_ISLNK(got.mode))
		load_target(run, file);
}

static void load_directory(struct run *run, struct tree *tree, struct tree_file *directory);

static int load_entry(const char *name, size_t name_length, uint64_t ino, uint8_t type,
		      uint64_t cookie, void *arg)
{
	struct load *load = arg;
	struct tree_file *file = tree_find_ino(load->tree, ino);

	(void)name_length;
	(void)type;
	(void)cookie;
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (!file) {
		file = tree_add_file(load->tree, ino, 0);
		load_file(load->run, file);
		if (S_ISDIR(file->mode)) {
			file->parent = load->directory;
			load_directory(load->run, load->tree, file);
		}
	}
	tree_add_entry(load->directory, name, file);
	return 0;
}

static void load_directory(struct run *run, struct tree *tree, struct tree_file *directory)
{
	struct load load = { run, tree, directory };

	check(run, directory->ino, ns_readdir(run->cache, directory->ino, 0, load_entry, &load),
	      "readdir");
}

void run_load(struct run *run, struct tree *out)
{
	struct tree_file *file;

	tree_init(out);
	out->root->ino = ROOT_INO;
	load_file(run, out->root);
	load_directory(run, out, out->root);
	for (file = out->files; file; file = file->next)
		file->touched = 0;
}
