/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount from beginning to end; read mount.c first. It is where the layers
 * are put on one another:
 *
 *	session (fs/)      the kernel's requests
 *	cache   (cache/)   the volume on this machine
 *	store   (backend/) stats over retry over what the URL names
 *
 * Beginning, each step with its own error and undone by the later ones:
 * mount point, store, volume object, cache (recovery, restore: may take long),
 * control socket, mount. The end is the same backwards. All dirty data that is
 * not in the cloud yet stays in the cache directory for the next mount.
 */
#ifndef DRAY_FS_MOUNT_H
#define DRAY_FS_MOUNT_H

#include "backend/base/id.h"
#include "fs/config.h"

/*
 * Mounts conf->url at conf->mountpoint and serves until the end. Runs in the
 * process that daemon_start() made, or in the foreground (ready_fd
 * DAEMON_FOREGROUND); tells its start and failures by daemon.h. conf->cache
 * and conf->mountpoint are made absolute. Returns the exit status: 0 or 1.
 */
int mount_run(struct mount_conf *conf, int ready_fd);

/* The cache directory of a volume when none is given; the caller frees it. */
char *mount_default_cache(const struct id *volume);

#endif
