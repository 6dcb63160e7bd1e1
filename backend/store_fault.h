/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store for tests that makes the calls to the store below, which it owns,
 * fail: at random from a seed, at a given call, or all of them.
 *
 * The same seed and the same order of calls give the same faults.
 */
#ifndef DRAY_STORE_FAULT_H
#define DRAY_STORE_FAULT_H

#include "backend/store.h"

enum store_operation {
	STORE_PUT,
	STORE_GET,
	STORE_HEAD,
	STORE_REMOVE,
	STORE_LIST,
	STORE_OPERATIONS
};

/* Probabilities, 0 to 1, of each fault in one call. */
struct store_fault_rates {
	double unreachable; /* not carried out: -ERR_store_unreachable */
	double busy;	    /* not carried out: -ERR_store_busy, an HTTP 503 */
	double reply_lost;  /* carried out, then -ERR_store_timeout; a list breaks off midway */
	double delay;	    /* sleeps up to delay_max_ns first */
	double short_get;   /* get returns 0, with a part of the end missing */
	double bit_flip;    /* get returns 0, with one bit wrong */
};

struct store_fault_conf {
	uint64_t seed;
	int64_t delay_max_ns;
	struct store_fault_rates rates[STORE_OPERATIONS];
	bool careless; /* conditional puts are done without their condition */
};

/* Never fails; owns below. */
struct store *store_fault_new(struct store *below, const struct store_fault_conf *conf);

/* Replaces the rates of all operations; the seed is not set anew. */
void store_fault_set_rates(struct store *store, const struct store_fault_rates *rates);

/* While down, every call fails with -ERR_store_unreachable, not carried out. */
void store_fault_set_down(struct store *store, bool down);

/* Goes down by itself after this many more calls that were carried out. */
void store_fault_set_down_after(struct store *store, uint64_t calls);

/* How many faults were made, delays not counted. */
uint64_t store_fault_count(struct store *store);

#endif
