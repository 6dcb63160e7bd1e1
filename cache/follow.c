/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/commit_record.h"
#include "cache/fence_wait.h"
#include "cache/follow_apply.h"
#include "cache/restore.h"
#include "cache/root_read.h"

/* Commits that are taken in at once. */
#define COMMITS_MAX 1000
/* Who did not ask for so long asks the writer first. The log is kept for a day. */
#define ASLEEP_NS (3600 * NS_PER_SECOND)

struct follow {
	/* immutable */
	struct cache *cache;
	cache_changed_fn *changed;
	void *changed_arg;
	pthread_t thread;
	bool started;

	/* owned by who polls */
	struct log_position position;
	int64_t cut_real_ns;
	uint64_t epoch;		/* newest known of */
	unsigned int quiet;	/* polls without news in a row */
	unsigned int questions; /* to the writer that are due: 2, 1, 0 */
	bool told;		/* of a commit behind the position */
	int64_t asked_boot_ns;	/* when the last poll succeeded */

	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	bool stopping;
	int64_t checked_boot_ns;
	struct follow_status status;
};

/* Commits on their way from the log to the index. */
struct gathered {
	struct row_sort *rows;
	struct log_position position;
	int64_t cut_real_ns;
	unsigned int commits;
};

static int rows_new(struct follow *follow, struct row_sort **out)
{
	CLEANUP_FREE char *directory = xasprintf("%s/follow", follow->cache->directory);

	return row_sort_new(directory, 0, out);
}

static int add_row(const struct row_run_row *row, void *arg)
{
	int result = follow_check_row(row);

	return result ? result : row_sort_add(arg, row);
}

/* From here on the rows are what is shown. */
static int take_in(struct follow *follow, const struct gathered *gathered, cache_changed_fn *fn,
		   void *arg)
{
	struct follow_notes notes = { .bytes = BUFFER_INIT };
	int result = row_sort_finish(gathered->rows);

	if (result)
		return result;
	result = follow_apply(follow->cache, gathered->rows, &gathered->position,
			      gathered->cut_real_ns, &notes);
	if (result) {
		cache_fail(follow->cache, result);
	} else {
		follow->position = gathered->position;
		follow->cut_real_ns = gathered->cut_real_ns;
		if (follow->epoch < follow->position.epoch)
			follow->epoch = follow->position.epoch;
	}
	if (!result && fn)
		follow_notes_tell(&notes, fn, arg);
	follow_notes_release(&notes);
	return result;
}

static int gather(struct follow *follow, struct gathered *gathered, const struct log_entry *entry)
{
	uint64_t seq = entry->commit.head.seq;
	int result;

	if (!log_follows(&gathered->position, entry))
		return err_set(-ERR_diverged,
			       "log/%016" PRIx64 " of %s does not continue the commit %" PRIu64
			       " that is shown here: the bucket was replaced or set back; unmount, "
			       "and mount with an empty cache directory",
			       seq, follow->cache->url, seq - 1);
	result = log_each_row(follow->cache, NULL, entry, add_row, gathered->rows);
	if (!result)
		result = log_advance(&gathered->position, entry);
	gathered->cut_real_ns = entry->commit.head.cut_real_ns;
	gathered->commits++;
	return result;
}

/* The commit and those behind it, as far as they are there now. An error on the
 * way to a later one is met again by the next poll. */
static int gather_all(struct follow *follow, struct gathered *gathered, struct log_entry *entry)
{
	int result;

	do {
		result = gather(follow, gathered, entry);
		log_entry_release(entry);
	} while (!result && gathered->commits < COMMITS_MAX &&
		 !log_get(follow->cache, gathered->position.seq + 1, entry));
	return result;
}

/* The log behind the position is gone: from the newest checkpoint, or where that
 * is damaged from one before. */
static int reload_from(struct follow *follow, const struct root_list *roots, uint64_t floor,
		       cache_changed_fn *fn, void *arg)
{
	int result = -ERR_object_missing;
	size_t i;

	for (i = roots->count; i-- > 0 && roots->seqs[i] > follow->position.seq;) {
		struct gathered gathered = { 0 };

		result = rows_new(follow, &gathered.rows);
		if (!result)
			result = restore_find_differences(follow->cache, roots->seqs[i], floor,
							  gathered.rows, &gathered.position,
							  &gathered.cut_real_ns);
		if (!result)
			result = take_in(follow, &gathered, fn, arg);
		row_sort_free(gathered.rows);
		if (!root_is_damage(result))
			return result;
	}
	return err_set(-ERR_object_missing,
		       "log/%016" PRIx64 " is missing in %s, but commits up to %" PRIu64
		       " were made, and no checkpoint behind it can be read",
		       follow->position.seq + 1, follow->cache->url, floor);
}

static int reload(struct follow *follow, cache_changed_fn *fn, void *arg)
{
	struct fence_wait writer = { .store = follow->cache->store, .url = follow->cache->url };
	struct root_list roots;
	int result = fence_look(&writer);

	if (!result)
		result = root_list_get(follow->cache, &roots);
	if (result)
		return result;
	log_info("the log behind commit %" PRIu64 " was removed meanwhile: starting over from the "
		 "newest checkpoint",
		 follow->position.seq);
	result = reload_from(follow, &roots, writer.floor, fn, arg);
	root_list_release(&roots);
	if (result)
		return result;
	if (follow->epoch < writer.newest)
		follow->epoch = writer.newest;
	follow->told = false;
	lock_acquire(&follow->lock);
	follow->status.reloads++;
	lock_release(&follow->lock);
	return 0;
}

/* Commits were taken in. */
static void note_commits(struct follow *follow, unsigned int commits)
{
	follow->quiet = 0;
	follow->told = false;
	lock_acquire(&follow->lock);
	follow->status.commits += commits;
	lock_release(&follow->lock);
}

static int poll_log(struct follow *follow, cache_changed_fn *fn, void *arg)
{
	struct gathered gathered = { .position = follow->position };
	struct log_entry entry;
	int result = log_get(follow->cache, follow->position.seq + 1, &entry);

	if (result == -ENOENT && follow->told)
		return reload(follow, fn, arg);
	if (result == -ENOENT) {
		if (++follow->quiet % FOLLOW_POLLS_QUIET == 0)
			follow->questions = 2;
		return 0;
	}
	if (result)
		return result;
	result = rows_new(follow, &gathered.rows);
	if (result)
		log_entry_release(&entry);
	else
		result = gather_all(follow, &gathered, &entry);
	if (!result)
		result = take_in(follow, &gathered, fn, arg);
	row_sort_free(gathered.rows);
	if (!result)
		note_commits(follow, gathered.commits);
	/* A part that the commit names: it was removed with it. */
	return result == -ERR_object_missing ? reload(follow, fn, arg) : result;
}

/* Has somebody claimed the next epoch? Then that one's lease is what counts. */
static int ask_claim(struct follow *follow)
{
	struct writer_claim claim;
	int result = fence_get_claim(follow->cache->store, follow->epoch + 1, &claim);

	if (!result)
		follow->epoch++;
	else if (result == -ENOENT)
		follow->questions = 1;
	return result == -ENOENT ? 0 : result;
}

static int ask_lease(struct follow *follow)
{
	struct writer_lease lease;
	int result = fence_get_lease(follow->cache->store, follow->epoch, &lease);

	if (!result && lease.commit > follow->position.seq)
		follow->told = true;
	if (!result || result == -ENOENT)
		follow->questions = 0;
	return result == -ENOENT ? 0 : result;
}

static int poll_once(struct follow *follow, cache_changed_fn *fn, void *arg)
{
	if (follow->questions == 2)
		return ask_claim(follow);
	if (follow->questions == 1)
		return ask_lease(follow);
	return poll_log(follow, fn, arg);
}

int follow_poll(struct follow *follow, cache_changed_fn *fn, void *arg)
{
	int64_t began = clock_boot_ns();
	struct follow_status *status = &follow->status;
	bool asked_log;
	int result;

	if (began - follow->asked_boot_ns > ASLEEP_NS)
		follow->questions = 2;
	asked_log = !follow->questions && !follow->told;
	result = poll_once(follow, fn, arg);
	if (!result)
		follow->asked_boot_ns = began;
	lock_acquire(&follow->lock);
	status->seq = follow->position.seq;
	status->cut_real_ns = follow->cut_real_ns;
	if (!result && asked_log)
		follow->checked_boot_ns = began;
	status->failing = result != 0;
	if (result)
		snprintf(status->last_error, sizeof(status->last_error), "%s", err_message(result));
	lock_release(&follow->lock);
	return result;
}

/* True until stopping. */
static bool sleep_until(struct follow *follow, int64_t boot_ns)
{
	bool stopping;

	lock_acquire(&follow->lock);
	while (!follow->stopping && condition_wait_until(&follow->wake, &follow->lock, boot_ns))
		;
	stopping = follow->stopping;
	lock_release(&follow->lock);
	return !stopping;
}

static void *follow_main(void *arg)
{
	struct follow *follow = arg;
	bool failing = false;
	int64_t next = clock_boot_ns();
	int result;

	while (sleep_until(follow, next)) {
		next = clock_boot_ns() + follow->cache->conf.follow_interval_ns;
		result = follow_poll(follow, follow->changed, follow->changed_arg);
		if (result && !failing && result != -ERR_stopping)
			log_warn("commit %" PRIu64 " is still shown: %s", follow->position.seq,
				 err_message(result));
		if (!result && failing)
			log_info("following goes on at commit %" PRIu64, follow->position.seq);
		failing = result != 0;
	}
	return NULL;
}

int follow_new(struct cache *cache, struct follow **out)
{
	struct commit_record record;
	struct follow *follow;
	int result = commit_record_get(cache->index, &record);

	if (result == -ENOENT)
		return err_set(-ERR_index_corrupt, "%s has no record of a commit",
			       cache->directory);
	if (result)
		return result;
	follow = xcalloc(1, sizeof(*follow));
	follow->cache = cache;
	follow->position.seq = record.seq;
	follow->position.hash = record.hash;
	follow->position.epoch = follow->epoch = record.epoch;
	follow->cut_real_ns = record.cut_real_ns;
	follow->status.seq = record.seq;
	follow->status.cut_real_ns = record.cut_real_ns;
	follow->asked_boot_ns = follow->checked_boot_ns = clock_boot_ns();
	lock_init(&follow->lock, LOCK_RANK_LEAF);
	condition_init(&follow->wake);
	*out = follow;
	return 0;
}

void follow_start(struct follow *follow, cache_changed_fn *fn, void *arg)
{
	follow->changed = fn;
	follow->changed_arg = arg;
	if (pthread_create(&follow->thread, NULL, follow_main, follow))
		abort(); /* out of threads, as out of memory */
	follow->started = true;
}

void follow_free(struct follow *follow)
{
	if (!follow)
		return;
	lock_acquire(&follow->lock);
	follow->stopping = true;
	condition_broadcast(&follow->wake);
	lock_release(&follow->lock);
	if (follow->started)
		pthread_join(follow->thread, NULL);
	condition_destroy(&follow->wake);
	lock_destroy(&follow->lock);
	free(follow);
}

void follow_status_get(struct follow *follow, struct follow_status *out)
{
	lock_acquire(&follow->lock);
	*out = follow->status;
	out->checked_age_ns = clock_boot_ns() - follow->checked_boot_ns;
	lock_release(&follow->lock);
}
