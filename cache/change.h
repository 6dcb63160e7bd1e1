/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change of the tree in progress: the locks of the inodes it touches, the
 * batch that it becomes, and the instant that it stamps.
 *
 *	change_begin -> change_lock -> fill the batch -> change_commit
 *	                   ^  |                              |
 *	   change_unlock   +--+ (something moved)            v
 *	                                                change_end (always)
 *
 * change_commit() fixes the order of the change under the locks, drops them,
 * and only then waits for the journal, so that operations on one directory
 * share a write. When it returns 0 a killed process keeps the change. When
 * it fails the journal is lost, and the cache has become READ_ONLY.
 */
#ifndef DRAY_CACHE_CHANGE_H
#define DRAY_CACHE_CHANGE_H

#include <time.h>

#include "cache/batch.h"
#include "cache/node.h"

struct cache;

#define CHANGE_INODES_MAX 4

struct change {
	struct cache *cache;
	struct batch batch;
	struct timespec now; /* set by change_lock() */
	struct node *nodes[CHANGE_INODES_MAX];
	unsigned int node_count;
};

/* 0, or the cause for which nothing can be changed any more. change_end() is
 * due in either case. */
int change_begin(struct change *change, struct cache *cache);
/* Locks these inodes exclusively, in the order of their numbers. A number may
 * occur twice, 0 is nobody. */
void change_lock(struct change *change, const uint64_t *inos, unsigned int count);
/* Drops the locks and empties the batch. */
void change_unlock(struct change *change);
int change_commit(struct change *change);
void change_end(struct change *change);

#endif
