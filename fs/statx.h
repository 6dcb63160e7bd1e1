/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request STATX of the FUSE protocol (7.39), by which the kernel asks for
 * the time of birth. No libfuse that we build with knows it, so it is answered
 * as it comes from the device (device.h), and libfuse never sees it.
 */
#ifndef DRAY_FS_STATX_H
#define DRAY_FS_STATX_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>

#include "fs/fs.h"

/* If the request of `length` bytes is a STATX, answers it on fd and returns
 * true. */
bool statx_answer(struct fs *fs, int fd, const struct fuse_in_header *request, size_t length);

#endif
