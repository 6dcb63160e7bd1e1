/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing what no restore and no follower can need any more.
 *
 *	roots       r0 ... b ... r(n-2) r(n-1) rn
 *
 * b, the base, is the newest root that has two newer ones and was made at
 * least 24 h ago (its time, the wall clock of now). Then go
 *
 *	runs that only roots before b name
 *	the roots before b
 *	log/<seq> before that of b, with the parts they name, unless a pack lies
 *	inline in one and the state as of b has a PACK row for it
 *
 * Why this is safe. Whoever restores begins with the newest root; if that was
 * one before b, it began before b was made, more than 24 h ago. A reader that
 * is so far behind meets a missing object, ends below the floor of the lease
 * and is refused, it never takes the gap for the end. When rn is damaged, two
 * older roots and all of the log behind them are there. A PACK row that the
 * state as of b lacks is in no later state: rows of packs do not come back.
 *
 * When one of the roots from b on cannot be read nothing is removed. Each
 * removal asks the fence first: a gateway whose epoch is over removes nothing.
 * The order, and that all of it can be done again, make a crash harmless.
 */
#ifndef DRAY_CACHE_RETENTION_H
#define DRAY_CACHE_RETENTION_H

#include <stdint.h>

#include "backend/base/clock.h"

struct cache;

#define RETENTION_GRACE_NS (24 * 3600 * NS_PER_SECOND)
/* Roots behind the base. */
#define RETENTION_ROOTS 2

struct retention_conf {
	struct cache *cache;
	int64_t now_real_ns;
	/* Called before each object that is got or removed; may wait. Non-zero
	 * ends the work and is returned. NULL: none. */
	int (*pause)(void *arg);
	void *pause_arg;
	uint64_t done_seq; /* a base for which all was done; 0: none known */
};

struct retention_result {
	uint64_t base_seq; /* 0: nothing is old enough */
	uint64_t roots;	   /* removed; likewise the next three */
	uint64_t runs;
	uint64_t commits;
	uint64_t parts;
	uint64_t commits_kept; /* for the pack in them */
};

int retention_run(const struct retention_conf *conf, struct retention_result *result_out);

#endif
