/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch: the row changes of one operation, which happen together or not at
 * all. It is the body of one journal record and is applied to the memtable
 * as a whole. An operation builds it under its inode locks, hands it to
 * index_commit(), and may use it again after batch_reset().
 *
 * A batch has a kind and, for the kinds that say so, an inode. Replay after
 * a power cut uses them: content of an inode is applied up to its first
 * record whose segment bytes did not reach the disk.
 *
 *	BATCH_ROWS      namespace, attributes, bookkeeping: always applied
 *	BATCH_CONTENT   content of one inode (its CONTENT and EXTENT rows)
 *	BATCH_SYNC      the inode's content up to here was made durable
 *
 * Encoded body, a sequence of items until its end:
 *
 *	u8 op  ROW_PUT      u8 flags, u16 key length, u32 value length, key, value
 *	       ROW_DELETE   u8 flags, u16 key length, key
 *	       SEGMENT_USE  u64 segment, i64 change of live, i64 change of dirty
 *	       REDO         u64 segment, u32 offset, u32 length, bytes
 */
#ifndef DRAY_CACHE_BATCH_H
#define DRAY_CACHE_BATCH_H

#include "backend/base/buffer.h"
#include "cache/row_format.h"

enum batch_kind {
	BATCH_INVALID,
	BATCH_ROWS,
	BATCH_CONTENT,
	BATCH_SYNC,
};

enum batch_op {
	BATCH_OP_ROW_PUT = 1,
	BATCH_OP_ROW_DELETE,
	BATCH_OP_SEGMENT_USE,
	BATCH_OP_REDO,
};

enum row_change_flags {
	ROW_LOCAL = 0,
	/* The cloud must learn of it: a DIRTY row is made when it is applied. */
	ROW_CLOUD = 1,
	/* With ROW_CLOUD, on CONTENT: the DIRTY row gets DIRTY_BARRIER. */
	ROW_BARRIER = 2,
	/* With ROW_BARRIER: and DIRTY_REPLACES. */
	ROW_REPLACES = 4,
};

struct batch {
	enum batch_kind kind;
	uint64_t ino;
	int64_t time_ns; /* wall time, for the DIRTY rows */
	uint32_t count;
	struct buffer body;
};

/* One item of a body, as batch_next() yields it; pointers into the body. */
struct batch_item {
	enum batch_op op;
	unsigned int flags;
	const uint8_t *key;
	size_t key_length;
	const uint8_t *value; /* also the bytes of a REDO */
	size_t value_length;
	uint64_t segment;
	uint32_t offset;
	int64_t live;
	int64_t dirty;
};

void batch_init(struct batch *batch, enum batch_kind kind, uint64_t ino);
void batch_release(struct batch *batch);
/* Empties it and keeps its memory. */
void batch_reset(struct batch *batch, enum batch_kind kind, uint64_t ino);
/* Nothing to commit. A BATCH_SYNC says something even without items. */
bool batch_is_empty(const struct batch *batch);

void batch_put(struct batch *batch, const struct row_key *key, const struct buffer *value,
	       unsigned int flags);
void batch_delete(struct batch *batch, const struct row_key *key, unsigned int flags);
/* Rows now point to so many bytes more (or fewer) of the segment. */
void batch_segment_use(struct batch *batch, uint64_t segment, int64_t live, int64_t dirty);
/* The bytes of a segment, so that one journal flush makes them durable. */
void batch_redo(struct batch *batch, uint64_t segment, uint32_t offset, const void *bytes,
		uint32_t length);

/* Typed shorthands. */
void batch_put_inode(struct batch *batch, uint64_t ino, const struct inode_row *row);
void batch_put_content(struct batch *batch, uint64_t ino, const struct content_row *row,
		       unsigned int extra_flags);
void batch_put_u64(struct batch *batch, const char *meta_name, uint64_t value);

/*
 * Cursor over an encoded body: set reader with reader_init(), then call until
 * it returns 0 (end). Returns 1 for an item, -ERR_journal_corrupt otherwise.
 */
int batch_next(struct reader *reader, struct batch_item *item);

#endif
