/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several memtables as one: their rows in key order, of each key the value in
 * the newest table that knows it. Tombstones are yielded as well.
 *
 * The tables must not change meanwhile (frozen ones do not); the caller's
 * references keep them.
 */
#ifndef DRAY_CACHE_MEMTABLE_MERGE_H
#define DRAY_CACHE_MEMTABLE_MERGE_H

#include "cache/memtable.h"

struct memtable_merge;

struct memtable_merge *memtable_merge_new(void);
void memtable_merge_free(struct memtable_merge *merge);
/* Adds a table, newest first, before the first memtable_merge_next(). */
void memtable_merge_add(struct memtable_merge *merge, const struct memtable *table);
/* The next row, or NULL at the end. The pointers are into the tables. */
const struct memtable_value *memtable_merge_next(struct memtable_merge *merge, const uint8_t **key,
						 size_t *key_length);

#endif
