/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/log_ahead.h"

#include <stdio.h>
#include <stdlib.h>

#include "backend/base/error.h"
#include "backend/base/lock.h"

struct ahead_slot {
	bool done;
	int result;
	char message[512]; /* of the result */
	struct log_entry entry;
};

struct log_ahead {
	struct cache *cache;
	pthread_t threads[LOG_AHEAD];

	struct lock lock;
	struct condition changed;
	/* guarded by lock */
	bool stopping;
	uint64_t next_get;		    /* seq that nobody gets yet */
	uint64_t next_take;		    /* seq of the caller's next */
	uint64_t end;			    /* a seq that cannot be had; UINT64_MAX: none known */
	struct ahead_slot slots[LOG_AHEAD]; /* by seq; a thread's while it gets */
};

static struct ahead_slot *slot_of(struct log_ahead *ahead, uint64_t seq)
{
	return &ahead->slots[seq % LOG_AHEAD];
}

static bool may_get_locked(const struct log_ahead *ahead)
{
	lock_assert_held(&ahead->lock);
	return ahead->next_get < ahead->next_take + LOG_AHEAD && ahead->next_get < ahead->end;
}

static void *ahead_main(void *arg)
{
	struct log_ahead *ahead = arg;

	lock_acquire(&ahead->lock);
	while (!ahead->stopping) {
		struct ahead_slot *slot;
		uint64_t seq;

		if (!may_get_locked(ahead)) {
			condition_wait(&ahead->changed, &ahead->lock);
			continue;
		}
		seq = ahead->next_get++;
		slot = slot_of(ahead, seq);
		lock_release(&ahead->lock);
		slot->result = log_get(ahead->cache, seq, &slot->entry);
		if (slot->result)
			snprintf(slot->message, sizeof(slot->message), "%s",
				 err_message(slot->result));
		lock_acquire(&ahead->lock);
		slot->done = true;
		if (slot->result && seq < ahead->end)
			ahead->end = seq;
		condition_broadcast(&ahead->changed);
	}
	lock_release(&ahead->lock);
	return NULL;
}

struct log_ahead *log_ahead_start(struct cache *cache, uint64_t seq)
{
	struct log_ahead *ahead = xcalloc(1, sizeof(*ahead));
	int i;

	ahead->cache = cache;
	ahead->next_get = ahead->next_take = seq;
	ahead->end = UINT64_MAX;
	lock_init(&ahead->lock, LOCK_RANK_LEAF);
	condition_init(&ahead->changed);
	for (i = 0; i < LOG_AHEAD; i++)
		if (pthread_create(&ahead->threads[i], NULL, ahead_main, ahead))
			abort(); /* out of threads, as out of memory */
	return ahead;
}

void log_ahead_stop(struct log_ahead *ahead)
{
	int i;

	if (!ahead)
		return;
	lock_acquire(&ahead->lock);
	ahead->stopping = true;
	condition_broadcast(&ahead->changed);
	lock_release(&ahead->lock);
	for (i = 0; i < LOG_AHEAD; i++)
		pthread_join(ahead->threads[i], NULL);
	for (i = 0; i < LOG_AHEAD; i++)
		if (ahead->slots[i].done && !ahead->slots[i].result)
			log_entry_release(&ahead->slots[i].entry);
	condition_destroy(&ahead->changed);
	lock_destroy(&ahead->lock);
	free(ahead);
}

int log_ahead_next(struct log_ahead *ahead, struct log_entry *out)
{
	struct ahead_slot *slot;
	int result;

	lock_acquire(&ahead->lock);
	slot = slot_of(ahead, ahead->next_take);
	while (!slot->done)
		condition_wait(&ahead->changed, &ahead->lock);
	result = slot->result;
	if (!result) {
		*out = slot->entry;
		slot->done = false;
		ahead->next_take++;
		condition_broadcast(&ahead->changed);
	}
	lock_release(&ahead->lock);
	return result && result != -ENOENT ? err_set(result, "%s", slot->message) : result;
}
