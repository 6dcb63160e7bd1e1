/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that makes checkpoints (checkpoint.h) and removes what they make
 * superfluous (retention.h), while the volume is in use.
 *
 * A checkpoint is due when, since the newest one,
 *
 *	conf.checkpoint_commits commits were made, or
 *	conf.checkpoint_bytes of rows were committed by this mount, and at least
 *	an eighth of what the runs hold
 *
 * so that a restore reads not much more log than runs, and a large volume is
 * not written over and over. Commits go first: the thread waits before each
 * object while one is being uploaded, though not for ever.
 *
 * A failure is logged and tried again later; -ERR_fenced ends the thread.
 *
 * Locks: LEAF for its own fields, never across the network.
 */
#ifndef DRAY_CACHE_CHECKPOINTER_H
#define DRAY_CACHE_CHECKPOINTER_H

#include <stdbool.h>
#include <stdint.h>

struct cache;
struct checkpointer;

#define CHECKPOINT_COMMITS_DEFAULT 1000
#define CHECKPOINT_BYTES_DEFAULT   (32ull << 20)

/* The policy, as told above. Pure. */
struct checkpoint_load {
	uint64_t commits;    /* since the newest checkpoint */
	uint64_t row_bytes;  /* of rows in them, as far as known */
	uint64_t runs_bytes; /* of that checkpoint's runs */
};
bool checkpoint_is_due(const struct checkpoint_load *load, uint64_t commits_max,
		       uint64_t bytes_max);

struct checkpointer *checkpointer_start(struct cache *cache);
/* Ends what is under way at the next object. NULL is allowed. */
void checkpointer_stop(struct checkpointer *checkpointer);
/* The commit of the newest checkpoint; 0: none, or not looked yet. */
uint64_t checkpointer_seq(struct checkpointer *checkpointer);

#endif
