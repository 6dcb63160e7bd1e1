/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies the files of a dead cache into a directory, without the cloud.
 *
 * A file is copied when all its bytes are in the cache, with holes, hard
 * links, owners (for root), modes, times and extended attributes; another one
 * is counted and named, and no half of it is left. Directories get their
 * attributes at the end.
 */
#ifndef DRAY_TOOLS_EXPORT_TREE_H
#define DRAY_TOOLS_EXPORT_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"

struct export_conf {
	struct cache *cache; /* from cache_open_dead() */
	const char *target;  /* made; may be there if it is empty */
	bool only_dirty;     /* only files and directories that the cloud lacks something of */
	/* Called for each file that is left out, with why. */
	void (*left_out)(const char *path, const char *why, void *arg);
	void *arg;
};

struct export_result {
	uint64_t files; /* copied: all that is no directory */
	uint64_t bytes;
	uint64_t left_out;
	uint64_t attributes_lost; /* owners or attributes that this user cannot set */
};

/* 0 also when files were left out. */
int export_tree(const struct export_conf *conf, struct export_result *result_out);

#endif
