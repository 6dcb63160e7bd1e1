/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/store_retry.h"
#include "cache/budget.h"
#include "cache/cache_directory.h"
#include "cache/cache_int.h"
#include "cache/cache_local.h"
#include "cache/checkpointer.h"
#include "cache/chunk_use.h"
#include "cache/committer.h"
#include "cache/evict.h"
#include "cache/fence.h"
#include "cache/fetch.h"
#include "cache/follow.h"
#include "cache/flusher.h"
#include "cache/inode.h"
#include "cache/neighbours.h"
#include "cache/ns.h"
#include "cache/pins.h"
#include "cache/restore.h"
#include "cache/rewriter.h"

#define CACHE_BYTES_DEFAULT    (10ull << 30)
#define CACHE_BYTES_MIN	       (64ull << 20)
#define UPLOAD_DELAY_DEFAULT   (5 * NS_PER_SECOND)
#define UPLOAD_THREADS_DEFAULT 4
#define FETCH_THREADS_DEFAULT  8

static void fill_defaults(struct cache_conf *conf)
{
	if (!conf->cache_bytes)
		conf->cache_bytes = CACHE_BYTES_DEFAULT;
	if (!conf->upload_delay_ns)
		conf->upload_delay_ns = UPLOAD_DELAY_DEFAULT;
	if (!conf->lease_ttl_ns)
		conf->lease_ttl_ns = FENCE_TTL_NS_DEFAULT;
	if (!conf->follow_interval_ns)
		conf->follow_interval_ns = FOLLOW_INTERVAL_NS_DEFAULT;
	if (!conf->upload_threads)
		conf->upload_threads = UPLOAD_THREADS_DEFAULT;
	if (!conf->fetch_threads)
		conf->fetch_threads = FETCH_THREADS_DEFAULT;
	if (!conf->checkpoint_commits)
		conf->checkpoint_commits = CHECKPOINT_COMMITS_DEFAULT;
	if (!conf->checkpoint_bytes)
		conf->checkpoint_bytes = CHECKPOINT_BYTES_DEFAULT;
	if (!conf->zstd_level)
		conf->zstd_level = conf->volume.zstd_level;
}

static struct cache *cache_new(const char *directory)
{
	struct cache *cache = xcalloc(1, sizeof(*cache));

	cache->directory = xstrdup(directory);
	cache->lock_fd = -1;
	cache->seal = seal_null();
	cache_init_locks(cache);
	atomic_store(&cache->state, CACHE_STATE_OPENING);
	return cache;
}

static void cache_free(struct cache *cache)
{
	if (cache->lock_fd >= 0)
		close(cache->lock_fd);
	cache_destroy_locks(cache);
	free(cache->directory);
	free(cache->url);
	free(cache);
}

/* Reads volume.json, or starts one in an empty directory, and compares. */
static int settle_identity(struct cache *cache, struct cache_identity *identity)
{
	char ours[UUID_TEXT_SIZE];
	char theirs[UUID_TEXT_SIZE];
	int result = cache_identity_read(cache->directory, identity);

	if (result == -ENOENT) {
		identity->cache = id_new();
		identity->url = xstrdup(cache->url);
		identity->volume = cache->conf.volume;
		return cache_identity_write(cache->directory, identity);
	}
	if (result)
		return result;
	if (id_equal(&identity->volume.uuid, &cache->conf.volume.uuid))
		return 0;
	id_to_uuid(&identity->volume.uuid, theirs);
	id_to_uuid(&cache->conf.volume.uuid, ours);
	return err_set(-ERR_cache_foreign,
		       "%s is the cache of volume %s (%s), not of %s (%s): choose another --cache",
		       cache->directory, theirs, identity->url, ours, cache->url);
}

/* Lock, identity, local state: all that needs no network. */
static int open_directory(struct cache *cache, struct cache_identity *identity)
{
	int result = cache_directory_lock(cache->directory, false);

	if (result < 0)
		return result;
	cache->lock_fd = result;
	result = settle_identity(cache, identity);
	if (result)
		return result;
	if (cache->conf.follow && identity->epoch)
		return err_set(-ERR_cache_foreign,
			       "%s is the cache of a gateway that writes, and may hold what is not "
			       "in %s yet: choose another --cache to follow with",
			       cache->directory, cache->url);
	cache->cache_id = identity->cache;
	return cache_local_open(cache, false);
}

/* Which volume it is that has a bad log, and the way out. */
static int log_failed(const struct cache *cache, int result)
{
	CLEANUP_FREE char *why = xstrdup(err_message(result));

	if (result == -ERR_commit_corrupt || result == -ERR_object_missing)
		return err_set(result,
			       "%s: %s. Nothing was changed: put the object back from a copy, or "
			       "from its older version in the bucket, then mount again",
			       cache->url, why);
	if (result == -ERR_format_newer)
		return err_set(result, "%s: %s", cache->url, why);
	return result;
}

/* Claims the epoch and brings the rows to the newest commit. */
static int open_cloud(struct cache *cache, struct cache_identity *identity)
{
	int result = restore_check_parted(cache);

	if (result)
		return log_failed(cache, result);
	result = fence_open(cache, &cache->fence);
	if (result)
		return result;
	atomic_store(&cache->epoch, (uint32_t)fence_epoch(cache->fence));
	identity->epoch = fence_epoch(cache->fence);
	result = cache_identity_write(cache->directory, identity);
	if (!result)
		result = restore_run(cache);
	return result ? log_failed(cache, result) : 0;
}

/* Until the first commit there is nothing to show but an empty directory. */
static int make_follower_root(struct cache *cache)
{
	struct inode_row empty = { .mode = S_IFDIR | 0755, .nlink = 2, .parent = ROOT_INO };
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct inode root = { 0 };
	struct row_key key;
	struct batch batch;
	int result = inode_load(cache, ROOT_INO, &root);

	inode_release(&root);
	if (result != -ENOENT)
		return result;
	key_inode(&key, ROOT_INO);
	row_put_inode(&value, &empty);
	batch_init(&batch, BATCH_ROWS, 0);
	batch_put(&batch, &key, &value, ROW_LOCAL);
	result = index_commit(cache->index, &batch, NULL);
	batch_release(&batch);
	return result;
}

static int open_follower(struct cache *cache)
{
	int result = restore_run_follower(cache);

	if (result)
		return log_failed(cache, result);
	result = make_follower_root(cache);
	return result ? result : follow_new(cache, &cache->follow);
}

/* What serves reads, in the order in which the threads may need each other. */
static void start_reading(struct cache *cache)
{
	cache->chunk_use = chunk_use_new(limits_cache_bytes(&cache->limits));
	cache->evictor = evict_start(cache);
	cache->budget = budget_start(cache);
	cache->fetch = fetch_start(cache, cache->conf.fetch_threads);
	cache->neighbours = neighbours_new();
	cache->flusher = flusher_start(cache);
}

static int start(struct cache *cache)
{
	int result = pins_new(cache, &cache->pins);

	if (result)
		return result;
	start_reading(cache);
	if (cache->conf.follow) {
		atomic_store(&cache->state, CACHE_STATE_FOLLOWING);
		return 0;
	}
	atomic_store(&cache->state, CACHE_STATE_SERVING);
	result = ns_make_root(cache, getuid(), getgid());
	if (!result)
		result = ns_reap_orphans(cache);
	if (!result)
		result = committer_start(cache, &cache->committer);
	if (!result)
		cache->checkpointer = checkpointer_start(cache);
	if (!result)
		cache->rewriter = rewriter_start(cache);
	return result;
}

/* Ends the threads, the last started first. What waits for the store is woken
 * and gives up. */
static void stop(struct cache *cache)
{
	atomic_store(&cache->state, CACHE_STATE_STOPPING);
	/* Not when nothing was started: the caller may open once more. */
	if (cache->conf.retry && cache->fetch)
		store_retry_stop(cache->conf.retry);
	follow_free(cache->follow);
	rewriter_stop(cache->rewriter);
	checkpointer_stop(cache->checkpointer);
	if (cache->committer)
		committer_stop(cache->committer);
	fetch_stop(cache->fetch);
	neighbours_free(cache->neighbours);
	budget_stop(cache->budget);
	evict_stop(cache->evictor);
	flusher_stop(cache->flusher);
	chunk_use_free(cache->chunk_use);
	pins_free(cache->pins);
	cache->follow = NULL;
	cache->rewriter = NULL;
	cache->checkpointer = NULL;
	cache->committer = NULL;
	cache->fetch = NULL;
	cache->neighbours = NULL;
	cache->budget = NULL;
	cache->evictor = NULL;
	cache->chunk_use = NULL;
	cache->pins = NULL;
	cache->flusher = NULL;
}

/* All but the store. */
static void end(struct cache *cache)
{
	stop(cache);
	if (cache->fence)
		fence_close(cache->fence, true);
	cache_local_close(cache);
	cache_free(cache);
}

/* The store is still the caller's, and the sentence that of the failure. */
static int open_failed(struct cache *cache, int result)
{
	CLEANUP_FREE char *why = xstrdup(err_message(result));

	end(cache);
	return err_set(result, "%s", why);
}

int cache_open(const struct cache_conf *conf, struct cache **out)
{
	struct cache *cache = cache_new(conf->directory);
	struct cache_identity identity = { 0 };
	int result;

	cache->conf = *conf;
	cache->conf.directory = cache->directory;
	cache->url = xstrdup(conf->url);
	cache->conf.url = cache->url;
	cache->store = conf->store;
	fill_defaults(&cache->conf);
	result = open_directory(cache, &identity);
	if (!result)
		result = conf->follow ? open_follower(cache) : open_cloud(cache, &identity);
	if (!result)
		result = start(cache);
	cache_identity_release(&identity);
	if (result)
		return open_failed(cache, result);
	*out = cache;
	return 0;
}

int cache_open_dead(const char *directory, struct cache **out)
{
	struct cache *cache = cache_new(directory);
	struct cache_identity identity = { 0 };
	int result = cache_directory_lock(directory, true);

	if (result >= 0) {
		cache->lock_fd = result;
		result = cache_identity_read(directory, &identity);
		if (result == -ENOENT)
			result = err_set(-ERR_cache_foreign, "%s holds no dray cache", directory);
	}
	if (!result) {
		cache->url = xstrdup(identity.url);
		cache->cache_id = identity.cache;
		cache->conf.volume = identity.volume;
		cache->conf.directory = cache->directory;
		cache->conf.url = cache->url;
		atomic_store(&cache->epoch, (uint32_t)identity.epoch);
		atomic_store(&cache->state, CACHE_STATE_STOPPED);
		result = cache_local_open(cache, true);
	}
	cache_identity_release(&identity);
	if (result) {
		cache_free(cache);
		return result;
	}
	*out = cache;
	return 0;
}

void cache_close(struct cache *cache)
{
	struct store *store = cache->store;

	stop(cache);
	if (store && flusher_flush(cache))
		log_error("what was written last may not survive a power cut: %s",
			  err_message(index_health(cache->index)));
	end(cache);
	store_free(store);
}

void cache_abandon(struct cache *cache)
{
	struct store *store = cache->store;

	stop(cache);
	if (cache->fence)
		fence_close(cache->fence, false);
	cache_local_abandon(cache);
	store_free(store);
	cache_free(cache);
}

void cache_follow(struct cache *cache, cache_changed_fn *fn, void *arg)
{
	follow_start(cache->follow, fn, arg);
}

void cache_limits_get(struct cache *cache, struct limits_conf *out)
{
	limits_get(&cache->limits, out);
}

void cache_limits_set(struct cache *cache, const struct limits_conf *limits)
{
	limits_set(&cache->limits, limits);
	chunk_use_resize(cache->chunk_use, limits_cache_bytes(&cache->limits));
	evict_wake(cache);
	log_info("cache-size=%" PRIu64 ",dirty-limit=%" PRIu64 ",min-free=%" PRIu64
		 " from now on (0: the default)",
		 limits->cache_bytes, limits->dirty_bytes, limits->min_free_bytes);
}

int cache_sync(struct cache *cache)
{
	int result = flusher_flush(cache);

	if (result)
		cache_fail(cache, result);
	return result;
}
