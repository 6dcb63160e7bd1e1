/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of one directory that are read one after the other: each is a
 * round trip to the store, if it lies in another pack than the one before. When
 * an order shows (dir_order.h), the chunks of the files that come next are
 * fetched ahead, within the budget of all guesses; when it shows no more, what
 * has not begun is cancelled.
 *
 * An inode does not know its directory; so look-ups and listings leave hints,
 * the newest ones, in a table of fixed size. A file without one is still
 * followed by a few of those made after it. Up to 8 directories are followed at a time.
 *
 * Nothing here waits for the network. Locks: LEAF.
 */
#ifndef DRAY_CACHE_NEIGHBOURS_H
#define DRAY_CACHE_NEIGHBOURS_H

#include <stdint.h>

/* Larger files are read ahead by themselves. */
#define NEIGHBOURS_FILE_BYTES (256u << 10)

struct cache;
struct neighbours;

struct neighbours *neighbours_new(void);
void neighbours_free(struct neighbours *neighbours);

/* The inode was found in the directory, at that cookie. No-op for a cache
 * without neighbours, as a dead one is. */
void neighbours_named(struct cache *cache, uint64_t directory, uint64_t cookie, uint64_t ino);
/* A small file is read from the begin, and is not in a segment; flags are those
 * of io_read(). */
void neighbours_read(struct cache *cache, uint64_t ino, unsigned int flags);

#endif
