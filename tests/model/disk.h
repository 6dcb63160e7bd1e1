/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk below the cache of a run: what comes through backend/base/disk.h.
 *
 * It can stop at one instant, as a killed process does: from then on nothing
 * changes any more. It can fail calls, drawn from a seed. And it remembers what
 * was not made durable, so that a power cut can take a part of that back: of
 * data any sectors, of names the newest. What was written
 * before a failed sync is never durable, whatever a later sync says.
 *
 * LMDB's own writes are beside it: its transactions are committed or not.
 */
#ifndef DRAY_TESTS_MODEL_DISK_H
#define DRAY_TESTS_MODEL_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/disk.h"

enum disk_trouble {
	TROUBLE_NONE,
	TROUBLE_ERRORS, /* now and then EIO or ENOSPC, and short writes */
	TROUBLE_FULL,	/* after a while there is no space left */
	TROUBLE_BROKEN, /* after a while every change is an EIO */
	TROUBLES
};

/* For a cache in this directory. */
void model_disk_start(const char *directory);
/* Forgets everything; the cache is closed. */
void model_disk_stop(void);

void model_disk_freeze(void);
/* Works again, without trouble. The cache is closed. */
void model_disk_thaw(void);
/* Takes back a random part of what is not durable. The cache is closed. */
void model_disk_cut(uint64_t seed);
/* Nothing can be taken back any more: it is another disk. */
void model_disk_forget(void);

void model_disk_trouble(enum disk_trouble trouble, uint64_t seed);
/* Calls that were made to fail, of each kind, since the start. */
uint64_t model_disk_faults(enum disk_call call);
/* A sync of a segment or of the journal failed since the last thaw. */
bool model_disk_lost_a_sync(void);

#endif
