/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view: which memtables lie over LMDB, at one moment.
 *
 * tables[0] is the active memtable (the only one that still changes), then
 * the frozen ones, newest to oldest. A view never changes; the index swaps
 * in another one (index_int.h). It holds a reference on each memtable, and
 * readers hold one on the view.
 *
 * A reader takes the view first, then an LMDB read transaction: a memtable
 * that left the view is in LMDB by then. In the other order it could miss
 * the rows that were applied in between.
 */
#ifndef DRAY_CACHE_INDEX_VIEW_H
#define DRAY_CACHE_INDEX_VIEW_H

#include <stdatomic.h>

#include "cache/memtable.h"

struct index_table {
	struct memtable *memtable;
	uint64_t last_lsn; /* of a frozen one */
};

struct index_view {
	atomic_uint references;
	size_t count; /* at least 1 */
	struct index_table tables[];
};

/* One empty active memtable. */
struct index_view *index_view_new(void);
struct index_view *index_view_get(struct index_view *view);
void index_view_put(struct index_view *view);
/* A view with a new active memtable; that of `view` is its newest frozen. */
struct index_view *index_view_freeze(const struct index_view *view, uint64_t last_lsn);
/* A view without the `count` oldest frozen memtables, which there are. */
struct index_view *index_view_drop_oldest(const struct index_view *view, size_t count);

/* The newest value or tombstone in tables[first] and older, or NULL. */
const struct memtable_value *index_view_find(const struct index_view *view, size_t first,
					     const void *key, size_t key_length);

#endif
