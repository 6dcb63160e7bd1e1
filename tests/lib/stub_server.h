/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server that gives the answers it was told to give, byte for byte,
 * in the order in which requests come, over any number of connections. It
 * keeps what it was asked.
 */
#ifndef DRAY_TEST_STUB_SERVER_H
#define DRAY_TEST_STUB_SERVER_H

#include <stddef.h>

enum stub_then {
	STUB_KEEP,  /* wait for the next request on this connection */
	STUB_CLOSE, /* close in good order */
	STUB_RESET, /* close with a TCP reset */
	STUB_HOLD,  /* say nothing more until the client goes away */
};

struct stub_reply {
	const char *bytes;   /* sent as they are; "" sends nothing */
	enum stub_then then; /* after the bytes */
};

struct stub_server;

/* Serves on a free port of 127.0.0.1. The replies stay the caller's; a
 * request behind the last of them is answered as by { "", STUB_CLOSE }. */
struct stub_server *stub_server_start(const struct stub_reply *replies, size_t count);
/* Ends all connections and the server. */
void stub_server_stop(struct stub_server *server);
/* "http://127.0.0.1:12345"; valid until the stop. */
const char *stub_server_url(const struct stub_server *server);
/* Head and body of the n-th request as they came, NUL-terminated, or NULL
 * when there were fewer; valid until the stop. */
const char *stub_server_request(struct stub_server *server, size_t n);
size_t stub_server_requests(struct stub_server *server);
size_t stub_server_connections(struct stub_server *server);

#endif
