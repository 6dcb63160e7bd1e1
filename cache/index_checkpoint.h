/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpointer: frozen memtables into LMDB, oldest first, in synced
 * transactions on a thread of its own (steps in index.h). When several wait they
 * are merged into one transaction (two full ones at most): rows that lie on the
 * same page of LMDB then cost one copy and one write of it.
 *
 * When the disk is full it tries again each second: nothing is lost, commits
 * slow down meanwhile. Any other failure makes the index read-only.
 */
#ifndef DRAY_CACHE_INDEX_CHECKPOINT_H
#define DRAY_CACHE_INDEX_CHECKPOINT_H

#include "cache/index_int.h"

/* Makes the active memtable a frozen one, unless it is empty. */
void index_freeze_locked(struct index *index);
/* Applies the oldest frozen memtables; there is one. Not on two threads. */
int index_checkpoint_frozen(struct index *index);

void index_checkpointer_start(struct index *index);
/* Stops the thread; frozen memtables may be left. */
void index_checkpointer_stop(struct index *index);

#endif
