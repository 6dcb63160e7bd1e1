/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes between libfuse and /dev/fuse.
 *
 * libfuse before 3.17 has no name for FUSE_HANDLE_KILLPRIV_V2, and no version
 * hands on the flags of a WRITE, but both matter much: without that feature
 * the kernel asks for the xattr security.capability before every single
 * write(2). So libfuse reads and writes through the two functions of
 * device_io, which see the requests and answers as they are (linux/fuse.h):
 *
 *  - the answer to INIT gets the feature when the kernel offers it;
 *  - the request that a thread is working on can be asked for its flag;
 *  - STATX, which libfuse does not know either, is answered (statx.h).
 *
 * With the feature, clearing set-user-ID and set-group-ID bits is our part:
 * at a WRITE or truncation that is marked, at chown, fallocate and
 * copy_file_range (privileges.h).
 */
#ifndef DRAY_FS_DEVICE_H
#define DRAY_FS_DEVICE_H

#include <stdbool.h>

#include "fs/fuse_api.h"

/* For fuse_session_custom_io(). */
extern const struct fuse_custom_io device_io;

/* The WRITE that this thread was given is by someone without CAP_FSETID. */
bool device_write_drops_privileges(void);

#endif
