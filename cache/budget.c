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
#include "cache/pace.h"
#include "cache/space.h"

/* Room also comes about without a word: by rm, by eviction. */
#define RECHECK_NS (20 * NS_PER_MS)
/* Packs that are acknowledged within that time came in one lump. */
#define LUMP_GAP_NS (300 * NS_PER_MS)

struct budget {
	/* immutable */
	struct cache *cache;
	pthread_t thread;
	struct lock lock;
	struct condition wake;
	_Atomic uint64_t reserved; /* by writes under way */
	/* guarded by lock */
	bool stopping;
	struct fair_queue queue;
	struct pace_gate gate;
	struct pace_meter meter;
	int64_t stored_ns; /* when the newest pack was acknowledged */
	uint64_t lump;	   /* the newest, still growing perhaps */
	uint64_t lump_before;
};

static bool is_blocking(struct budget *budget)
{
	return limits_on_full(&budget->cache->limits) == FULL_BLOCK;
}

int io_budget_refuse(struct cache *cache, bool opening)
{
	struct space space;

	space_get(cache, &space);
	return limits_refuse(&cache->limits, space.dirty_bytes, opening);
}

/* Room. */

static bool has_room(struct budget *budget, const struct space *space, uint64_t bytes)
{
	if (is_blocking(budget) && space->dirty_bytes + bytes > space->dirty_limit)
		return false;
	if (space->data_bytes + bytes <= space->data_limit)
		return true;
	evict_wake(budget->cache);
	return false;
}

bool io_budget_take_room(struct cache *cache, size_t length)
{
	struct budget *budget = cache->budget;
	uint64_t reserved = atomic_fetch_add(&budget->reserved, length) + length;
	struct space space;

	space_get(cache, &space);
	if (has_room(budget, &space, reserved))
		return true;
	atomic_fetch_sub(&budget->reserved, length);
	return false;
}

void io_budget_return_room(struct cache *cache, size_t length)
{
	atomic_fetch_sub(&cache->budget->reserved, length);
}

/* Turns. */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes a second that writers may bring in now. */
static uint64_t pace_locked(struct budget *budget, const struct space *space)
{
	uint64_t rate = pace_meter_rate(&budget->meter);
	uint64_t lump = budget->lump > budget->lump_before ? budget->lump : budget->lump_before;
	uint64_t credit = pace_credit(lump, rate, clock_boot_ns() - budget->stored_ns);
	uint64_t pace;

	lock_assert_held(&budget->lock);
	credit = least(credit, pace_zone(space->dirty_limit) / 2);
	credit = least(credit, space->dirty_bytes);
	pace = least(pace_rate(space->dirty_bytes - credit, space->dirty_limit, rate),
		     pace_rate(space->kept_bytes, space->data_limit, rate));
	if (pace < BUDGET_RATE_REFUSING && !is_blocking(budget))
		pace = BUDGET_RATE_REFUSING;
	return pace;
}

bool io_budget_must_wait(struct cache *cache, struct io_turn *turn)
{
	struct budget *budget = cache->budget;
	struct space space;
	bool waits;

	space_get(cache, &space);
	lock_acquire(&budget->lock);
	waits = !budget->stopping &&
		(turn->needs_room || pace_locked(budget, &space) != UINT64_MAX);
	if (waits) {
		fair_queue_add(&budget->queue, &turn->item);
		condition_signal(&budget->wake);
	} else if (turn->needs_room) {
		atomic_fetch_add(&budget->reserved, turn->item.bytes);
	}
	lock_release(&budget->lock);
	return waits;
}

void budget_note_stored(struct cache *cache, uint64_t bytes, int64_t busy_ns)
{
	struct budget *budget = cache->budget;
	int64_t now = clock_boot_ns();

	if (!budget)
		return;
	lock_acquire(&budget->lock);
	pace_meter_note(&budget->meter, bytes, busy_ns);
	if (now - budget->stored_ns > LUMP_GAP_NS) {
		budget->lump_before = budget->lump;
		budget->lump = 0;
	}
	budget->lump += bytes;
	budget->stored_ns = now;
	condition_signal(&budget->wake);
	lock_release(&budget->lock);
}

static struct io_turn *turn_of(struct fair_item *item)
{
	return (struct io_turn *)((char *)item - offsetof(struct io_turn, item));
}

/* How long until the first's turn: 0, now, with its room reserved. */
static int64_t wait_of_first_locked(struct budget *budget, const struct space *space)
{
	struct fair_item *item = fair_queue_first(&budget->queue);
	bool needs_room = turn_of(item)->needs_room;
	int64_t wait;

	lock_assert_held(&budget->lock);
	if (budget->stopping)
		return 0;
	if (needs_room && !has_room(budget, space, atomic_load(&budget->reserved) + item->bytes))
		return RECHECK_NS;
	wait = pace_gate_try(&budget->gate, clock_boot_ns(), pace_locked(budget, space),
			     item->bytes);
	return wait < RECHECK_NS ? wait : RECHECK_NS;
}

/* Waits for the next turn; NULL with *end set when none will come. */
static struct io_turn *next_turn(struct budget *budget, bool *end)
{
	struct io_turn *turn = NULL;
	struct space space;
	int64_t wait;

	space_get(budget->cache, &space);
	lock_acquire(&budget->lock);
	if (!fair_queue_first(&budget->queue)) {
		*end = budget->stopping;
		if (!*end)
			condition_wait(&budget->wake, &budget->lock);
	} else if ((wait = wait_of_first_locked(budget, &space))) {
		condition_wait_until(&budget->wake, &budget->lock, clock_boot_ns() + wait);
	} else {
		turn = turn_of(fair_queue_take(&budget->queue));
		if (turn->needs_room)
			atomic_fetch_add(&budget->reserved, turn->item.bytes);
	}
	lock_release(&budget->lock);
	return turn;
}

static void *budget_thread(void *arg)
{
	struct budget *budget = arg;
	struct io_turn *turn;
	bool end = false;

	while (!end) {
		turn = next_turn(budget, &end);
		if (turn)
			turn->fn(turn);
	}
	return NULL;
}

struct budget *budget_start(struct cache *cache)
{
	struct budget *budget = xcalloc(1, sizeof(*budget));

	budget->cache = cache;
	lock_init(&budget->lock, LOCK_RANK_BUDGET);
	condition_init(&budget->wake);
	space_update(cache);
	if (pthread_create(&budget->thread, NULL, budget_thread, budget)) {
		log_error("cannot start a thread to pace writers with: %s", strerror(errno));
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
