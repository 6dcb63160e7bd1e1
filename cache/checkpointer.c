/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/checkpointer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/checkpoint.h"
#include "cache/commit_record.h"
#include "cache/retention.h"
#include "cache/root_read.h"

#define LOOK_NS		   (1 * NS_PER_SECOND)
#define RETRY_NS_FIRST	   (60 * NS_PER_SECOND)
#define RETRY_NS_MAX	   (3600 * NS_PER_SECOND)
#define RETENTION_EVERY_NS (3600 * NS_PER_SECOND)
/* So long a commit's upload is waited for, before each object. */
#define PAUSE_NS_MAX  (5 * NS_PER_SECOND)
#define PAUSE_NS_STEP (20 * NS_PER_MS)

struct checkpointer {
	/* immutable */
	struct cache *cache;
	pthread_t thread;

	/* owned by the thread */
	bool looked; /* the newest root of the bucket is known */
	uint64_t runs_bytes;
	uint64_t counted_bytes; /* of cache->log_row_bytes, by the newest root */
	int64_t retry_ns;
	int64_t retry_boot_ns; /* not before */
	int64_t retention_boot_ns;
	uint64_t retention_seq; /* a base for which all is removed */

	_Atomic uint64_t seq; /* of the newest root; set by the thread */

	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	bool stopping;
};

bool checkpoint_is_due(const struct checkpoint_load *load, uint64_t commits_max, uint64_t bytes_max)
{
	uint64_t bytes = bytes_max > load->runs_bytes / 8 ? bytes_max : load->runs_bytes / 8;

	return load->commits && (load->commits >= commits_max || load->row_bytes >= bytes);
}

uint64_t checkpointer_seq(struct checkpointer *checkpointer)
{
	return checkpointer ? atomic_load(&checkpointer->seq) : 0;
}

/* False when stopping. */
static bool sleep_ns(struct checkpointer *checkpointer, int64_t ns)
{
	int64_t until = clock_boot_ns() + ns;
	bool stopping;

	lock_acquire(&checkpointer->lock);
	while (!checkpointer->stopping &&
	       condition_wait_until(&checkpointer->wake, &checkpointer->lock, until))
		;
	stopping = checkpointer->stopping;
	lock_release(&checkpointer->lock);
	return !stopping;
}

/* Lets commits go first. */
static int pause_for_commits(void *arg)
{
	struct checkpointer *checkpointer = arg;
	int64_t until = clock_boot_ns() + PAUSE_NS_MAX;
	int64_t step = 0;

	do {
		if (!sleep_ns(checkpointer, step))
			return err_set(-ERR_stopping, "the gateway is stopping");
		step = PAUSE_NS_STEP;
	} while (atomic_load(&checkpointer->cache->uploading_lsn) && clock_boot_ns() < until);
	return 0;
}

/* Which is the newest checkpoint, and how large? Once. */
static int look_at_bucket(struct checkpointer *checkpointer)
{
	struct root_list roots;
	struct root_run run;
	struct root root;
	int result;

	if (checkpointer->looked)
		return 0;
	result = root_list_get(checkpointer->cache, &roots);
	if (result)
		return result;
	checkpointer->looked = true;
	if (roots.count) {
		atomic_store(&checkpointer->seq, roots.seqs[roots.count - 1]);
		result = root_get(checkpointer->cache, roots.seqs[roots.count - 1], &root);
		while (!result && root_next(&root, &run) > 0)
			checkpointer->runs_bytes += run.part.stored_length;
		if (!result)
			root_release(&root);
	}
	root_list_release(&roots);
	/* A damaged one is met again, and told, by checkpoint_make(). */
	return root_is_damage(result) ? 0 : result;
}

static int make(struct checkpointer *checkpointer, uint64_t seq, uint64_t bytes)
{
	struct checkpoint_conf conf = {
		.cache = checkpointer->cache,
		.seq = seq,
		.now_real_ns = clock_real_ns(),
		.pause = pause_for_commits,
		.pause_arg = checkpointer,
	};
	struct checkpoint_result made;
	int64_t begun = clock_boot_ns();
	int result = checkpoint_make(&conf, &made);

	if (result)
		return result;
	atomic_store(&checkpointer->seq, seq);
	checkpointer->counted_bytes = bytes;
	if (!made.made)
		return 0;
	checkpointer->runs_bytes = made.merge.bytes_stored;
	log_info("checkpoint root/%016" PRIx64 ": %" PRIu64 " rows, %" PRIu64
		 " commits merged, %" PRIu64 " runs written, %" PRIu64 " kept, %.1f s",
		 seq, made.merge.rows, made.commits, made.merge.runs_written, made.merge.runs_kept,
		 (double)(clock_boot_ns() - begun) / NS_PER_SECOND);
	checkpointer->retention_boot_ns = 0;
	return 0;
}

static int remove_old(struct checkpointer *checkpointer)
{
	struct retention_conf conf = {
		.cache = checkpointer->cache,
		.now_real_ns = clock_real_ns(),
		.pause = pause_for_commits,
		.pause_arg = checkpointer,
		.done_seq = checkpointer->retention_seq,
	};
	struct retention_result removed;
	int result;

	if (clock_boot_ns() < checkpointer->retention_boot_ns)
		return 0;
	checkpointer->retention_boot_ns = clock_boot_ns() + RETENTION_EVERY_NS;
	result = retention_run(&conf, &removed);
	if (result)
		return result;
	if (removed.base_seq > checkpointer->retention_seq)
		log_info("removed what only checkpoints before root/%016" PRIx64 " needed: %" PRIu64
			 " roots, %" PRIu64 " runs, %" PRIu64 " commits with %" PRIu64
			 " parts; %" PRIu64 " commits stay for the files in them",
			 removed.base_seq, removed.roots, removed.runs, removed.commits,
			 removed.parts, removed.commits_kept);
	checkpointer->retention_seq = removed.base_seq;
	return 0;
}

static int step(struct checkpointer *checkpointer)
{
	struct cache *cache = checkpointer->cache;
	uint64_t bytes = atomic_load(&cache->log_row_bytes);
	struct checkpoint_load load = { 0 };
	struct commit_record record;
	uint64_t seq;
	int result = look_at_bucket(checkpointer);

	if (!result)
		result = commit_record_get(cache->index, &record);
	if (result)
		return result;
	seq = atomic_load(&checkpointer->seq);
	load.commits = record.seq > seq ? record.seq - seq : 0;
	load.row_bytes = bytes - checkpointer->counted_bytes;
	load.runs_bytes = checkpointer->runs_bytes;
	if (checkpoint_is_due(&load, cache->conf.checkpoint_commits, cache->conf.checkpoint_bytes))
		result = make(checkpointer, record.seq, bytes);
	return result ? result : remove_old(checkpointer);
}

static void back_off(struct checkpointer *checkpointer, int code)
{
	log_warn("no checkpoint for now: %s", err_message(code));
	checkpointer->retry_ns =
		checkpointer->retry_ns ? 2 * checkpointer->retry_ns : RETRY_NS_FIRST;
	if (checkpointer->retry_ns > RETRY_NS_MAX)
		checkpointer->retry_ns = RETRY_NS_MAX;
	checkpointer->retry_boot_ns = clock_boot_ns() + checkpointer->retry_ns;
}

static void *checkpointer_main(void *arg)
{
	struct checkpointer *checkpointer = arg;

	while (sleep_ns(checkpointer, LOOK_NS)) {
		int result;

		if (clock_boot_ns() < checkpointer->retry_boot_ns)
			continue;
		result = step(checkpointer);
		if (result == -ERR_fenced || result == -ERR_stopping)
			break;
		if (result)
			back_off(checkpointer, result);
		else
			checkpointer->retry_ns = 0;
	}
	return NULL;
}

struct checkpointer *checkpointer_start(struct cache *cache)
{
	struct checkpointer *checkpointer = xcalloc(1, sizeof(*checkpointer));

	checkpointer->cache = cache;
	checkpointer->retention_boot_ns = clock_boot_ns() + RETENTION_EVERY_NS;
	lock_init(&checkpointer->lock, LOCK_RANK_LEAF);
	condition_init(&checkpointer->wake);
	if (pthread_create(&checkpointer->thread, NULL, checkpointer_main, checkpointer))
		abort(); /* out of threads, as out of memory */
	return checkpointer;
}

void checkpointer_stop(struct checkpointer *checkpointer)
{
	if (!checkpointer)
		return;
	lock_acquire(&checkpointer->lock);
	checkpointer->stopping = true;
	condition_broadcast(&checkpointer->wake);
	lock_release(&checkpointer->lock);
	pthread_join(checkpointer->thread, NULL);
	condition_destroy(&checkpointer->wake);
	lock_destroy(&checkpointer->lock);
	free(checkpointer);
}
