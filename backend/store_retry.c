/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_retry.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/id.h"
#include "backend/base/lock.h"
#include "backend/base/log.h"

struct retry_store {
	struct store base;
	struct store_retry_conf conf; /* immutable */
	_Atomic(int64_t) hurry_ns;    /* 0: none */

	struct lock lock;
	/* guarded by lock */
	struct condition stopped_changed;
	bool stopped;
	struct store_retry_status status;
};

/* One call of the user, which may become several of the store below. */
struct attempt {
	struct retry_store *retry;
	const char *operation;
	const char *key;
	int64_t limit_ns; /* 0: none */
	bool silent;
	/* since the call began or, a listing, came forward */
	unsigned int failures;
	int64_t first_failure_ns;
};

static const struct store_ops retry_ops;

static struct retry_store *retry_store(struct store *store)
{
	assert(store->ops == &retry_ops);
	return (struct retry_store *)store;
}

int64_t store_retry_delay_ns(const struct store_retry_conf *conf, unsigned int failures,
			     uint64_t random)
{
	int64_t longest = conf->delay_first_ns;

	assert(failures > 0);
	while (--failures && longest < conf->delay_max_ns)
		longest *= 2;
	if (longest > conf->delay_max_ns)
		longest = conf->delay_max_ns;
	return (int64_t)(random % ((uint64_t)longest + 1));
}

static struct attempt attempt_begin(struct store *store, const char *operation, const char *key,
				    bool write)
{
	struct retry_store *retry = retry_store(store);
	int64_t hurry_ns = write ? 0 : atomic_load(&retry->hurry_ns);
	int64_t limit_ns = write ? retry->conf.write_limit_ns : retry->conf.read_limit_ns;

	return (struct attempt){
		.retry = retry,
		.operation = operation,
		.key = key,
		.limit_ns = hurry_ns ? hurry_ns : limit_ns,
		.silent = hurry_ns != 0,
	};
}

/* Counts a failed attempt; the one that reaches report_after is logged. */
static void attempt_failed(struct attempt *attempt, int64_t now, const char *message)
{
	struct retry_store *retry = attempt->retry;
	bool report;

	if (!attempt->failures++)
		attempt->first_failure_ns = now;
	report = attempt->failures == retry->conf.report_after;
	lock_acquire(&retry->lock);
	retry->status.last_error_real_ns = clock_real_ns();
	snprintf(retry->status.last_error, sizeof(retry->status.last_error), "%s", message);
	if (report)
		retry->status.failing++;
	lock_release(&retry->lock);
	if (report && !attempt->silent)
		log_warn("%s: %s %s failed %u times and is repeated; last: %s", retry->base.url,
			 attempt->operation, attempt->key, attempt->failures, message);
}

/* Takes the call out of the failing ones; answered: because it went well. */
static void attempt_settle(struct attempt *attempt, bool answered)
{
	struct retry_store *retry = attempt->retry;
	unsigned int failures = attempt->failures;

	attempt->failures = 0;
	if (failures < retry->conf.report_after)
		return;
	lock_acquire(&retry->lock);
	retry->status.failing--;
	lock_release(&retry->lock);
	if (answered && !attempt->silent)
		log_info("%s: %s %s was answered after %u failures", retry->base.url,
			 attempt->operation, attempt->key, failures);
}

/* Waits until then; false when the store was stopped. */
static bool wait_until(struct retry_store *retry, int64_t boot_ns)
{
	bool stopped;

	lock_acquire(&retry->lock);
	while (!retry->stopped &&
	       condition_wait_until(&retry->stopped_changed, &retry->lock, boot_ns))
		;
	stopped = retry->stopped;
	if (!stopped)
		retry->status.retries_total++;
	lock_release(&retry->lock);
	return !stopped;
}

/*
 * Decides on the result of an attempt. True: make the call again, the delay
 * is over. False: *result is what the user gets.
 */
static bool attempt_again(struct attempt *attempt, int *result)
{
	struct retry_store *retry = attempt->retry;
	CLEANUP_FREE char *message = NULL;
	int64_t now;
	int64_t wake;
	int64_t limit;

	if (!err_is_transient(*result)) {
		attempt_settle(attempt, true);
		return false;
	}
	message = xstrdup(err_message(*result));
	now = clock_boot_ns();
	attempt_failed(attempt, now, message);
	limit = attempt->limit_ns ? attempt->first_failure_ns + attempt->limit_ns : INT64_MAX;
	if (now >= limit) {
		attempt_settle(attempt, false);
		return false;
	}
	wake = now + store_retry_delay_ns(&retry->conf, attempt->failures, random_u64());
	if (wait_until(retry, wake < limit ? wake : limit))
		return true;
	*result = err_set(-ERR_stopping, "%s: stopped before %s %s was repeated; last: %s",
			  retry->base.url, attempt->operation, attempt->key, message);
	attempt_settle(attempt, false);
	return false;
}

/*
 * A repeated put-if-absent found the key taken: by its own earlier attempt?
 * Returns 0 or -EEXIST, or an error of the read. An object that is gone
 * again counts as a failed attempt.
 */
static int settle_put(struct store *below, const char *key, const void *bytes, size_t length)
{
	CLEANUP_BUFFER struct buffer object = BUFFER_INIT;
	int result = store_get(below, key, 0, STORE_GET_ALL, &object);

	if (result == -ENOENT)
		return err_set(-ERR_store_failed, "put %s: the object was there and is gone", key);
	if (result)
		return result;
	if (object.length == length && (!length || memcmp(object.data, bytes, length) == 0))
		return 0;
	return -EEXIST;
}

static int retry_put(struct store *store, const char *key, const void *bytes, size_t length,
		     enum store_put_flags flags)
{
	struct attempt attempt = attempt_begin(store, "put", key, true);
	int result;

	do {
		result = store_put(store->below, key, bytes, length, flags);
		if (result == -EEXIST && attempt.failures)
			result = settle_put(store->below, key, bytes, length);
	} while (attempt_again(&attempt, &result));
	return result;
}

static int retry_get(struct store *store, const char *key, uint64_t offset, size_t length,
		     struct buffer *out)
{
	struct attempt attempt = attempt_begin(store, "get", key, false);
	int result;

	do {
		result = store_get(store->below, key, offset, length, out);
	} while (attempt_again(&attempt, &result));
	return result;
}

static int retry_head(struct store *store, const char *key, uint64_t *size_out)
{
	struct attempt attempt = attempt_begin(store, "head", key, false);
	int result;

	do {
		result = store_head(store->below, key, size_out);
	} while (attempt_again(&attempt, &result));
	return result;
}

static int retry_remove(struct store *store, const char *key)
{
	struct attempt attempt = attempt_begin(store, "remove", key, true);
	int result;

	do {
		result = store_remove(store->below, key);
	} while (attempt_again(&attempt, &result));
	return result;
}

/* How far a listing came. */
struct list_progress {
	struct attempt attempt;
	store_list_fn *fn;
	void *arg;
	bool ended_by_user;
	char last_key[STORE_KEY_MAX + 1];
};

static int list_object(const struct store_object *object, void *arg)
{
	struct list_progress *progress = arg;
	int result;

	attempt_settle(&progress->attempt, true);
	snprintf(progress->last_key, sizeof(progress->last_key), "%s", object->key);
	result = progress->fn(object, progress->arg);
	progress->ended_by_user = result != 0;
	return result;
}

static int retry_list(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
		      void *arg)
{
	struct list_progress progress = {
		.attempt = attempt_begin(store, "list", prefix, false),
		.fn = fn,
		.arg = arg,
	};
	char from[STORE_KEY_MAX + 1];
	int result;

	do {
		if (progress.last_key[0]) {
			memcpy(from, progress.last_key, sizeof(from));
			after = from;
		}
		result = store_list(store->below, prefix, after, list_object, &progress);
	} while (!progress.ended_by_user && attempt_again(&progress.attempt, &result));
	return result;
}

static void retry_free(struct store *store)
{
	struct retry_store *retry = retry_store(store);

	store_release(store);
	condition_destroy(&retry->stopped_changed);
	lock_destroy(&retry->lock);
	free(retry);
}

static const struct store_ops retry_ops = {
	.put = retry_put,
	.get = retry_get,
	.head = retry_head,
	.remove = retry_remove,
	.list = retry_list,
	.free = retry_free,
};

struct store *store_retry_new(struct store *below, const struct store_retry_conf *conf)
{
	struct retry_store *retry = xcalloc(1, sizeof(*retry));

	assert(conf->delay_first_ns >= 0 && conf->delay_max_ns >= 0 && conf->report_after > 0);
	store_init(&retry->base, &retry_ops, "retry", below->url, below);
	retry->conf = *conf;
	lock_init(&retry->lock, LOCK_RANK_STORE);
	condition_init(&retry->stopped_changed);
	return &retry->base;
}

void store_retry_hurry(struct store *store, int64_t limit_ns)
{
	atomic_store(&retry_store(store)->hurry_ns, limit_ns);
}

void store_retry_stop(struct store *store)
{
	struct retry_store *retry = retry_store(store);

	lock_acquire(&retry->lock);
	retry->stopped = true;
	condition_broadcast(&retry->stopped_changed);
	lock_release(&retry->lock);
}

void store_retry_get_status(struct store *store, struct store_retry_status *out)
{
	struct retry_store *retry = retry_store(store);

	lock_acquire(&retry->lock);
	*out = retry->status;
	lock_release(&retry->lock);
}
