/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: the in-memory side of inodes that are in use right now: a lock, and
 * what is known about bytes not yet flushed. A node exists while someone
 * holds a reference or it has unflushed bytes; all else about an inode is in
 * the index. The table is sharded by inode number.
 *
 * Bytes become durable in two ways. io_fsync() makes those of one node durable
 * and calls node_clear_unflushed(). The flusher makes all bytes durable that
 * content changes up to some LSN point to, and tells the table that LSN: from
 * then on a node whose content_lsn is not greater has nothing unflushed,
 * whatever it noted, and is dropped when nobody holds it.
 *
 * Lock order: NODE; several nodes by node_lock_many(), lower numbers first.
 */
#ifndef DRAY_CACHE_NODE_H
#define DRAY_CACHE_NODE_H

#include "backend/base/lock.h"
#include "cache/segment.h"

#define NODE_REDO_BYTES_MAX (64 * 1024)
#define NODE_UNFLUSHED_MAX  64

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
	struct lock stream_lock; /* guards the readahead of the file's handles */
	/* guarded by the table's shard lock */
	struct node *next;
	unsigned int references;
	/* guarded by lock */
	uint64_t content_lsn; /* last content change made through this node */
	uint64_t version_lsn; /* content_lsn at the last close(2) or fsync(2) */
	/* Appended since the last fsync: the records while they are few and
	 * small (redo candidates); beyond that only the segment range. */
	struct unflushed_record unflushed[NODE_UNFLUSHED_MAX];
	unsigned int unflushed_count; /* of all, also of those not named */
	uint64_t unflushed_bytes;
	uint64_t unflushed_segment_min;
	uint64_t unflushed_segment_max;
	/* The unflushed bytes came after a truncate that took all there was:
	 * if they were lost, neither the old content nor the new would be
	 * there. close(2) sees to it (io.h). */
	bool refilled;
};

struct node_table *node_table_new(void);
/* No node is referenced any more. */
void node_table_free(struct node_table *table);
/* The node of an inode number (made when absent), referenced. */
struct node *node_get(struct node_table *table, uint64_t ino);
void node_put(struct node_table *table, struct node *node);
/* Locks `count` (at most 4) distinct or equal nodes exclusively, in order. */
void node_lock_many(struct node **nodes, unsigned int count);
void node_unlock_many(struct node **nodes, unsigned int count);

/* Notes a record that the content change `lsn` made the node's. Lock held
 * exclusively. */
void node_note_unflushed(struct node *node, const struct segment_place *place, uint32_t bytes,
			 uint64_t lsn);
/* All that the node noted is durable. Lock held exclusively. */
void node_clear_unflushed(struct node *node);
/* The same, if the flusher's LSN says so. Lock held exclusively. */
void node_drop_flushed(struct node_table *table, struct node *node);
/* True when `unflushed` names all unflushed records, few enough to be copied
 * into the journal. Lock held. */
bool node_can_redo(const struct node *node);

/* All segment bytes of content changes up to lsn are durable. */
void node_table_flushed(struct node_table *table, uint64_t lsn);
/* The greatest LSN that was told so. */
uint64_t node_table_flushed_lsn(const struct node_table *table);
/* Nodes in memory. */
size_t node_table_count(struct node_table *table);

#endif
