/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash points: named places between two steps that must survive the end of
 * the process there. A test arms one (or all), runs, and its hook ends the
 * process or counts; then it opens what is left and looks.
 *
 *	CRASH_POINT("commit/after-put");
 *
 * Nothing is armed outside of tests: a point costs one load.
 */
#ifndef DRAY_BASE_CRASH_H
#define DRAY_BASE_CRASH_H

#include <stdatomic.h>
#include <stdbool.h>

/* Called at the point by the thread that got there; it may end the process
 * or return. */
typedef void crash_fn(const char *name, void *arg);

extern _Atomic(bool) crash_armed;

#define CRASH_POINT(name)                                                     \
	do {                                                                  \
		if (atomic_load_explicit(&crash_armed, memory_order_relaxed)) \
			crash_point_reached(name);                            \
	} while (0)

/*
 * Calls fn when a point of this name (NULL: any) is reached for the pass-th
 * time from now on (1: the first). The name must outlive the arming.
 */
void crash_arm(const char *name, unsigned int pass, crash_fn *fn, void *arg);
void crash_disarm(void);
/* How often points that match were reached since crash_arm(). */
unsigned int crash_passes(void);
/* For CRASH_POINT() only. */
void crash_point_reached(const char *name);

#endif
