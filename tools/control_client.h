/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool's end of the control protocol (fs/control_proto.h): finds the
 * gateway of a path, sends one request, hands each line of the answer on.
 */
#ifndef DRAY_TOOLS_CONTROL_CLIENT_H
#define DRAY_TOOLS_CONTROL_CLIENT_H

#include <jansson.h>

struct control_client {
	int fd;
	char *cache_directory;
	char *mountpoint; /* NULL when found by the cache directory */
	FILE *lines;
};

/* Called for each "row" and "progress" line; non-zero cancels the request. */
typedef int control_line_fn(const json_t *line, void *arg);

/*
 * The gateway that serves `path`: a mount point or anything below it, or a
 * cache directory. 0; -ENOENT with a sentence when the path is neither;
 * -ECONNREFUSED when it is a cache directory whose gateway is dead
 * (client->cache_directory is set then).
 */
int control_client_open(const char *path, struct control_client *client);
void control_client_close(struct control_client *client);
/*
 * Sends the request (which it frees) and reads to the end of the answer.
 * 0 with *done_out (the caller's to json_decref(); may be NULL), or the
 * error with its sentence: -ERR_try_again for time-outs.
 */
int control_client_call(struct control_client *client, json_t *request, control_line_fn *fn,
			void *arg, json_t **done_out);
/*
 * The path inside the volume of a path below the mount point: absolute,
 * without symlinks in its directories, as the protocol wants it (a string,
 * or {"hex": ...} when it is not UTF-8). NULL with a sentence when the path
 * is not on this mount.
 */
json_t *control_client_path(const struct control_client *client, const char *path);

#endif
