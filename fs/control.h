/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket of a serving gateway (control_proto.h): who is connected,
 * and the beginning and end of it.
 *
 * Each connection has a thread, at most CONTROL_CONNECTIONS_MAX of them; more
 * are refused with a line that says so. A client that asked for the umount
 * stays connected until the cache is closed, and then gets its last line.
 *
 * Locks: CONTROL, for the list of connections only.
 */
#ifndef DRAY_FS_CONTROL_H
#define DRAY_FS_CONTROL_H

#include <stdbool.h>

#include "cache/cache.h"
#include "fs/session.h"

#define CONTROL_CONNECTIONS_MAX 64

struct control;

struct control_conf {
	struct cache *cache;
	struct session *session;
	const char *cache_directory;
	const char *mountpoint;
};

/* Returns 0, or -ERR_local_io. */
int control_start(const struct control_conf *conf, struct control **out);
/* Removes the socket and ends all requests; the cache may close afterwards. */
void control_stop(struct control *control);
/* The cache is closed: gives the last lines. */
void control_free(struct control *control);

/* A gateway answers the socket of this cache directory, and its mount is there;
 * false when the kernel has let go of it, and the gateway is about to end. */
bool control_is_mounted(const char *cache_directory);

#endif
