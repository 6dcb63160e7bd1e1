/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/crash.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

_Atomic(bool) crash_armed;

/* Written while nothing is armed and published by crash_armed. */
static const char *armed_name;
static unsigned int armed_pass;
static crash_fn *armed_fn;
static void *armed_arg;
static _Atomic(unsigned int) passes;

void crash_arm(const char *name, unsigned int pass, crash_fn *fn, void *arg)
{
	assert(!atomic_load(&crash_armed));
	assert(pass > 0);
	armed_name = name;
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

void crash_point_reached(const char *name)
{
	/* Pairs with the store of crash_arm(): its fields are visible. */
	if (!atomic_load(&crash_armed))
		return;
	if (armed_name && strcmp(armed_name, name) != 0)
		return;
	if (atomic_fetch_add(&passes, 1) + 1 == armed_pass)
		armed_fn(name, armed_arg);
}
