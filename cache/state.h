/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a file's bytes are: what `dray ls`, the user.dray.* xattrs, evict
 * and warm work with. Reads the index only; works on a dead cache as well.
 */
#ifndef DRAY_CACHE_STATE_H
#define DRAY_CACHE_STATE_H

#include "cache/attr.h"

enum file_place {
	FILE_PLACE_INVALID,
	FILE_PLACE_LOCAL,     /* something of it is not in the cloud */
	FILE_PLACE_UPLOADING, /* ... and is on its way in the open commit */
	FILE_PLACE_CLOUD,     /* names, attributes and content are committed */
};

struct file_state {
	struct attributes attributes;
	enum file_place place;
	uint64_t mapped_bytes;	/* covered by extents (the rest is holes) */
	uint64_t cached_bytes;	/* readable without the network */
	uint64_t dirty_bytes;	/* in no acknowledged pack */
	int64_t dirty_since_ns; /* wall time; 0: nothing is dirty */
	bool pending;		/* content is named as pending by the last commit */
	uint64_t commit;	/* seq of the newest commit at the time of asking */
};

int state_get(struct cache *cache, uint64_t ino, struct file_state *out);
const char *file_place_name(enum file_place place);

/* Called for each file at or below a path, a directory before what is in it.
 * Non-zero ends the walk, which returns it. */
typedef int state_walk_fn(const char *path, const struct file_state *state, void *arg);
/* path is inside the volume ("/", "/a/b"). Files that come or go meanwhile may
 * be seen or not. -ENOENT. */
int state_walk(struct cache *cache, const char *path, state_walk_fn *fn, void *arg);

/* Drops the clean cached bytes of a file (dirty ones stay); counts bytes. -EBUSY:
 * it is pinned. */
int evict_file(struct cache *cache, uint64_t ino, uint64_t *bytes_out);
/* Brings all bytes of a file into the cache; blocks. */
int warm_file(struct cache *cache, uint64_t ino, uint64_t *bytes_out);
/* pins_add() and pins_remove() of pins.h, of a cache that serves. */
int pin_path(struct cache *cache, const char *path);
int unpin_path(struct cache *cache, const char *path);

#endif
