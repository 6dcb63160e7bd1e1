/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memtable: an ordered map of rows in memory, the newest part of the index.
 *
 * A skip list (Pugh 1990) whose nodes and values come from an arena: nothing
 * is freed before the whole table is. An erased key stays as a tombstone,
 * which hides the row of the tables below.
 *
 * A row and its DIRTY row are two columns of one node: most changes put both,
 * and searching is what a change costs. Outside this does not show: the key
 * of a DIRTY row is the row's key behind the byte TABLE_DIRTY, which no other
 * table's byte exceeds, so that a walk yields the first column of all nodes,
 * then the second.
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

enum memtable_column { MEMTABLE_ROW, MEMTABLE_DIRTY, MEMTABLE_COLUMNS };

struct memtable_cursor {
	const struct memtable *table;
	const struct memtable_node *node; /* NULL: at the end */
	enum memtable_column column;
};

struct memtable *memtable_new(void);
struct memtable *memtable_get(struct memtable *table);
void memtable_put(struct memtable *table);

/* Writer: replaces the value of the key, which may be that of a DIRTY row. */
void memtable_insert(struct memtable *table, const void *key, size_t key_length, const void *value,
		     size_t value_length);
void memtable_erase(struct memtable *table, const void *key, size_t key_length);

/*
 * Writer, to change a row and its DIRTY row with one search: the node of a
 * key that is not of a DIRTY row, made when there is none.
 */
struct memtable_node *memtable_node(struct memtable *table, const void *key, size_t key_length);
/* The value or tombstone, or NULL when this table knows nothing. */
const struct memtable_value *memtable_node_get(const struct memtable_node *node,
					       enum memtable_column column);
void memtable_node_set(struct memtable *table, struct memtable_node *node,
		       enum memtable_column column, const void *value, size_t value_length);
void memtable_node_erase(struct memtable_node *node, enum memtable_column column);

/* The value or tombstone of key, or NULL when this table knows nothing. */
const struct memtable_value *memtable_find(const struct memtable *table, const void *key,
					   size_t key_length);

/* Bytes in use, replaced values included; any thread. */
size_t memtable_bytes(const struct memtable *table);
/* Nodes; any thread. */
size_t memtable_count(const struct memtable *table);

/* Goes to the first key >= key; an empty key is the first of all. */
void memtable_seek(const struct memtable *table, const void *key, size_t key_length,
		   struct memtable_cursor *out);
/* To the next key; the cursor is not at the end. */
void memtable_next(struct memtable_cursor *cursor);
const uint8_t *memtable_key(const struct memtable_cursor *cursor, size_t *length_out);
const struct memtable_value *memtable_value(const struct memtable_cursor *cursor);

#endif
