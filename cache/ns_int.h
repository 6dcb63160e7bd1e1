/* SPDX-License-Identifier: Apache-2.0 */
/* What the modules of names (ns_*.c) share. */
#ifndef DRAY_CACHE_NS_INT_H
#define DRAY_CACHE_NS_INT_H

#include "cache/change.h"
#include "cache/dirent.h"
#include "cache/inode.h"
#include "cache/ns.h"

/* Links of a file, and of a directory by its sub-directories. */
#define NS_LINKS_MAX 2147483647u

/* The name is "." or "..". */
bool ns_is_dots(const char *name);
/* 0, -ENOENT (empty), -EINVAL (has a slash), -ENAMETOOLONG. */
int ns_check_name(const char *name);
/* As ns_check_name(), and `dots` for "." and "..". */
int ns_check_entry_name(const char *name, int dots);

/* An entry comes to the directory or goes: its count, its times, and the link
 * of a sub-directory's "..". */
void ns_entry_added(struct inode *directory, uint32_t mode, const struct timespec *now);
void ns_entry_removed(struct inode *directory, uint32_t mode, const struct timespec *now);
/* An inode lost a name (a directory: its only one); orphaned by the last. */
void ns_name_lost(struct batch *batch, struct inode *inode, const struct timespec *now);

/* Reaps the extents of the file's former generations. */
void ns_reap_old_extents(struct cache *cache, uint64_t ino);

#endif
