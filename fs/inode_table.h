/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which inodes the kernel knows. The node id of the FUSE protocol is the
 * inode number, so nothing is translated; what is kept is the number of
 * look-ups that the kernel has not forgotten yet, and how often the inode is
 * open for writing. The root is always known and never counted.
 *
 * An open-addressing table of 16 bytes an entry, in shards that grow and
 * shrink by themselves: 10 million known inodes take about 300 MB at most.
 *
 * A look-up is counted before its reply is sent, because the kernel may
 * forget it at once; a reply that does not arrive is taken back.
 *
 * Locks: SESSION, one a shard.
 */
#ifndef DRAY_FS_INODE_TABLE_H
#define DRAY_FS_INODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct inode_table;

struct inode_table *inode_table_new(void);
void inode_table_free(struct inode_table *table);

/* The kernel learns of the inode once more. */
void inode_table_get(struct inode_table *table, uint64_t ino);
/* The kernel forgets `count` look-ups. True when none is left: the caller
 * then calls ns_forget(). */
bool inode_table_put(struct inode_table *table, uint64_t ino, uint64_t count);

/* The inode (which the kernel knows) was opened for writing, or closed. */
void inode_table_writer_add(struct inode_table *table, uint64_t ino);
void inode_table_writer_remove(struct inode_table *table, uint64_t ino);
bool inode_table_is_written(struct inode_table *table, uint64_t ino);

/* Does the kernel know it? */
bool inode_table_has(struct inode_table *table, uint64_t ino);

/* Calls fn for each inode that was known, or open for writing, when its shard
 * was looked at; fn runs without locks. */
void inode_table_each(struct inode_table *table, void (*fn)(uint64_t ino, void *arg), void *arg);
void inode_table_each_written(struct inode_table *table, void (*fn)(uint64_t ino, void *arg),
			      void *arg);

/* Known inodes, without the root. */
uint64_t inode_table_count(struct inode_table *table);

#endif
