/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and ending the cache of a run, alone or with a store in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/store_mem.h"
#include "backend/store_retry.h"
#include "cache/cache_local.h"
#include "cache/ns.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/model/run.h"

#define LOCAL_EPOCH 7

static void check(struct run *run, int result, const char *what)
{
	if (result)
		run_fail(run, "%s: %s", what, err_message(result));
}

static void remove_directory(const char *path)
{
	scratch_remove(xstrdup(path));
}

static void make_directory(const struct run *run)
{
	static const char *const parts[] = { "segments", "index", "journal" };
	char path[4096];
	size_t i;

	mkdir(run->directory, 0700);
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", run->directory, parts[i]);
		mkdir(path, 0700);
	}
}

static const char *store_name(const struct run *run)
{
	return run->url + strlen("mem://");
}

static struct store *open_store(struct run *run, struct store **retry_out)
{
	struct store_retry_conf conf = STORE_RETRY_CONF_DEFAULT;

	conf.delay_first_ns = NS_PER_MS;
	conf.delay_max_ns = 10 * NS_PER_MS;
	*retry_out = store_retry_new(store_mem_open(store_name(run)), &conf);
	return *retry_out;
}

/* Small chunks and packs, so that small files have many. */
static void init_volume(struct run *run)
{
	struct store *retry;
	struct store *store = open_store(run, &retry);

	volume_params_init(&run->volume);
	run->volume.uuid = id_new_uuid();
	snprintf(run->volume.name, sizeof(run->volume.name), "model");
	clock_format(clock_real_ns(), run->volume.created);
	run->volume.chunker = (struct chunker_conf){ 8192, 32768, 131072 };
	run->volume.pack_bytes = 1 << 20;
	noise_fill(run->seed, run->volume.name_hash_key, sizeof(run->volume.name_hash_key));
	check(run, cache_init_volume(store, run->url, &run->volume), "init");
	store_free(store);
}

void run_place_init(struct run *run)
{
	remove_directory(run->directory);
	if (!run->cloud)
		return;
	snprintf(run->url, sizeof(run->url), "mem://model-%llu", (unsigned long long)run->seed);
	init_volume(run);
	run->history = history_new();
}

void run_place_release(struct run *run)
{
	remove_directory(run->directory);
	if (!run->cloud)
		return;
	store_mem_forget(store_name(run));
	history_free(run->history);
}

static void open_local(struct run *run)
{
	struct cache *cache = xcalloc(1, sizeof(*cache));

	cache->directory = xstrdup(run->directory);
	cache->conf.cache_bytes = 1u << 30;
	cache_init_locks(cache);
	atomic_store(&cache->epoch, LOCAL_EPOCH);
	check(run, cache_local_open(cache, false), "open");
	atomic_store(&cache->state, CACHE_STATE_SERVING);
	run->cache = cache;
	check(run, ns_make_root(cache, 0, 0), "make the root");
	check(run, ns_reap_orphans(cache), "reap");
}

static void end_local(struct run *run, void (*end)(struct cache *cache))
{
	end(run->cache);
	cache_destroy_locks(run->cache);
	free(run->cache->directory);
	free(run->cache);
}

static void open_cloud(struct run *run)
{
	struct cache_conf conf = {
		.directory = run->directory,
		.url = run->url,
		.volume = run->volume,
		.cache_bytes = 64u << 20,
		.upload_delay_ns = 20 * NS_PER_MS,
		.takeover = true,
	};

	conf.store = open_store(run, &conf.retry);
	check(run, cache_open(&conf, &run->cache), "open");
}

void run_open(struct run *run)
{
	make_directory(run);
	if (run->cloud)
		open_cloud(run);
	else
		open_local(run);
}

void run_close(struct run *run)
{
	if (run->cloud)
		cache_close(run->cache);
	else
		end_local(run, cache_local_close);
	run->cache = NULL;
}

void run_kill(struct run *run, bool lost)
{
	if (run->cloud)
		cache_abandon(run->cache);
	else
		end_local(run, cache_local_abandon);
	run->cache = NULL;
	if (lost)
		remove_directory(run->directory);
}
