/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/stub_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/buffer.h"

#define CONNECTIONS_MAX 64
#define REQUESTS_MAX	256

struct connection {
	struct stub_server *server;
	pthread_t thread;
	int fd;
};

struct stub_server {
	/* immutable */
	const struct stub_reply *replies;
	size_t reply_count;
	int listener;
	char *url;
	pthread_t acceptor;

	pthread_mutex_t mutex;
	/* guarded by mutex */
	struct connection connections[CONNECTIONS_MAX];
	size_t connection_count;
	char *requests[REQUESTS_MAX];
	size_t request_count;
};

static void die(const char *what)
{
	perror(what);
	abort();
}

static size_t body_length(const char *head)
{
	const char *line = strcasestr(head, "\r\ncontent-length:");

	return line ? strtoul(line + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* Reads one request into text; false when the client went away before. */
static bool read_request(int fd, struct buffer *text)
{
	char bytes[4096];
	const char *end = NULL;
	size_t need = 0;

	buffer_clear(text);
	while (!end || text->length < need) {
		ssize_t length = recv(fd, bytes, sizeof(bytes), 0);

		if (length <= 0)
			return false;
		buffer_append(text, bytes, (size_t)length);
		buffer_put_u8(text, '\0');
		text->length--;
		end = strstr((char *)text->data, "\r\n\r\n");
		if (end)
			need = (size_t)(end - (char *)text->data) + 4 +
			       body_length((char *)text->data);
	}
	return true;
}

/* Keeps the request; returns the reply to it. */
static struct stub_reply take_reply(struct stub_server *server, const struct buffer *text)
{
	struct stub_reply reply = { "", STUB_CLOSE };

	pthread_mutex_lock(&server->mutex);
	if (server->request_count < server->reply_count)
		reply = server->replies[server->request_count];
	if (server->request_count == REQUESTS_MAX)
		abort();
	server->requests[server->request_count] = xmalloc(text->length + 1);
	memcpy(server->requests[server->request_count++], text->data, text->length + 1);
	pthread_mutex_unlock(&server->mutex);
	return reply;
}

static void send_all(int fd, const char *bytes)
{
	size_t left = strlen(bytes);

	while (left > 0) {
		ssize_t length = send(fd, bytes, left, MSG_NOSIGNAL);

		if (length <= 0)
			return;
		bytes += length;
		left -= (size_t)length;
	}
}

static void *serve(void *arg)
{
	static const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct connection *connection = arg;
	struct buffer text = BUFFER_INIT;
	struct stub_reply reply = { "", STUB_KEEP };
	char byte;

	while (reply.then == STUB_KEEP && read_request(connection->fd, &text)) {
		reply = take_reply(connection->server, &text);
		send_all(connection->fd, reply.bytes);
	}
	if (reply.then == STUB_HOLD)
		while (recv(connection->fd, &byte, 1, 0) > 0)
			;
	if (reply.then == STUB_RESET)
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	buffer_release(&text);
	/* The stop may shut the descriptor down, so it is closed under the
	 * mutex that the stop holds meanwhile. */
	pthread_mutex_lock(&connection->server->mutex);
	close(connection->fd);
	connection->fd = -1;
	pthread_mutex_unlock(&connection->server->mutex);
	return NULL;
}

static void *accept_connections(void *arg)
{
	struct stub_server *server = arg;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		struct connection *connection;

		pthread_mutex_lock(&server->mutex);
		if (server->connection_count == CONNECTIONS_MAX)
			abort();
		connection = &server->connections[server->connection_count++];
		connection->server = server;
		connection->fd = fd;
		if (pthread_create(&connection->thread, NULL, serve, connection))
			die("pthread_create");
		pthread_mutex_unlock(&server->mutex);
	}
	return NULL;
}

struct stub_server *stub_server_start(const struct stub_reply *replies, size_t count)
{
	struct stub_server *server = xcalloc(1, sizeof(*server));
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);

	server->replies = replies;
	server->reply_count = count;
	pthread_mutex_init(&server->mutex, NULL);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->listener < 0 ||
	    bind(server->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(server->listener, 64) ||
	    getsockname(server->listener, (struct sockaddr *)&address, &length))
		die("stub server");
	server->url = xasprintf("http://127.0.0.1:%u", ntohs(address.sin_port));
	if (pthread_create(&server->acceptor, NULL, accept_connections, server))
		die("pthread_create");
	return server;
}

void stub_server_stop(struct stub_server *server)
{
	size_t i;

	shutdown(server->listener, SHUT_RDWR); /* ends accept(2) */
	pthread_join(server->acceptor, NULL);
	pthread_mutex_lock(&server->mutex);
	for (i = 0; i < server->connection_count; i++) {
		if (server->connections[i].fd >= 0)
			shutdown(server->connections[i].fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->mutex);
	for (i = 0; i < server->connection_count; i++)
		pthread_join(server->connections[i].thread, NULL);
	for (i = 0; i < server->request_count; i++)
		free(server->requests[i]);
	close(server->listener);
	pthread_mutex_destroy(&server->mutex);
	free(server->url);
	free(server);
}

const char *stub_server_url(const struct stub_server *server)
{
	return server->url;
}

const char *stub_server_request(struct stub_server *server, size_t n)
{
	const char *text;

	pthread_mutex_lock(&server->mutex);
	text = n < server->request_count ? server->requests[n] : NULL;
	pthread_mutex_unlock(&server->mutex);
	return text;
}

size_t stub_server_requests(struct stub_server *server)
{
	size_t count;

	pthread_mutex_lock(&server->mutex);
	count = server->request_count;
	pthread_mutex_unlock(&server->mutex);
	return count;
}

size_t stub_server_connections(struct stub_server *server)
{
	size_t count;

	pthread_mutex_lock(&server->mutex);
	count = server->connection_count;
	pthread_mutex_unlock(&server->mutex);
	return count;
}
