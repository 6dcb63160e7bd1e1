/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the DIRENT table: entries of directories, found by name.
 *
 * Names of one directory with equal hashes form a chain: ordinals 0, 1, 2,
 * ... without a gap, so that a lookup probes from 0 and ends at the first
 * ordinal without a row. Nearly every chain has one link.
 *
 *	row            meaning                       when it goes
 *	entry          a name                        becomes a placeholder, or
 *	                                             is deleted as last of the chain
 *	placeholder    no name; keeps the chain      with the last entry behind it
 *	(ino 0)        without a gap
 *
 * An entry's cookie never changes while the entry exists, and a new name is
 * always put behind its chain. So a listing that goes on from cookie to cookie
 * yields an entry that exists all the time exactly once, whatever happens
 * beside it. A directory without entries has no rows.
 *
 * Locks: NODE of the directory, shared to find and exclusive to change;
 * without it dirent_find() is a hint.
 */
#ifndef DRAY_CACHE_DIRENT_H
#define DRAY_CACHE_DIRENT_H

#include "cache/batch.h"

struct cache;

struct dirent_place {
	uint64_t cookie; /* of the entry, or where a new one may be put */
	uint64_t ino;
	uint8_t type; /* DT_* of readdir(3) */
};

/* 0, or -ENOENT: *out then has the cookie for a new entry of this name, 0 when
 * its chain is full (256 equal hashes). */
int dirent_find(struct cache *cache, uint64_t directory, const char *name,
		struct dirent_place *out);
/* Puts an entry at a cookie that dirent_find() gave. */
void dirent_put(struct batch *batch, uint64_t directory, uint64_t cookie, const char *name,
		uint64_t ino, uint8_t type);
/* Removes the entry at the cookie. The batch has no other change in its chain. */
int dirent_remove(struct cache *cache, struct batch *batch, uint64_t directory, uint64_t cookie);

#endif
