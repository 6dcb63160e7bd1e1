/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory to mount on: what must be true of it before, and unmounting.
 * Root mounts by itself; other users through fusermount3.
 */
#ifndef DRAY_FS_MOUNTPOINT_H
#define DRAY_FS_MOUNTPOINT_H

#include <stdbool.h>

/*
 * Checks that a file system can be mounted at path: a directory that exists,
 * is empty (unless nonempty), has nothing mounted on it; and that this user
 * can mount FUSE file systems. What a dead gateway of ours left mounted there
 * is unmounted first. Returns 0 and the absolute path without symlinks (the
 * caller frees it), or -ERR_bad_mountpoint with a sentence.
 */
int mountpoint_prepare(const char *path, bool nonempty, char **real_out);

/*
 * Unmounts; with detach also when files are in use: they stay with their
 * users until closed. Returns 0 (also when nothing of type fuse.dray is
 * mounted there any more), -EBUSY, or -ERR_bad_mountpoint with a sentence.
 */
int mountpoint_unmount(const char *path, bool detach);

#endif
