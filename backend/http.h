/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 requests over libcurl: one request is one blocking call, the body
 * is in memory, the answer goes into a buffer up to a stated size.
 *
 * A pool keeps connections open between calls. Each of its handles owns one
 * connection and serves one call at a time; a call takes the handle that was
 * used last (its connection is the freshest) or makes a new one, so there
 * are as many connections as there ever were calls at once. Any thread may
 * call; the pool's lock is held only to take a handle and to give it back.
 *
 * What a failure means for the caller (an answer, of whatever status, is
 * never a failure here):
 *
 *	code               what happened                    carried out?
 *	store_unreachable  no connection, nothing was sent  no
 *	store_timeout      sent, then silence               perhaps
 *	store_failed       a write, and the connection      perhaps
 *	                   broke before the whole answer
 *	store_truncated    the same of a read               harmless
 *	store_refused      the answer exceeds its bound     perhaps
 *	store_config       bad URL, untrusted certificate   no
 *
 * Redirects are not followed. Connections idle for 15 s are not used again:
 * S3 closes them at about 20 s, and a request sent into a closing
 * connection is lost in doubt.
 */
#ifndef DRAY_HTTP_H
#define DRAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"

struct http_pool;

struct http_options {
	unsigned int connect_timeout_ms;
	unsigned int stall_timeout_s;  /* of less than 1 KiB/s, or of silence */
	unsigned int total_timeout_ms; /* of a call; 0: none */
	bool expect_continue;	       /* large bodies wait up to 1 s for the server's consent */
	bool no_proxy;		       /* ignore http_proxy and the like */
	const char *ca_file;	       /* trusted certificates, PEM; NULL: the system's */
};

/* For an object store: 10 s to connect, 30 s of stall, no total. */
#define HTTP_OPTIONS_INIT                                          \
	{                                                          \
		.connect_timeout_ms = 10000, .stall_timeout_s = 30 \
	}

struct http_header {
	const char *name;
	const char *value;
};

struct http_request {
	const char *method; /* GET, HEAD, PUT, POST, DELETE */
	const char *url;    /* encoded, http:// or https:// */
	const struct http_header *headers;
	size_t header_count;
	const void *body; /* NULL with length 0 when there is none */
	size_t body_length;
	size_t answer_bytes_max; /* of the answer's body */
	/*
	 * Otherwise, when a connection that was kept open turns out to be
	 * dead, the request is sent again on a new one. A conditional write
	 * must not be: its second copy would be refused because of its first.
	 */
	bool send_once;
};

struct http_response {
	int status;	       /* 200, 404, ... */
	struct buffer headers; /* private: see http_response_header() */
	struct buffer *body;   /* set by the caller: the answer is appended */
};

/* Options are copied. Never fails. The first pool of a process makes it ignore
 * SIGPIPE, unless it has a handler: TLS may write to a closed connection. */
struct http_pool *http_pool_new(const struct http_options *options);
/* No call may be under way. */
void http_pool_free(struct http_pool *pool);

/*
 * Sends the request and waits for the answer. The caller has set
 * response->body and zeroed the rest; http_response_release() ends it, also
 * after a failure (the body may then hold a part of an answer). Returns 0
 * or one of the codes above.
 */
int http_perform(struct http_pool *pool, const struct http_request *request,
		 struct http_response *response);
void http_response_release(struct http_response *response);

/* The value of the answer's header of that name (any case), or NULL. Valid
 * until the response is released. */
const char *http_response_header(const struct http_response *response, const char *name);
/* The value of a header that holds a decimal number; false when it is
 * missing or anything else. */
bool http_response_number(const struct http_response *response, const char *name,
			  uint64_t *value_out);

#endif
