/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_stats.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "backend/base/error.h"

struct stats_store {
	struct store base;
#define X(name, kind, help) _Atomic uint64_t name;
	STORE_COUNTERS(X)
#undef X
};

static const struct store_ops stats_ops;

static struct stats_store *stats_store(struct store *store)
{
	assert(store->ops == &stats_ops);
	return (struct stats_store *)store;
}

static void add(_Atomic uint64_t *counter, uint64_t amount)
{
	atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static void count_result(struct stats_store *stats, int result)
{
	if (result && result != -ENOENT && result != -EEXIST)
		add(&stats->store_errors_total, 1);
}

static int stats_put(struct store *store, const char *key, const void *bytes, size_t length,
		     enum store_put_flags flags)
{
	struct stats_store *stats = stats_store(store);
	int result;

	add(&stats->puts_total, 1);
	add(&stats->uploads_in_flight, 1);
	result = store_put(store->below, key, bytes, length, flags);
	add(&stats->uploads_in_flight, (uint64_t)-1);
	if (!result)
		add(&stats->bytes_uploaded_total, length);
	count_result(stats, result);
	return result;
}

static int stats_get(struct store *store, const char *key, uint64_t offset, size_t length,
		     struct buffer *out)
{
	struct stats_store *stats = stats_store(store);
	size_t length_before = out->length;
	int result;

	add(&stats->gets_total, 1);
	add(&stats->downloads_in_flight, 1);
	result = store_get(store->below, key, offset, length, out);
	add(&stats->downloads_in_flight, (uint64_t)-1);
	add(&stats->bytes_downloaded_total, out->length - length_before);
	count_result(stats, result);
	return result;
}

static int stats_head(struct store *store, const char *key, uint64_t *size_out)
{
	struct stats_store *stats = stats_store(store);
	int result;

	add(&stats->heads_total, 1);
	result = store_head(store->below, key, size_out);
	count_result(stats, result);
	return result;
}

static int stats_remove(struct store *store, const char *key)
{
	struct stats_store *stats = stats_store(store);
	int result;

	add(&stats->removes_total, 1);
	result = store_remove(store->below, key);
	count_result(stats, result);
	return result;
}

/* A listing that the caller ends is no failure, whatever it returns. */
struct list_watch {
	store_list_fn *fn;
	void *arg;
	bool ended_by_user;
};

static int list_object(const struct store_object *object, void *arg)
{
	struct list_watch *watch = arg;
	int result = watch->fn(object, watch->arg);

	watch->ended_by_user = result != 0;
	return result;
}

static int stats_list(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
		      void *arg)
{
	struct stats_store *stats = stats_store(store);
	struct list_watch watch = { .fn = fn, .arg = arg };
	int result;

	add(&stats->lists_total, 1);
	result = store_list(store->below, prefix, after, list_object, &watch);
	if (!watch.ended_by_user)
		count_result(stats, result);
	return result;
}

static void stats_free(struct store *store)
{
	store_release(store);
	free(store);
}

static const struct store_ops stats_ops = {
	.put = stats_put,
	.get = stats_get,
	.head = stats_head,
	.remove = stats_remove,
	.list = stats_list,
	.free = stats_free,
};

struct store *store_stats_new(struct store *below)
{
	struct stats_store *stats = xcalloc(1, sizeof(*stats));

	store_init(&stats->base, &stats_ops, "stats", below->url, below);
	return &stats->base;
}

void store_stats_get(struct store *store, struct store_stats_snapshot *out)
{
	struct stats_store *stats = stats_store(store);

#define X(name, kind, help) out->name = atomic_load_explicit(&stats->name, memory_order_relaxed);
	STORE_COUNTERS(X)
#undef X
}
