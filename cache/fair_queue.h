/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue in which flows (files) share what is handed out by the byte, however
 * much each of them asks for: start-time fair queueing. Each item has a virtual
 * start, that of the moment or the end of what its flow asked for before, and
 * items go in the order of their starts. So a flow that asks for little waits
 * for one item of each other flow at most, not for all that they have queued.
 *
 * A flow that has nothing queued is remembered for a while (the newest of those
 * that share a place in a small table): asking again and again, one item at a
 * time, is no way past the others.
 *
 * Pure; the caller locks. Items are the caller's memory.
 */
#ifndef DRAY_CACHE_FAIR_QUEUE_H
#define DRAY_CACHE_FAIR_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#define FAIR_QUEUE_REMEMBERED 64

struct fair_item {
	/* given */
	uint64_t flow;
	uint64_t bytes;
	/* the queue's */
	uint64_t start;
	struct fair_item *next;
};

struct fair_queue {
	struct fair_item *first; /* ascending starts */
	uint64_t now;		 /* start of the item that was taken last */
	uint64_t bytes;		 /* of all items */
	struct {
		uint64_t flow;
		uint64_t end;
	} remembered[FAIR_QUEUE_REMEMBERED];
};

/* All zeros is an empty queue. */
void fair_queue_add(struct fair_queue *queue, struct fair_item *item);
/* Whose turn it is; NULL when nobody waits. It stays. */
struct fair_item *fair_queue_first(const struct fair_queue *queue);
/* Removes the first, of which there must be one. */
struct fair_item *fair_queue_take(struct fair_queue *queue);

#endif
