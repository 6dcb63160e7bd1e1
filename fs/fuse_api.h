/* SPDX-License-Identifier: Apache-2.0 */
/* libfuse's low-level interface, in the one version that fs/ is written for. */
#ifndef DRAY_FS_FUSE_API_H
#define DRAY_FS_FUSE_API_H

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>

/* O_TMPFILE reaches a FUSE server from libfuse 3.17 on. */
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
#define FS_HAS_TMPFILE 1
#endif

#endif
