/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/ahead.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"

struct ahead_slot {
	bool done;
	int result;
	char message[512]; /* of the result */
	void *item;
};

struct ahead {
	/* immutable */
	struct ahead_conf conf;
	pthread_t *threads;

	struct lock lock;
	struct condition changed;
	/* guarded by lock */
	bool stopping;
	uint64_t next_get;	  /* number that nobody gets yet */
	uint64_t next_take;	  /* number of the caller's next */
	uint64_t end;		  /* a number that cannot be had, or is not wanted */
	struct ahead_slot *slots; /* by number; a thread's while it gets */
};

static struct ahead_slot *slot_of(struct ahead *ahead, uint64_t number)
{
	return &ahead->slots[number % ahead->conf.threads];
}

static bool may_get_locked(const struct ahead *ahead)
{
	lock_assert_held(&ahead->lock);
	return ahead->next_get < ahead->next_take + ahead->conf.threads &&
	       ahead->next_get < ahead->end;
}

static void *ahead_main(void *arg)
{
	struct ahead *ahead = arg;

	lock_acquire(&ahead->lock);
	while (!ahead->stopping) {
		struct ahead_slot *slot;
		uint64_t number;

		if (!may_get_locked(ahead)) {
			condition_wait(&ahead->changed, &ahead->lock);
			continue;
		}
		number = ahead->next_get++;
		slot = slot_of(ahead, number);
		lock_release(&ahead->lock);
		slot->result = ahead->conf.get(ahead->conf.arg, number, slot->item);
		if (slot->result)
			snprintf(slot->message, sizeof(slot->message), "%s",
				 err_message(slot->result));
		lock_acquire(&ahead->lock);
		slot->done = true;
		if (slot->result && number < ahead->end)
			ahead->end = number;
		condition_broadcast(&ahead->changed);
	}
	lock_release(&ahead->lock);
	return NULL;
}

struct ahead *ahead_start(const struct ahead_conf *conf)
{
	struct ahead *ahead = xcalloc(1, sizeof(*ahead));
	unsigned int i;

	ahead->conf = *conf;
	ahead->threads = xcalloc(conf->threads, sizeof(*ahead->threads));
	ahead->slots = xcalloc(conf->threads, sizeof(*ahead->slots));
	ahead->next_get = ahead->next_take = conf->first;
	ahead->end = conf->last < UINT64_MAX ? conf->last + 1 : conf->last;
	lock_init(&ahead->lock, LOCK_RANK_LEAF);
	condition_init(&ahead->changed);
	for (i = 0; i < conf->threads; i++)
		ahead->slots[i].item = xcalloc(1, conf->item_size);
	for (i = 0; i < conf->threads; i++)
		if (pthread_create(&ahead->threads[i], NULL, ahead_main, ahead))
			abort(); /* out of threads, as out of memory */
	return ahead;
}

void ahead_stop(struct ahead *ahead)
{
	unsigned int i;

	if (!ahead)
		return;
	lock_acquire(&ahead->lock);
	ahead->stopping = true;
	condition_broadcast(&ahead->changed);
	lock_release(&ahead->lock);
	for (i = 0; i < ahead->conf.threads; i++)
		pthread_join(ahead->threads[i], NULL);
	for (i = 0; i < ahead->conf.threads; i++) {
		if (ahead->slots[i].done && !ahead->slots[i].result)
			ahead->conf.release(ahead->slots[i].item);
		free(ahead->slots[i].item);
	}
	condition_destroy(&ahead->changed);
	lock_destroy(&ahead->lock);
	free(ahead->threads);
	free(ahead->slots);
	free(ahead);
}

int ahead_next(struct ahead *ahead, void *item_out)
{
	struct ahead_slot *slot;
	int result;

	if (ahead->conf.last < UINT64_MAX && ahead->next_take > ahead->conf.last)
		return -ENOENT;
	lock_acquire(&ahead->lock);
	slot = slot_of(ahead, ahead->next_take);
	while (!slot->done)
		condition_wait(&ahead->changed, &ahead->lock);
	result = slot->result;
	if (!result) {
		memcpy(item_out, slot->item, ahead->conf.item_size);
		slot->done = false;
		ahead->next_take++;
		condition_broadcast(&ahead->changed);
	}
	lock_release(&ahead->lock);
	return result && result != -ENOENT ? err_set(result, "%s", slot->message) : result;
}
