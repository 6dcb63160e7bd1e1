/* SPDX-License-Identifier: Apache-2.0 */
/* The walk through the DIRTY rows of a snapshot: capture_walk.c. */
#ifndef DRAY_CACHE_CAPTURE_INT_H
#define DRAY_CACHE_CAPTURE_INT_H

#include "cache/capture.h"

/* INODE, DIRENT and XATTR rows, into conf->body. */
int capture_namespace(const struct capture_conf *conf, struct index_snapshot *snapshot);
/* CONTENT and EXTENT rows, into capture->contents. */
int capture_contents(struct capture *capture, struct index_snapshot *snapshot);

#endif
