/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE session: the mount itself, its threads, and its end.
 *
 *	state     meaning                                     next
 *	MOUNTED   the kernel knows the mount                  SERVING
 *	SERVING   session_run() is under way                  ENDED
 *	ENDED     unmounted; requests come no more
 *
 * Ways to the end, all through the kernel: somebody unmounts (umount(8), the
 * tool by session_unmount()), or a signal does it for them. The kernel hands
 * over all dirty pages before it lets go of the mount, so a clean end loses
 * nothing that was written.
 *
 * When files are in use, a signal still ends the session: the dirty pages are
 * called in, the mount is detached, and whoever has files open gets errors
 * from then on. A second signal does not wait for the pages.
 */
#ifndef DRAY_FS_SESSION_H
#define DRAY_FS_SESSION_H

#include "fs/fs.h"
#include "fs/signals.h"

struct session;

/*
 * Mounts at a path that mountpoint_prepare() gave. source is what df(1)
 * shows. Sets fs->session. Returns 0, or -ERR_bad_mountpoint.
 */
int session_open(struct fs *fs, const char *mountpoint, const char *source, struct session **out);
/*
 * Serves until the end, in the thread that called session_open(); takes the
 * signals meanwhile and stops them (signals_stop()). Returns 0, or
 * -ERR_local_io when the device failed.
 */
int session_run(struct session *session, struct signals *signals);
/* Unmounts if need be. The replies that still wait must be given first. */
void session_close(struct session *session);

/*
 * Unmounts while serving. Returns 0: the session ends, also if another mount
 * namespace has a copy of the mount; -EBUSY: files are in use and it goes on;
 * -ERR_bad_mountpoint.
 */
int session_unmount(struct session *session);
/*
 * Returns when the cache has what programs have written into files that they
 * hold open, which the kernel keeps to itself for a while. Not to be called by
 * a thread that answers the kernel.
 */
void session_launder(struct session *session);

#endif
