/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One path of an inode: for the loss ledger, which names files by people's
 * names. Entries point from names to inodes, so the way back is found by
 * looking; what was found is remembered and checked before it is used again.
 *
 *	looked through, in this order        cost
 *	what was found before                one row
 *	entries that changed (DIRTY)         all of them, once a snapshot
 *	the whole volume                     NAME_FIND_ROWS rows a snapshot, going
 *					     on where the last one stopped
 *
 * A name that is not found yet is told as "<inode N>". One thread.
 */
#ifndef DRAY_CACHE_NAME_FIND_H
#define DRAY_CACHE_NAME_FIND_H

#include "backend/base/buffer.h"
#include "cache/index.h"

#define NAME_FIND_ROWS 200000

struct name_find;

struct name_find *name_find_new(void);
void name_find_free(struct name_find *find);
/* Looks for the names of these inodes and of the directories above them. */
int name_find_prepare(struct name_find *find, struct index_snapshot *snapshot, const uint64_t *inos,
		      size_t count);
/* Appends a path from the volume's root ("/a/b"), as of the snapshot that was
 * prepared. Never fails: what is not known is told as such. */
void name_find_path(struct name_find *find, struct index_snapshot *snapshot, uint64_t ino,
		    struct buffer *path);

#endif
