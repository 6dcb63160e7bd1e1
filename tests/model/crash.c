/* SPDX-License-Identifier: Apache-2.0 */
/* Ends at crash points: which one is next, and which were hit. */
#include <stdio.h>

#include "backend/base/crash.h"
#include "tests/model/run.h"

/* Over all runs of this process. */
static unsigned int hits[CRASH_POINTS_END];
static enum crash_point armed;

/* The thread goes on, but nothing that it does is seen any more. */
static void die(enum crash_point point, void *arg)
{
	struct run *run = arg;

	model_disk_freeze();
	run_store_down(run);
	hits[point]++;
	atomic_store(&run->crashed, true);
}

/* Where a point is reached. */
static enum crash_place place_of(enum crash_point point)
{
	if (point >= CRASH_restore_loaded && point <= CRASH_restore_applied)
		return CRASH_AT_RESTORE;
	if (point >= CRASH_restore_followed ||
	    (point >= CRASH_replay_judged && point <= CRASH_fence_claimed))
		return CRASH_AT_OPEN;
	return CRASH_IN_OPERATIONS;
}

/* The first change after an open begins a file of the journal. */
static bool is_shared(enum crash_point point)
{
	return point >= CRASH_journal_file_made && point <= CRASH_segment_unlinked;
}

static bool fits(const struct run *run, enum crash_point point, enum crash_place place)
{
	enum crash_place own = place_of(point);

	if (point >= CRASH_identity_written && !run->cloud)
		return false;
	if (is_shared(point))
		return true;
	return own == place || (place == CRASH_AT_RESTORE && own == CRASH_AT_OPEN);
}

/* Any, or of some the one with the fewest hits. */
static enum crash_point choose(struct run *run, enum crash_place place)
{
	unsigned int tries = 1 + (unsigned int)run_random(run, 12);
	enum crash_point best = CRASH_ANY;

	while (tries) {
		enum crash_point point =
			(enum crash_point)(1 + run_random(run, CRASH_POINTS_END - 1));

		if (!fits(run, point, place))
			continue;
		if (best == CRASH_ANY || hits[point] < hits[best])
			best = point;
		tries--;
	}
	return best;
}

void run_arm(struct run *run, enum crash_place place)
{
	unsigned int pass = 1;

	armed = choose(run, place);
	/* What is seldom reached, or never was, is taken at once. */
	while (hits[armed] > 1 && run_random(run, 3) && pass < 100)
		pass += pass / 2 + 1;
	run_trace(run, "crash point %s, pass %u", crash_point_name(armed), pass);
	crash_arm(armed, pass, die, run);
}

void run_disarm(void)
{
	crash_disarm();
	armed = CRASH_ANY;
}

bool run_is_armed(void)
{
	return armed != CRASH_ANY;
}

bool run_armed_at_checkpoint(void)
{
	return armed >= CRASH_index_frozen && armed <= CRASH_index_dropped;
}

bool run_report_crashes(bool cloud)
{
	enum crash_point point;
	bool all = true;

	for (point = CRASH_ANY + 1; point < CRASH_POINTS_END; point++) {
		if (point >= CRASH_identity_written && !cloud)
			continue;
		printf("%6u  %s: %s\n", hits[point], crash_point_name(point),
		       crash_point_text(point));
		if (!hits[point])
			fprintf(stderr, "no run ended at crash point %s\n",
				crash_point_name(point));
		all = all && hits[point];
	}
	return all;
}
