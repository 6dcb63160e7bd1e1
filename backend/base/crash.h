/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash points: named places between two steps that must survive the end of
 * the process there. A test arms one (or all), runs, and its hook ends the
 * process or counts; then it opens what is left and looks. They are listed in
 * crash_points.h.
 *
 *	CRASH_POINT(commit_after_put);
 *
 * Nothing is armed outside of tests: a point costs one load.
 */
#ifndef DRAY_BASE_CRASH_H
#define DRAY_BASE_CRASH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "backend/base/crash_points.h"

enum crash_point {
	CRASH_ANY,
#define X(name, text) CRASH_##name,
	CRASH_POINTS(X)
#undef X
		CRASH_POINTS_END
};

/* Called at the point by the thread that got there; it may end the process
 * or return. */
typedef void crash_fn(enum crash_point point, void *arg);

extern _Atomic(bool) crash_armed;

#define CRASH_POINT(name)                                                     \
	do {                                                                  \
		if (atomic_load_explicit(&crash_armed, memory_order_relaxed)) \
			crash_point_reached(CRASH_##name);                    \
	} while (0)

/*
 * Calls fn when this point (CRASH_ANY: any) is reached for the pass-th time
 * from now on (1: the first; 0: each time).
 */
void crash_arm(enum crash_point point, unsigned int pass, crash_fn *fn, void *arg);
void crash_disarm(void);
/* How often points that match were reached since crash_arm(). */
unsigned int crash_passes(void);
const char *crash_point_name(enum crash_point point);
/* What has just happened there. */
const char *crash_point_text(enum crash_point point);
/* For CRASH_POINT() only. */
void crash_point_reached(enum crash_point point);

#endif
