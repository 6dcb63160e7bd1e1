/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/budget.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/evict.h"

/* How often the budget is looked at again while replies wait. */
#define BUDGET_RECHECK_NS (100 * NS_PER_MS)
/* The rate of uploads is measured over about so long. */
#define BUDGET_RATE_PERIOD_NS (5 * NS_PER_SECOND)

struct delayed_reply {
	budget_reply_fn *fn;
	void *arg;
	int64_t due_ns;
	struct delayed_reply *next;
};

struct budget {
	/* immutable */
	struct cache *cache;
	pthread_t thread;
	struct lock lock;
	struct condition wake;
	/* guarded by lock */
	bool stopping;
	struct delayed_reply *queue; /* in the order of their writes */
	struct delayed_reply **queue_end;
	int64_t last_due_ns;
	uint64_t stored_in_period;
	int64_t period_start_ns;
	uint64_t rate;
};

/* From here on replies are delayed. */
static uint64_t delay_start(uint64_t limit)
{
	return limit / 4 * 3;
}

int64_t budget_delay_ns(uint64_t dirty, uint64_t limit, uint64_t rate, uint64_t length)
{
	uint64_t start = delay_start(limit);
	double fill;
	double seconds;

	if (dirty < start || !limit)
		return 0;
	fill = (double)(dirty - start) / (double)(limit - start);
	if (fill >= 1)
		return BUDGET_DELAY_MAX_NS;
	if (rate < BUDGET_RATE_MIN)
		rate = BUDGET_RATE_MIN;
	/* fill / (1 - fill) is 1 in the middle and grows without bound. */
	seconds = (double)length / (double)rate * fill / (1 - fill);
	if (seconds * (double)NS_PER_SECOND > (double)BUDGET_DELAY_MAX_NS)
		return BUDGET_DELAY_MAX_NS;
	return (int64_t)(seconds * (double)NS_PER_SECOND);
}

static uint64_t limit_of(const struct budget *budget)
{
	return limits_dirty_bytes(&budget->cache->limits);
}

/* Dead bytes among them take as much of the disk. */
static uint64_t dirty_bytes(const struct budget *budget)
{
	return segments_dirty_bytes(budget->cache->segments) + evict_dead_bytes(budget->cache);
}

int io_budget_refuse(struct cache *cache, bool opening)
{
	return limits_refuse(&cache->limits,
			     segments_dirty_bytes(cache->segments) + evict_dead_bytes(cache),
			     opening);
}

bool io_budget_admit(struct cache *cache, size_t length, budget_reply_fn *fn, void *arg)
{
	struct budget *budget = cache->budget;
	struct delayed_reply *reply;
	uint64_t dirty = dirty_bytes(budget);
	int64_t now = clock_boot_ns();

	if (dirty < delay_start(limit_of(budget)))
		return true;
	lock_acquire(&budget->lock);
	if (budget->stopping) {
		lock_release(&budget->lock);
		return true;
	}
	/* Delays add up, so that many writers together keep to the rate. */
	if (budget->last_due_ns < now)
		budget->last_due_ns = now;
	budget->last_due_ns += budget_delay_ns(dirty, limit_of(budget), budget->rate, length);
	reply = xcalloc(1, sizeof(*reply));
	reply->fn = fn;
	reply->arg = arg;
	reply->due_ns = budget->last_due_ns;
	*budget->queue_end = reply;
	budget->queue_end = &reply->next;
	condition_signal(&budget->wake);
	lock_release(&budget->lock);
	return false;
}

void budget_note_stored(struct cache *cache, uint64_t bytes)
{
	struct budget *budget = cache->budget;
	int64_t now = clock_boot_ns();
	int64_t elapsed;

	if (!budget)
		return;
	lock_acquire(&budget->lock);
	budget->stored_in_period += bytes;
	elapsed = now - budget->period_start_ns;
	if (elapsed >= BUDGET_RATE_PERIOD_NS) {
		budget->rate = (uint64_t)((double)budget->stored_in_period * (double)NS_PER_SECOND /
					  (double)elapsed);
		budget->stored_in_period = 0;
		budget->period_start_ns = now;
	}
	condition_signal(&budget->wake);
	lock_release(&budget->lock);
}

/* Takes the first reply if it may go; otherwise waits a while. NULL with
 * *end set when there is none and none will come. */
static struct delayed_reply *next_reply(struct budget *budget, bool *end)
{
	struct delayed_reply *reply;
	uint64_t dirty = dirty_bytes(budget);
	/* With another policy writes are refused instead, before their turn. */
	bool full =
		dirty >= limit_of(budget) && limits_on_full(&budget->cache->limits) == FULL_BLOCK;
	int64_t now = clock_boot_ns();
	int64_t until;

	lock_acquire(&budget->lock);
	reply = budget->queue;
	/* Was it delayed for a need that is over? */
	if (dirty < delay_start(limit_of(budget)))
		budget->last_due_ns = now;
	if (reply && (budget->stopping || (!full && reply->due_ns <= now) ||
		      dirty < delay_start(limit_of(budget)))) {
		budget->queue = reply->next;
		if (!budget->queue)
			budget->queue_end = &budget->queue;
	} else if (budget->stopping) {
		*end = true;
	} else if (!reply) {
		condition_wait(&budget->wake, &budget->lock);
	} else {
		/* Dirty bytes also become fewer without a word, by rm. */
		until = now + BUDGET_RECHECK_NS;
		if (!full && reply->due_ns < until)
			until = reply->due_ns;
		condition_wait_until(&budget->wake, &budget->lock, until);
		reply = NULL;
	}
	lock_release(&budget->lock);
	return reply;
}

static void *budget_thread(void *arg)
{
	struct budget *budget = arg;
	struct delayed_reply *reply;
	bool end = false;

	while (!end) {
		reply = next_reply(budget, &end);
		if (!reply)
			continue;
		reply->fn(reply->arg);
		free(reply);
	}
	return NULL;
}

struct budget *budget_start(struct cache *cache)
{
	struct budget *budget = xcalloc(1, sizeof(*budget));

	budget->cache = cache;
	budget->queue_end = &budget->queue;
	budget->period_start_ns = clock_boot_ns();
	lock_init(&budget->lock, LOCK_RANK_BUDGET);
	condition_init(&budget->wake);
	if (pthread_create(&budget->thread, NULL, budget_thread, budget)) {
		log_error("cannot start a thread to delay replies with: %s", strerror(errno));
		abort();
	}
	return budget;
}

void budget_stop(struct budget *budget)
{
	if (!budget)
		return;
	lock_acquire(&budget->lock);
	budget->stopping = true;
	condition_signal(&budget->wake);
	lock_release(&budget->lock);
	pthread_join(budget->thread, NULL);
	condition_destroy(&budget->wake);
	lock_destroy(&budget->lock);
	free(budget);
}
