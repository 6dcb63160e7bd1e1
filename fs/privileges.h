/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who loses what when a file is changed: the set-user-ID and set-group-ID
 * bits of what is changed by someone without CAP_FSETID, which the kernel
 * leaves to us (device.h), and the set-group-ID bit of a file that is given
 * away or gets an ACL by someone who is not of its group.
 *
 * Root stands for whoever has CAP_FSETID: the protocol does not tell.
 */
#ifndef DRAY_FS_PRIVILEGES_H
#define DRAY_FS_PRIVILEGES_H

#include "fs/fs.h"

/* The caller is root, or of the group (also by a supplementary one). */
bool privileges_in_group(fuse_req_t req, uint32_t gid);
/* The bits of the file's mode that go: set-user-ID, and set-group-ID of what
 * the group may execute or of what belongs to a group that is not the
 * caller's. None of a directory. */
uint32_t privileges_lost(fuse_req_t req, const struct attributes *file);
/* The file was changed by someone without CAP_FSETID: they go. Returns 0 or
 * the error of attr_set(). */
int privileges_drop(fuse_req_t req, uint64_t ino);
/* The same if the caller is not root. */
int privileges_drop_unless_root(fuse_req_t req, uint64_t ino);

#endif
