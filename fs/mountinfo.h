/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/mountinfo: what is mounted where (proc(5)). */
#ifndef DRAY_FS_MOUNTINFO_H
#define DRAY_FS_MOUNTINFO_H

#include <limits.h>
#include <stdbool.h>

/* The file system type of our mounts, as the kernel writes it. */
#define MOUNT_TYPE "fuse.dray"

struct mountinfo {
	char type[64];
	char source[PATH_MAX];
	unsigned int major; /* device number of the file system */
	unsigned int minor;
};

/*
 * The mount on top at this path (absolute, without symlinks), by the text of
 * mountinfo. False when nothing is mounted there. Lines that are not of the
 * format are passed over. Pure.
 */
bool mountinfo_find_in(const char *text, const char *path, struct mountinfo *out);
/* The same for this process's mounts. False also when they cannot be read. */
bool mountinfo_find(const char *path, struct mountinfo *out);

#endif
