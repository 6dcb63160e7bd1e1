/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache without a store, in a directory of its own below /tmp, that serves
 * an empty volume.
 */
#ifndef DRAY_TESTS_LOCAL_CACHE_H
#define DRAY_TESTS_LOCAL_CACHE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/cache_local.h"
#include "cache/ns.h"
#include "tests/lib/scratch.h"

struct local_cache {
	char *directory;
	struct cache *cache;
	uint64_t cache_bytes;	  /* 0: 1 GiB */
	const struct id *boot_id; /* NULL: the machine's; another one: after a power cut */
};

static inline void local_cache_open(struct local_cache *local)
{
	struct cache *cache = xcalloc(1, sizeof(*cache));
	int result;

	cache->directory = xstrdup(local->directory);
	cache->conf.cache_bytes = local->cache_bytes ? local->cache_bytes : 1u << 30;
	cache->conf.boot_id = local->boot_id;
	cache_init_locks(cache);
	atomic_store(&cache->epoch, 1);
	result = cache_local_open(cache, false);
	ck_assert_msg(!result, "%s", err_message(result));
	atomic_store(&cache->state, CACHE_STATE_SERVING);
	local->cache = cache;
	ck_assert_int_eq(ns_make_root(cache, 0, 0), 0);
}

/* conf: cache_bytes and boot_id are taken from it; NULL: their defaults. */
static inline void local_cache_init_as(struct local_cache *local, const struct local_cache *conf)
{
	static const char *const parts[] = { "segments", "index", "journal" };
	char path[128];
	size_t i;

	*local = conf ? *conf : (struct local_cache){ 0 };
	local->directory = scratch_make();
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", local->directory, parts[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	local_cache_open(local);
}

static inline void local_cache_init(struct local_cache *local)
{
	local_cache_init_as(local, NULL);
}

static inline void local_cache_end(struct local_cache *local, void (*end)(struct cache *cache))
{
	end(local->cache);
	cache_destroy_locks(local->cache);
	free(local->cache->directory);
	free(local->cache);
}

/* As kill -9, and mounted again. */
static inline void local_cache_kill(struct local_cache *local)
{
	local_cache_end(local, cache_local_abandon);
	local_cache_open(local);
}

static inline void local_cache_release(struct local_cache *local)
{
	local_cache_end(local, cache_local_close);
	scratch_remove(local->directory);
}

/* An empty file in the root; its inode number. */
static inline uint64_t local_cache_make_file(struct local_cache *local, const char *name)
{
	struct ns_make what = { .mode = S_IFREG | 0644 };
	struct attributes out;

	ck_assert_int_eq(ns_create(local->cache, ROOT_INO, name, &what, &out), 0);
	return out.ino;
}

#endif
