/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/committer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/store_retry.h"
#include "cache/bulk.h"
#include "cache/cache_int.h"
#include "cache/commit_cycle.h"

/* After a failed commit. */
#define RETRY_NS_FIRST (500 * NS_PER_MS)
#define RETRY_NS_MAX   (30 * NS_PER_SECOND)

/* DIRTY rows looked at to tell a change from bookkeeping. */
#define LOOK_ROWS 1000

/* What a commit uploads is so much as the link takes in half an upload delay
 * (but at least half the usual one), so that what comes next need not wait. */
#define COMMIT_BYTES_MIN (1ull << 20)
#define COMMIT_BYTES_MAX (256ull << 20)
/* As long as nothing is known of the link. */
#define LINK_RATE_FIRST (10ull << 20)

/* So often bulk goes first for those who wait; a file may grow faster than the
 * link takes it, and then a commit carries what there is. */
#define BULK_TURNS_MAX 3

/* In an upload delay: so often a content is tried for whose time has come. */
#define DUE_CYCLES 4

struct committer {
	/* immutable */
	struct cache *cache;
	struct upload_pool *pool;
	int64_t upload_delay_ns;
	int64_t poll_ns;
	pthread_t thread;

	/* owned by the thread */
	struct commit_cycle cycle;
	struct cloud_waits waits; /* has its own lock */
	struct upload_claims claims;
	struct bulk *bulk;
	uint64_t seen_lsn; /* looked at */
	int64_t retry_ns;
	int64_t past_boot_ns; /* when the index was at past_lsn */
	uint64_t past_lsn;

	/* Where the index was half an upload delay ago, or a little more: what
	 * was changed since is "just now". Written by the thread. */
	_Atomic uint64_t active_lsn;

	struct lock lock;
	struct condition wake; /* the thread */
	/* guarded by lock */
	bool stopping;
	bool dead; /* the thread has ended, or will */
	int dead_code;
	int64_t open_boot_ns;	   /* since when something waits for a commit; 0: nothing does */
	int64_t retry_boot_ns;	   /* not before; 0: at any time */
	int64_t oldest_pending_ns; /* wall time; 0: none */
	bool bulk_first;	   /* those who wait need what bulk is at */
	unsigned int bulk_turns;   /* ... so often it was done with that */
	bool more;		   /* the next commit can carry what the last left */
	bool due;		   /* the last left what is to go soon */
	int64_t begun_boot_ns;	   /* the newest cycle */
	uint64_t cut_lsn;	   /* of the newest cycle that went well */
	struct committer_status status;
};

/* Does the index hold a change behind the newest cut? Unknown counts as yes. */
static bool look_for_changes(struct committer *committer, uint64_t cut_lsn)
{
	struct row_key start = { .length = 1, .bytes = { TABLE_DIRTY } };
	struct index_cursor *cursor;
	struct dirty_row row;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	bool found = false;
	int rows;

	if (index_cursor_open(committer->cache->index, &start, &cursor))
		return true;
	for (rows = 0; rows < LOOK_ROWS && !found; rows++) {
		int result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);

		if (result == 0 || (result > 0 && key_table(key, key_length) != TABLE_DIRTY))
			break;
		found = result < 0 || row_get_dirty(value, value_length, &row) || row.lsn > cut_lsn;
	}
	index_cursor_close(cursor);
	return found || rows == LOOK_ROWS;
}

/* Without the lock: opens the group when the index has changed. */
static void poll_index(struct committer *committer)
{
	uint64_t lsn = index_lsn(committer->cache->index);
	int64_t now = clock_boot_ns();
	uint64_t cut_lsn;
	bool open;

	if (now - committer->past_boot_ns >= committer->upload_delay_ns / 2) {
		atomic_store(&committer->active_lsn, committer->past_lsn);
		committer->past_boot_ns = now;
		committer->past_lsn = lsn;
	}
	if (lsn == committer->seen_lsn)
		return;
	lock_acquire(&committer->lock);
	cut_lsn = committer->cut_lsn;
	open = committer->open_boot_ns != 0;
	lock_release(&committer->lock);
	committer->seen_lsn = lsn;
	if (open || !look_for_changes(committer, cut_lsn))
		return;
	lock_acquire(&committer->lock);
	if (!committer->open_boot_ns)
		committer->open_boot_ns = now;
	lock_release(&committer->lock);
}

static bool is_due_locked(struct committer *committer)
{
	int64_t now = clock_boot_ns();

	lock_assert_held(&committer->lock);
	if (committer->retry_boot_ns && now < committer->retry_boot_ns)
		return false;
	if (committer->more || (cloud_waits_any(&committer->waits) && !committer->bulk_first))
		return true;
	if (committer->due &&
	    now - committer->begun_boot_ns >= committer->upload_delay_ns / DUE_CYCLES)
		return true;
	if (!committer->open_boot_ns)
		return false;
	return now - committer->open_boot_ns >= committer->upload_delay_ns ||
	       committer->seen_lsn - committer->cut_lsn > COMMITTER_LARGE_LSNS;
}

static void note_success_locked(struct committer *committer)
{
	const struct commit_cycle *cycle = &committer->cycle;
	struct committer_status *status = &committer->status;

	lock_assert_held(&committer->lock);
	committer->cut_lsn = cycle->cut_lsn;
	committer->more = cycle->left > 0;
	/* What is pending is looked at again after a while. */
	committer->open_boot_ns = cycle->pending ? committer->begun_boot_ns : 0;
	committer->retry_ns = 0;
	committer->retry_boot_ns = 0;
	committer->due = cycle->due;
	committer->bulk_first = cycle->wanted.any && cycle->deferred;
	if (cycle->commits)
		status->committed_time_ns = cycle->cut_real_ns;
	status->pending_files = cycle->pending;
	status->late_files = cycle->late;
	status->lost_files = cycle->lost;
	status->logical_bytes += cycle->logical_bytes;
	committer->oldest_pending_ns = cycle->oldest_pending_ns;
	status->failing = cycle->lost > 0;
	if (cycle->lost)
		snprintf(status->last_error, sizeof(status->last_error), "%s", cycle->lost_message);
}

static bool is_final(int code)
{
	return code == -ERR_fenced || code == -ERR_diverged || code == -ERR_stopping ||
	       code == -ERR_read_only || code == -ERR_index_corrupt;
}

static void note_failure_locked(struct committer *committer, int code)
{
	lock_assert_held(&committer->lock);
	committer->status.failing = true;
	snprintf(committer->status.last_error, sizeof(committer->status.last_error), "%s",
		 err_message(code));
	committer->retry_ns = committer->retry_ns ? 2 * committer->retry_ns : RETRY_NS_FIRST;
	if (committer->retry_ns > RETRY_NS_MAX)
		committer->retry_ns = RETRY_NS_MAX;
	committer->retry_boot_ns = clock_boot_ns() + committer->retry_ns;
	if (!committer->open_boot_ns)
		committer->open_boot_ns = clock_boot_ns();
	if (is_final(code)) {
		committer->dead = true;
		committer->dead_code = code;
	}
}

/*
 * When somebody waits for more than one commit should carry, bulk gets it
 * first: the same offer stands until it is done, whatever is written
 * meanwhile. After some turns of that a commit carries all the rest.
 */
static void plan_cycle_locked(struct committer *committer)
{
	struct commit_cycle *cycle = &committer->cycle;

	lock_assert_held(&committer->lock);
	wanted_set_release(&cycle->wanted);
	cloud_waits_wanted(&committer->waits, &cycle->wanted);
	if (!cycle->wanted.any)
		committer->bulk_turns = 0;
	cycle->all = committer->bulk_turns >= BULK_TURNS_MAX;
	if (cycle->all)
		committer->bulk_turns = 0;
	cycle->offer = !cycle->wanted.any || !committer->bulk_first;
	committer->begun_boot_ns = clock_boot_ns();
}

/* Bulk or a cycle came to its end: is the turn over that bulk had? */
static void end_bulk_turn(struct committer *committer)
{
	if (!bulk_is_idle(committer->bulk))
		return;
	lock_acquire(&committer->lock);
	if (committer->bulk_first) {
		committer->bulk_first = false;
		committer->bulk_turns++;
		condition_broadcast(&committer->wake);
	}
	lock_release(&committer->lock);
}

static void note_bulk(void *arg, int result)
{
	struct committer *committer = arg;

	if (result && result != -ERR_stopping) {
		log_warn("a large file is not uploaded for now: %s", err_message(result));
		lock_acquire(&committer->lock);
		committer->status.failing = true;
		snprintf(committer->status.last_error, sizeof(committer->status.last_error), "%s",
			 err_message(result));
		lock_release(&committer->lock);
	}
	end_bulk_turn(committer);
}

/* How much one commit may upload. */
static void measure_link(struct committer *committer)
{
	struct commit_cycle *cycle = &committer->cycle;
	int64_t delay_ns = committer->upload_delay_ns;
	struct upload_pool_status pool;
	double bytes;

	upload_pool_status_get(committer->pool, &pool);
	cycle->bytes_per_second = pool.link_bytes_per_second;
	if (delay_ns < COMMITTER_UPLOAD_DELAY_NS)
		delay_ns = COMMITTER_UPLOAD_DELAY_NS;
	bytes = (double)(pool.link_bytes_per_second ? pool.link_bytes_per_second
						    : LINK_RATE_FIRST) *
		(double)delay_ns / 2 / (double)NS_PER_SECOND;
	cycle->bytes_max = bytes < (double)COMMIT_BYTES_MIN   ? COMMIT_BYTES_MIN
			   : bytes > (double)COMMIT_BYTES_MAX ? COMMIT_BYTES_MAX
							      : (uint64_t)bytes;
}

/* The cycle knows what the cut waits for; or it is over. */
static void note_held(void *arg, const struct held_content *held, unsigned int count)
{
	struct committer *committer = arg;

	lock_acquire(&committer->lock);
	committer->status.held_count = count;
	memcpy(committer->status.held, held, count * sizeof(*held));
	lock_release(&committer->lock);
}

/* One commit, without the lock. */
static void run_cycle(struct committer *committer)
{
	struct commit_cycle *cycle = &committer->cycle;
	int result;

	measure_link(committer);
	cycle->active_lsn = atomic_load(&committer->active_lsn);
	result = commit_cycle_run(cycle);
	if (result && result != -ERR_stopping)
		log_warn("commit %llu did not come about: %s", (unsigned long long)(cycle->seq + 1),
			 err_message(result));
	if (result && is_final(result) && result != -ERR_stopping)
		cache_fail(committer->cache, result);
	lock_acquire(&committer->lock);
	committer->status.commits += cycle->commits;
	committer->status.committed_seq = cycle->seq;
	committer->status.breaches += cycle->breaches;
	committer->status.held_count = 0;
	if (result)
		note_failure_locked(committer, result);
	else
		note_success_locked(committer);
	lock_release(&committer->lock);
	if (!result)
		cloud_waits_note(&committer->waits, cycle->cut_lsn, cycle->left_out,
				 cycle->left_out_count, cycle->lost_message);
	end_bulk_turn(committer);
}

static void *committer_main(void *arg)
{
	struct committer *committer = arg;

	lock_acquire(&committer->lock);
	while (!committer->stopping && !committer->dead) {
		if (!is_due_locked(committer)) {
			condition_wait_until(&committer->wake, &committer->lock,
					     clock_boot_ns() + committer->poll_ns);
			lock_release(&committer->lock);
			poll_index(committer);
		} else {
			plan_cycle_locked(committer);
			lock_release(&committer->lock);
			run_cycle(committer);
		}
		lock_acquire(&committer->lock);
	}
	committer->dead = true;
	lock_release(&committer->lock);
	if (committer->dead_code && committer->dead_code != -ERR_stopping)
		cloud_waits_fail(&committer->waits, committer->dead_code,
				 committer->status.last_error);
	else
		cloud_waits_fail(&committer->waits, -ERR_stopping, "the gateway is stopping");
	return NULL;
}

static int read_record(struct committer *committer)
{
	struct commit_record record;
	int result = commit_record_get(committer->cache->index, &record);

	if (result == -ENOENT)
		return err_set(-ERR_index_corrupt,
			       "the cache %s holds no volume yet: nothing can be committed",
			       committer->cache->directory);
	if (result)
		return result;
	committer->status.committed_seq = record.seq;
	committer->status.committed_time_ns = record.cut_real_ns;
	committer->status.pending_files = record.pending_files;
	committer->cycle.seq = record.seq;
	return 0;
}

static void release(struct committer *committer)
{
	bulk_stop(committer->bulk);
	upload_pool_stop(committer->pool);
	commit_cycle_release(&committer->cycle);
	cloud_waits_release(&committer->waits);
	name_find_free(committer->cycle.names);
	outbox_close(committer->cycle.outbox);
	upload_claims_release(&committer->claims);
	condition_destroy(&committer->wake);
	lock_destroy(&committer->lock);
	free(committer);
}

static void start_bulk(struct committer *committer)
{
	struct bulk_conf conf = {
		.cache = committer->cache,
		.pool = committer->pool,
		.claims = &committer->claims,
		.active_lsn = &committer->active_lsn,
		.done = note_bulk,
		.done_arg = committer,
	};

	committer->bulk = bulk_start(&conf);
	committer->cycle.bulk = committer->bulk;
}

int committer_start(struct cache *cache, struct committer **out)
{
	struct committer *committer = xcalloc(1, sizeof(*committer));
	const struct cache_conf *conf = &cache->conf;
	int result;

	committer->cache = cache;
	committer->upload_delay_ns =
		conf->upload_delay_ns ? conf->upload_delay_ns : COMMITTER_UPLOAD_DELAY_NS;
	committer->poll_ns = committer->upload_delay_ns / 20;
	if (committer->poll_ns > COMMITTER_POLL_NS)
		committer->poll_ns = COMMITTER_POLL_NS;
	if (committer->poll_ns < NS_PER_MS)
		committer->poll_ns = NS_PER_MS;
	lock_init(&committer->lock, LOCK_RANK_COMMIT);
	condition_init(&committer->wake);
	cloud_waits_init(&committer->waits);
	upload_claims_init(&committer->claims);
	commit_cycle_init(&committer->cycle);
	committer->pool = upload_pool_start(cache, conf->upload_threads ? conf->upload_threads
									: COMMITTER_THREADS);
	committer->cycle.cache = cache;
	committer->cycle.pool = committer->pool;
	committer->cycle.names = name_find_new();
	committer->cycle.claims = &committer->claims;
	committer->cycle.quantum_ns = committer->upload_delay_ns;
	committer->cycle.held = note_held;
	committer->cycle.held_arg = committer;
	start_bulk(committer);
	result = outbox_open(cache->directory, &committer->cycle.outbox);
	if (!result)
		result = read_record(committer);
	if (result) {
		release(committer);
		return result;
	}
	if (pthread_create(&committer->thread, NULL, committer_main, committer))
		abort(); /* out of threads, as out of memory */
	*out = committer;
	return 0;
}

void committer_stop(struct committer *committer)
{
	if (!committer)
		return;
	lock_acquire(&committer->lock);
	committer->stopping = true;
	condition_broadcast(&committer->wake);
	lock_release(&committer->lock);
	upload_pool_cancel(committer->pool);
	pthread_join(committer->thread, NULL);
	release(committer);
}

void committer_wait_begin(struct committer *committer, struct cloud_wait *wait, bool all,
			  const uint64_t *inos, size_t count)
{
	cloud_wait_begin(&committer->waits, wait, index_lsn(committer->cache->index), all, inos,
			 count);
	lock_acquire(&committer->lock);
	condition_broadcast(&committer->wake);
	lock_release(&committer->lock);
}

struct cloud_waits *committer_waits(struct committer *committer)
{
	return &committer->waits;
}

/* The retry decorator below, which knows what is failing right now. */
static struct store *find_retry(struct store *store)
{
	while (store && strcmp(store->kind, "retry") != 0)
		store = store->below;
	return store;
}

static int64_t eta(uint64_t dirty_bytes, uint64_t bytes_per_second)
{
	if (!dirty_bytes)
		return 0;
	if (!bytes_per_second)
		return -1;
	return (int64_t)((double)dirty_bytes / (double)bytes_per_second * (double)NS_PER_SECOND);
}

void committer_status_get(struct committer *committer, struct committer_status *out)
{
	struct store *retry = find_retry(committer->cache->store);
	struct upload_pool_status pool;
	struct store_retry_status retries;
	struct segments_stats segments;
	int64_t oldest;
	int64_t open;

	lock_acquire(&committer->lock);
	*out = committer->status;
	oldest = committer->oldest_pending_ns;
	open = committer->open_boot_ns;
	lock_release(&committer->lock);
	/* The wall clock may have been set back meanwhile. */
	out->oldest_dirty_age_ns = 0;
	if (oldest && clock_real_ns() > oldest)
		out->oldest_dirty_age_ns = clock_real_ns() - oldest;
	if (open && clock_boot_ns() - open > out->oldest_dirty_age_ns)
		out->oldest_dirty_age_ns = clock_boot_ns() - open;
	upload_pool_status_get(committer->pool, &pool);
	out->uploads_in_flight = pool.in_flight;
	out->upload_bytes_per_second = pool.bytes_per_second;
	segments_stats_get(committer->cache->segments, &segments);
	out->eta_ns = eta(segments.dirty_bytes, pool.bytes_per_second);
	if (!retry)
		return;
	store_retry_get_status(retry, &retries);
	if (retries.failing) {
		out->failing = true;
		snprintf(out->last_error, sizeof(out->last_error), "%s", retries.last_error);
	}
}
