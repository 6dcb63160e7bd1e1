/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a tree depth-first; the memory is a page of entries a level. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cookie.h"
#include "cache/ns.h"
#include "cache/ns_page.h"
#include "cache/state.h"

#define WALK_ENTRIES 256

/* A directory that is being walked. */
struct level {
	uint64_t ino;
	size_t path_length;
	struct ns_page page;
};

struct walk {
	struct cache *cache;
	state_walk_fn *fn;
	void *arg;
	struct buffer path; /* with a NUL */
	struct level *levels;
	size_t depth;
	size_t capacity;
};

/* The path becomes its first `length` bytes and, behind a slash, the name. */
static void set_path(struct walk *walk, size_t length, const char *name)
{
	walk->path.length = length;
	if (name) {
		if (!length || walk->path.data[length - 1] != '/')
			buffer_put_u8(&walk->path, '/');
		buffer_append(&walk->path, name, strlen(name));
	}
	buffer_put_u8(&walk->path, 0);
}

static void enter(struct walk *walk, uint64_t ino)
{
	struct level *level;

	if (walk->depth == walk->capacity) {
		walk->capacity = walk->capacity ? 2 * walk->capacity : 16;
		walk->levels = xrealloc(walk->levels, walk->capacity * sizeof(*walk->levels));
	}
	level = &walk->levels[walk->depth++];
	memset(level, 0, sizeof(*level));
	level->ino = ino;
	level->path_length = walk->path.length - 1;
}

static void leave(struct walk *walk)
{
	ns_page_release(&walk->levels[--walk->depth].page);
}

/* Reports the inode at the path; a directory becomes the next level. */
static int visit(struct walk *walk, uint64_t ino)
{
	struct file_state state;
	int result;

	result = state_get(walk->cache, ino, &state);
	if (result)
		return result == -ENOENT ? 0 : result; /* removed meanwhile */
	if (S_ISDIR(state.attributes.mode))
		enter(walk, ino);
	return walk->fn((const char *)walk->path.data, &state, walk->arg);
}

/* One entry of the deepest level, or its next page, or its end. */
static int step(struct walk *walk)
{
	struct level *level = &walk->levels[walk->depth - 1];
	struct ns_page_entry entry;
	int result;

	if (ns_page_next(&level->page, &entry)) {
		if (entry.cookie < COOKIE_FIRST)
			return 0;
		set_path(walk, level->path_length, entry.name);
		return visit(walk, entry.ino);
	}
	if (level->page.last) {
		leave(walk);
		return 0;
	}
	result =
		ns_page_read(walk->cache, level->ino, level->page.next, WALK_ENTRIES, &level->page);
	return result == -ENOENT ? 0 : result; /* as an empty last page */
}

int state_walk(struct cache *cache, const char *path, state_walk_fn *fn, void *arg)
{
	struct walk walk = { .cache = cache, .fn = fn, .arg = arg };
	struct attributes attributes;
	size_t length = strlen(path);
	int result;

	result = ns_resolve(cache, path, &attributes);
	if (result)
		return result;
	while (length > 1 && path[length - 1] == '/')
		length--;
	buffer_append(&walk.path, length ? path : "/", length ? length : 1);
	set_path(&walk, walk.path.length, NULL);
	result = visit(&walk, attributes.ino);
	while (!result && walk.depth)
		result = step(&walk);
	while (walk.depth)
		leave(&walk);
	buffer_release(&walk.path);
	free(walk.levels);
	return result;
}
