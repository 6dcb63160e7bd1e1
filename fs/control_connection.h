/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of the control socket: lines of JSON in and out. One thread uses
 * it. A client that stops reading or sending is dropped after a while.
 */
#ifndef DRAY_FS_CONTROL_CONNECTION_H
#define DRAY_FS_CONTROL_CONNECTION_H

#include <jansson.h>
#include <stdbool.h>

#include "backend/base/buffer.h"

struct control_connection {
	int fd; /* owned; -1: closed */
	bool gone;
	struct buffer in;  /* received, not consumed */
	size_t consumed;   /* of in: the line that was given out last */
	struct buffer out; /* to be sent */
};

/* Takes the descriptor over. */
void control_connection_init(struct control_connection *connection, int fd);
void control_connection_close(struct control_connection *connection);
void control_connection_release(struct control_connection *connection);

/*
 * The next line without its newline, valid until the next call. Returns 1, 0
 * at the end (also of a client that is gone), or -EINVAL with a sentence when
 * the line is longer than CONTROL_LINE_MAX.
 */
int control_connection_read(struct control_connection *connection, const char **line_out,
			    size_t *length_out);

/* Queues a line (the reference is taken over); sends when much is queued. */
void control_connection_put(struct control_connection *connection, json_t *json);
/* Sends what is queued. False when the client is gone. */
bool control_connection_flush(struct control_connection *connection);
/* The client has closed its end, or is gone otherwise. */
bool control_connection_is_gone(struct control_connection *connection);

#endif
