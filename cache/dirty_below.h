/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regular files at or below a path whose content the cloud lacks: looked
 * for among the dirty ones, by a walk of names only, which reads no file's rows.
 */
#ifndef DRAY_CACHE_DIRTY_BELOW_H
#define DRAY_CACHE_DIRTY_BELOW_H

#include <stddef.h>
#include <stdint.h>

struct cache;

/* path is inside the volume ("/", "/a/b"). Inode numbers, ascending, for free().
 * Files that are renamed meanwhile may be seen or not. -ENOENT. */
int dirty_below(struct cache *cache, const char *path, uint64_t **inos_out, size_t *count_out);

#endif
