/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting ahead: things with consecutive numbers, each of which takes a round
 * trip and some work to get, are got by several threads at once, while the
 * caller takes them in order and works on one. As many are held as there are
 * threads.
 *
 * Nothing is got behind the first that cannot be had. Locks: LEAF, never
 * across a get.
 */
#ifndef DRAY_CACHE_AHEAD_H
#define DRAY_CACHE_AHEAD_H

#include <stddef.h>
#include <stdint.h>

struct ahead;

struct ahead_conf {
	uint64_t first;
	uint64_t last; /* UINT64_MAX: until one cannot be had */
	unsigned int threads;
	size_t item_size;
	/* Gets the thing of this number into item_size bytes. Any thread. */
	int (*get)(void *arg, uint64_t number, void *item_out);
	/* Releases what get() made, for those that nobody takes. */
	void (*release)(void *item);
	void *arg;
};

struct ahead *ahead_start(const struct ahead_conf *conf);
/* Drops what was not taken. NULL is allowed. */
void ahead_stop(struct ahead *ahead);
/*
 * The next thing, which is the caller's from then on: what get() returned.
 * Behind conf.last: -ENOENT. To be stopped after an error.
 */
int ahead_next(struct ahead *ahead, void *item_out);

#endif
