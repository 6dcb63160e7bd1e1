/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one seed's random operations on the model (tree.h) and on a cache,
 * which have to agree after each.
 */
#ifndef DRAY_TESTS_MODEL_RUN_H
#define DRAY_TESTS_MODEL_RUN_H

#include "cache/cache_int.h"
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
	int64_t before_ns; /* when the operation began */
	char trace[RUN_TRACE_LINES][RUN_TRACE_WIDTH];
	unsigned int traced;
};

/* Removes and makes directory/, then runs. Ends the process when they disagree. */
void run_seed(uint64_t seed, unsigned int operations, const char *directory, bool verbose);

/* Notes what the operation does; printed when the run fails. */
void run_trace(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the trace, the seed and how to repeat it, and ends the process. */
_Noreturn void run_fail(struct run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t run_random(struct run *run, uint64_t limit);

/* operations.c: one random operation on both. */
void run_operation(struct run *run);
/* The kernel's part of an inode's death, in the cache: ns_forget(). */
void run_collect(struct run *run);

/* compare.c: the touched files only; all; what must hold inside the index. */
void run_check_touched(struct run *run);
void run_compare(struct run *run);
void run_check_rows(struct run *run);

#endif
