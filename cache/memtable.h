/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memtable: an ordered map of rows in memory, the newest part of the index.
 *
 * A skip list (Pugh 1990) whose nodes and values come from an arena: nothing
 * is freed before the whole table is. An erased key stays as a tombstone,
 * which hides the row of the tables below.
 *
 *	who                     may
 *	one writer at a time    insert and erase (the index: under INDEX)
 *	any number of readers   find and walk, without a lock, at any time
 *
 * A node is complete before a release store links it; replacing a value
 * swaps one pointer. So a reader sees each row in its old or its new state,
 * and what it holds stays valid as long as it holds a reference.
 *
 * References: memtable_new() gives one, memtable_get() adds one, the last
 * memtable_put() frees the table.
 */
#ifndef DRAY_CACHE_MEMTABLE_H
#define DRAY_CACHE_MEMTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memtable;
struct memtable_node;

struct memtable_value {
	uint32_t length;
	bool deleted; /* a tombstone; length is 0 */
	uint8_t bytes[];
};

struct memtable_cursor {
	const struct memtable_node *node; /* NULL: at the end */
};

struct memtable *memtable_new(void);
struct memtable *memtable_get(struct memtable *table);
void memtable_put(struct memtable *table);

/* Both return the value that was there before, or NULL. */
const struct memtable_value *memtable_insert(struct memtable *table, const void *key,
					     size_t key_length, const void *value,
					     size_t value_length);
const struct memtable_value *memtable_erase(struct memtable *table, const void *key,
					    size_t key_length);

/* The value or tombstone of key, or NULL when this table knows nothing. */
const struct memtable_value *memtable_find(const struct memtable *table, const void *key,
					   size_t key_length);

/* Bytes allocated, replaced values included; any thread. */
size_t memtable_bytes(const struct memtable *table);
/* Keys, tombstones included; any thread. */
size_t memtable_count(const struct memtable *table);

/* Goes to the first key >= key; an empty key is the first of all. */
void memtable_seek(const struct memtable *table, const void *key, size_t key_length,
		   struct memtable_cursor *out);
/* To the next key; the cursor is not at the end. */
void memtable_next(struct memtable_cursor *cursor);
const uint8_t *memtable_key(const struct memtable_cursor *cursor, size_t *length_out);
const struct memtable_value *memtable_value(const struct memtable_cursor *cursor);

#endif
