/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and ending the cache of a run, alone or with a store in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/store_fault.h"
#include "backend/store_mem.h"
#include "backend/store_retry.h"
#include "cache/cache_local.h"
#include "cache/ns.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/model/run.h"

#define LOCAL_EPOCH 7
/* With a disk that fails. */
#define WAIT_MAX_NS (2 * NS_PER_SECOND)
#define CACHE_BYTES (64u << 20)

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
	const struct store_fault_rates bad = {
		.unreachable = 0.03, .busy = 0.03, .reply_lost = 0.05, .delay = 0.2
	};
	struct store_fault_conf faults = { .seed = run->random, .delay_max_ns = 2 * NS_PER_MS };
	struct store *store = store_mem_open(store_name(run));
	int i;

	conf.delay_first_ns = NS_PER_MS;
	conf.delay_max_ns = 10 * NS_PER_MS;
	if (run->bucket)
		store = bucket_store_new(run->bucket, store);
	for (i = 0; i < STORE_OPERATIONS && run->bucket; i++)
		faults.rates[i] = bad;
	run->fault = store_fault_new(store, &faults);
	run->retry = store_retry_new(run->fault, &conf);
	*retry_out = run->retry;
	return run->retry;
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
	run->boot_id = id_new_uuid();
	if (run->crashes || run->troubles)
		model_disk_start(run->directory);
	if (run->crashes || run->troubles || run->cloud)
		run->history = history_new();
	if (!run->cloud)
		return;
	if (run->prefixes)
		run->bucket = bucket_new();
	snprintf(run->url, sizeof(run->url), "mem://model-%llu", (unsigned long long)run->seed);
	init_volume(run);
}

void run_place_release(struct run *run)
{
	remove_directory(run->directory);
	if (run->crashes || run->troubles)
		model_disk_stop();
	if (run->history)
		history_free(run->history);
	if (run->bucket)
		bucket_free(run->bucket);
	if (run->cloud)
		store_mem_forget(store_name(run));
}

static void free_local(struct run *run)
{
	cache_destroy_locks(run->cache);
	free(run->cache->directory);
	free(run->cache);
	run->cache = NULL;
}

static void end_local(struct run *run, void (*end)(struct cache *cache))
{
	end(run->cache);
	free_local(run);
}

static int open_local(struct run *run)
{
	struct cache *cache = xcalloc(1, sizeof(*cache));
	int result;

	cache->directory = xstrdup(run->directory);
	cache->conf.cache_bytes = CACHE_BYTES;
	cache->conf.boot_id = &run->boot_id;
	cache_init_locks(cache);
	atomic_store(&cache->epoch, LOCAL_EPOCH);
	run->cache = cache;
	result = cache_local_open(cache, false);
	if (result) {
		free_local(run);
		return result;
	}
	atomic_store(&cache->state, CACHE_STATE_SERVING);
	result = ns_make_root(cache, 0, 0);
	if (!result)
		result = ns_reap_orphans(cache);
	if (result)
		end_local(run, cache_local_abandon);
	return result;
}

static int open_cloud(struct run *run)
{
	struct cache_conf conf = {
		.directory = run->directory,
		.url = run->url,
		.volume = run->volume,
		.cache_bytes = CACHE_BYTES,
		.boot_id = &run->boot_id,
		.upload_delay_ns = 5 * NS_PER_MS,
		.checkpoint_commits = 3,
		.checkpoint_bytes = 1 << 14,
		.takeover = true,
	};
	int result;

	conf.store = open_store(run, &conf.retry);
	result = cache_open(&conf, &run->cache);
	if (result)
		store_free(conf.store);
	return result;
}

int run_try_open(struct run *run)
{
	make_directory(run);
	run->open_code = run->cloud ? open_cloud(run) : open_local(run);
	return run->open_code;
}

void run_open(struct run *run)
{
	check(run, run_try_open(run), "open");
}

void run_store_down(struct run *run)
{
	if (!run->cloud)
		return;
	store_fault_set_down(run->fault, true);
	store_retry_stop(run->retry);
}

void run_close(struct run *run)
{
	if (run->cloud)
		cache_close(run->cache);
	else
		end_local(run, cache_local_close);
	run->cache = NULL;
}

bool run_wait(struct run *run)
{
	int64_t patience = clock_boot_ns() + WAIT_MAX_NS;
	int result;

	do {
		result = cache_wait(run->cache, clock_boot_ns() + 20 * NS_PER_MS, NULL, NULL);
		if (!result)
			return true;
		if (result != -ERR_try_again && !run_may_fail(run))
			run_fail(run, "wait: %s", err_message(result));
		if (result != -ERR_try_again)
			return false;
	} while (!run_may_fail(run) || (!atomic_load(&run->crashed) && clock_boot_ns() < patience));
	return false;
}

void run_lose_directory(struct run *run)
{
	model_disk_forget();
	remove_directory(run->directory);
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
