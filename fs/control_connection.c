/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_connection.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "fs/control_proto.h"
#include "fs/status_json.h"

#define SEND_SECONDS_MAX    60
#define RECEIVE_SECONDS_MAX 600
#define RECEIVE_BYTES	    16384
#define QUEUE_BYTES	    65536

void control_connection_init(struct control_connection *connection, int fd)
{
	struct timeval send = { .tv_sec = SEND_SECONDS_MAX };
	struct timeval receive = { .tv_sec = RECEIVE_SECONDS_MAX };

	*connection = (struct control_connection){ .fd = fd };
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof(send));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
}

void control_connection_close(struct control_connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
	connection->gone = true;
}

void control_connection_release(struct control_connection *connection)
{
	control_connection_close(connection);
	buffer_release(&connection->in);
	buffer_release(&connection->out);
}

/* Drops the line that was given out. */
static void consume(struct control_connection *connection)
{
	struct buffer *in = &connection->in;

	if (!connection->consumed)
		return;
	in->length -= connection->consumed;
	memmove(in->data, in->data + connection->consumed, in->length);
	connection->consumed = 0;
}

/* More bytes; false at the end. */
static bool receive(struct control_connection *connection)
{
	struct buffer *in = &connection->in;
	ssize_t got;

	buffer_reserve(in, RECEIVE_BYTES);
	do {
		got = recv(connection->fd, in->data + in->length, RECEIVE_BYTES, 0);
	} while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	in->length += (size_t)got;
	return true;
}

int control_connection_read(struct control_connection *connection, const char **line_out,
			    size_t *length_out)
{
	struct buffer *in = &connection->in;
	size_t seen = 0;

	consume(connection);
	for (;;) {
		const uint8_t *end =
			in->length > seen ? memchr(in->data + seen, '\n', in->length - seen) : NULL;

		if (end) {
			*line_out = (const char *)in->data;
			*length_out = (size_t)(end - in->data);
			connection->consumed = *length_out + 1;
			return 1;
		}
		seen = in->length;
		if (seen >= CONTROL_LINE_MAX)
			return err_set(-EINVAL, "the request is longer than %d bytes",
				       CONTROL_LINE_MAX);
		if (connection->gone || !receive(connection))
			return 0;
	}
}

void control_connection_put(struct control_connection *connection, json_t *json)
{
	char *text = json_dumps(json, STATUS_JSON_FLAGS);

	json_decref(json);
	if (!text)
		abort(); /* we made it: out of memory */
	buffer_put_text(&connection->out, text);
	buffer_put_u8(&connection->out, '\n');
	free(text);
	if (connection->out.length >= QUEUE_BYTES)
		control_connection_flush(connection);
}

bool control_connection_flush(struct control_connection *connection)
{
	struct buffer *out = &connection->out;
	size_t sent = 0;

	while (!connection->gone && sent < out->length) {
		ssize_t put =
			send(connection->fd, out->data + sent, out->length - sent, MSG_NOSIGNAL);

		if (put > 0)
			sent += (size_t)put;
		else if (errno != EINTR)
			connection->gone = true;
	}
	buffer_clear(out);
	return !connection->gone;
}

bool control_connection_is_gone(struct control_connection *connection)
{
	struct pollfd poll_fd = { .fd = connection->fd, .events = POLLRDHUP };

	if (!connection->gone && poll(&poll_fd, 1, 0) > 0)
		connection->gone = true;
	return connection->gone;
}
