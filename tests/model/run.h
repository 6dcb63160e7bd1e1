/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one seed's random operations on the model (tree.h) and on a cache,
 * which have to agree after each.
 */
#ifndef DRAY_TESTS_MODEL_RUN_H
#define DRAY_TESTS_MODEL_RUN_H

#include "cache/cache_int.h"
#include "tests/model/history.h"
#include "tests/model/tree.h"

#define RUN_TRACE_LINES 40
#define RUN_TRACE_WIDTH 200

struct run {
	uint64_t seed;
	unsigned int operations;
	unsigned int operation; /* under way, from 1 */
	uint64_t random;
	const char *directory;
	struct cache *cache;
	struct tree tree;
	/* with a store */
	bool cloud;
	char url[64];
	struct volume_params volume;
	struct history *history;
	int64_t before_ns; /* when the operation began */
	char trace[RUN_TRACE_LINES][RUN_TRACE_WIDTH];
	unsigned int traced;
};

struct run_conf {
	uint64_t seed;
	unsigned int operations;
	const char *directory; /* removed and made */
	bool cloud;	       /* with a store in memory, which the machine may be lost to */
	bool verbose;
};

/* Ends the process when model and cache disagree. */
void run_seed(const struct run_conf *conf);

/* Notes what the operation does; printed when the run fails. */
void run_trace(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the trace, the seed and how to repeat it, and ends the process. */
_Noreturn void run_fail(struct run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t run_random(struct run *run, uint64_t limit);

/* place.c: the cache's directory and its bucket. */
void run_place_init(struct run *run);
void run_place_release(struct run *run);
/* Opens the cache: new, or what is there, or, with a store, what is restored. */
void run_open(struct run *run);
void run_close(struct run *run);
/* As kill -9. lost: the directory is gone as well. */
void run_kill(struct run *run, bool lost);

/* operations.c: one random operation on both. */
void run_operation(struct run *run);
/* The kernel's part of an inode's death, in the cache: ns_forget(). */
void run_collect(struct run *run);

/* load.c: the model of what the cache holds. */
void run_load(struct run *run, struct tree *out);

/* compare.c: the touched files only; all; what must hold inside the index. */
void run_check_touched(struct run *run);
void run_compare(struct run *run);
void run_check_rows(struct run *run);

#endif
