/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/crash.h"

#include <assert.h>
#include <stddef.h>

_Atomic(bool) crash_armed;

/* Written while nothing is armed and published by crash_armed. */
static enum crash_point armed_point;
static unsigned int armed_pass;
static crash_fn *armed_fn;
static void *armed_arg;
static _Atomic(unsigned int) passes;

static const struct {
	const char *name;
	const char *text;
} points[] = { { "any", "any of them" },
#define X(name, text) { #name, text },
	       CRASH_POINTS(X)
#undef X
};

void crash_arm(enum crash_point point, unsigned int pass, crash_fn *fn, void *arg)
{
	assert(!atomic_load(&crash_armed));
	armed_point = point;
	armed_pass = pass;
	armed_fn = fn;
	armed_arg = arg;
	atomic_store(&passes, 0);
	atomic_store(&crash_armed, true);
}

void crash_disarm(void)
{
	atomic_store(&crash_armed, false);
}

unsigned int crash_passes(void)
{
	return atomic_load(&passes);
}

const char *crash_point_name(enum crash_point point)
{
	return points[point].name;
}

const char *crash_point_text(enum crash_point point)
{
	return points[point].text;
}

void crash_point_reached(enum crash_point point)
{
	unsigned int pass;

	/* Pairs with the store of crash_arm(): its fields are visible. */
	if (!atomic_load(&crash_armed))
		return;
	if (armed_point != CRASH_ANY && armed_point != point)
		return;
	pass = atomic_fetch_add(&passes, 1) + 1;
	if (!armed_pass || pass == armed_pass)
		armed_fn(point, armed_arg);
}
