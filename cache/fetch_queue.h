/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that wait for a thread of fetch.c: those that a reader waits for, and
 * behind them those ahead of a reader.
 *
 *	job        is                               taken
 *	URGENT     waited for                       first, in order
 *	AHEAD      guessed                          when no URGENT one is there, and
 *	                                            fewer than ahead_max are RUNNING
 *	RUNNING    a thread's
 *
 * An AHEAD job becomes URGENT when a reader comes to wait for one of its
 * chunks; it can be cancelled until then. So guesses cost a reader at most the
 * bandwidth of those that run. The lock of fetch.c guards everything here.
 */
#ifndef DRAY_CACHE_FETCH_QUEUE_H
#define DRAY_CACHE_FETCH_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/fetch_job.h"

struct fetch_list {
	struct fetch_job *first;
	struct fetch_job **end;
};

struct fetch_queue {
	struct fetch_list urgent;
	struct fetch_list ahead;
	unsigned int ahead_max;
	unsigned int ahead_running;
	_Atomic uint64_t ahead_bytes; /* raw, of guesses that wait or run; anyone may look */
};

void fetch_queue_init(struct fetch_queue *queue, unsigned int ahead_max);
/* Puts a job in; guessed tells whether it is AHEAD, then owner may cancel it. */
void fetch_queue_add(struct fetch_queue *queue, struct fetch_job *job, bool guessed,
		     const void *owner);
/* A reader waits for it. */
void fetch_queue_hurry(struct fetch_queue *queue, struct fetch_job *job);
/* The next to run; NULL: none. */
struct fetch_job *fetch_queue_take(struct fetch_queue *queue);
/* It ran. */
void fetch_queue_done(struct fetch_queue *queue, struct fetch_job *job);
/* Takes out an AHEAD job of this owner (NULL: of any); NULL: there is none. */
struct fetch_job *fetch_queue_cancel(struct fetch_queue *queue, const void *owner);

#endif
