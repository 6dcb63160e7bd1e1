/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: the in-memory side of inodes that are in use right now: a lock, and
 * what is known about bytes not yet flushed. A node exists while someone
 * holds a reference or it has unflushed bytes; all else about an inode is in
 * the index. The table is sharded by inode number.
 *
 * Lock order: NODE; several nodes by node_lock_many(), lower numbers first.
 */
#ifndef DRAY_CACHE_NODE_H
#define DRAY_CACHE_NODE_H

#include "backend/base/lock.h"
#include "cache/segment.h"

#define NODE_REDO_BYTES_MAX (64 * 1024)
#define NODE_UNFLUSHED_MAX 64

struct node_table;

struct unflushed_record {
	uint64_t segment;
	uint32_t record;
	uint32_t bytes; /* with header and CRCs */
};

struct node {
	/* immutable */
	uint64_t ino;
	struct rwlock lock;
	/* guarded by the table's shard lock */
	struct node *next;
	unsigned int references;
	/* guarded by lock */
	uint64_t content_lsn; /* last content change made through this node */
	/* Appended since the last fsync: the records while they are few and
	 * small (redo candidates); beyond that only the segment range. */
	struct unflushed_record unflushed[NODE_UNFLUSHED_MAX];
	unsigned int unflushed_count;
	uint64_t unflushed_bytes;
	uint64_t unflushed_segment_min;
	uint64_t unflushed_segment_max;
};

struct node_table *node_table_new(void);
void node_table_free(struct node_table *table);
/* The node of an inode number (made when absent), referenced. */
struct node *node_get(struct node_table *table, uint64_t ino);
void node_put(struct node_table *table, struct node *node);
/* Locks `count` (at most 4) distinct or equal nodes exclusively, in order. */
void node_lock_many(struct node **nodes, unsigned int count);
void node_unlock_many(struct node **nodes, unsigned int count);

#endif
