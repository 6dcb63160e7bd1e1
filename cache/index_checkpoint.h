/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpointer: frozen memtables into LMDB, oldest first, one synced
 * transaction each, on a thread of its own (steps in index.h).
 *
 * When the disk is full it tries again each second: nothing is lost, commits
 * slow down meanwhile. Any other failure makes the index read-only.
 */
#ifndef DRAY_CACHE_INDEX_CHECKPOINT_H
#define DRAY_CACHE_INDEX_CHECKPOINT_H

#include "cache/index_int.h"

/* Makes the active memtable a frozen one, unless it is empty. */
void index_freeze_locked(struct index *index);
/* Applies the oldest frozen memtable; there is one. Not on two threads. */
int index_checkpoint_oldest(struct index *index);

void index_checkpointer_start(struct index *index);
/* Stops the thread; frozen memtables may be left. */
void index_checkpointer_stop(struct index *index);

#endif
