/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/http.h"
#include "tests/lib/stub_server.h"
#include "tests/lib/unit.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\nhello"

struct fixture {
	struct stub_server *server;
	struct http_pool *pool;
	struct buffer body;
	struct http_response response;
};

static void start(struct fixture *f, const struct stub_reply *replies, size_t count)
{
	static const struct http_options options = { .connect_timeout_ms = 2000,
						     .stall_timeout_s = 1 };

	memset(f, 0, sizeof(*f));
	f->server = stub_server_start(replies, count);
	f->pool = http_pool_new(&options);
	f->response.body = &f->body;
}

static void stop(struct fixture *f)
{
	http_response_release(&f->response);
	buffer_release(&f->body);
	http_pool_free(f->pool);
	stub_server_stop(f->server);
}

static int perform(struct fixture *f, struct http_request request)
{
	CLEANUP_FREE char *url = xasprintf("%s/path", stub_server_url(f->server));

	request.url = url;
	if (!request.answer_bytes_max)
		request.answer_bytes_max = 100;
	buffer_clear(&f->body);
	http_response_release(&f->response);
	return http_perform(f->pool, &request, &f->response);
}

#define START(f, ...)                                               \
	static const struct stub_reply replies[] = { __VA_ARGS__ }; \
	struct fixture f;                                           \
	start(&f, replies, sizeof(replies) / sizeof(replies[0]))

static void assert_body(const struct fixture *f, const char *expected)
{
	ck_assert_uint_eq(f->body.length, strlen(expected));
	ck_assert_mem_eq(f->body.data, expected, f->body.length);
}

START_TEST(a_get_returns_status_headers_and_body)
{
	START(f, { "HTTP/1.1 404 Gone\r\nContent-Length: 5\r\nX-Thing:  a b \r\n\r\nhello",
		   STUB_KEEP });
	uint64_t number = 0;

	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), 0);
	ck_assert_int_eq(f.response.status, 404);
	assert_body(&f, "hello");
	ck_assert_str_eq(http_response_header(&f.response, "x-thing"), "a b");
	ck_assert_ptr_null(http_response_header(&f.response, "x-thin"));
	ck_assert(http_response_number(&f.response, "content-length", &number));
	ck_assert_uint_eq(number, 5);
	ck_assert(!http_response_number(&f.response, "x-thing", &number));
	stop(&f);
}
END_TEST

START_TEST(the_answer_is_appended_to_what_the_buffer_holds)
{
	START(f, { OK_HELLO, STUB_KEEP });
	struct http_request request = { .method = "GET", .answer_bytes_max = 5 };
	CLEANUP_FREE char *url = xasprintf("%s/", stub_server_url(f.server));

	request.url = url;
	buffer_put_text(&f.body, "old ");
	ck_assert_int_eq(http_perform(f.pool, &request, &f.response), 0);
	assert_body(&f, "old hello");
	stop(&f);
}
END_TEST

START_TEST(a_put_sends_its_body_with_a_length_and_its_headers)
{
	static const struct http_header headers[] = { { "x-amz-thing", "v" } };
	START(f, { OK_EMPTY, STUB_KEEP });
	const char *sent;

	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "PUT",
							    .headers = headers,
							    .header_count = 1,
							    .body = "bo\0dy",
							    .body_length = 5 }),
			 0);
	sent = stub_server_request(f.server, 0);
	ck_assert_ptr_nonnull(strstr(sent, "PUT /path HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "\r\nContent-Length: 5\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "\r\nx-amz-thing: v\r\n"));
	ck_assert_ptr_null(strcasestr(sent, "\r\nexpect:"));
	ck_assert_ptr_null(strcasestr(sent, "\r\naccept-encoding:"));
	ck_assert_mem_eq(strstr(sent, "\r\n\r\n") + 4, "bo\0dy", 5);
	stop(&f);
}
END_TEST

START_TEST(methods_do_not_leak_into_the_next_request)
{
	START(f, { OK_EMPTY, STUB_KEEP }, { OK_HELLO, STUB_KEEP },
	      { "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", STUB_KEEP },
	      { "HTTP/1.1 204 No Content\r\n\r\n", STUB_KEEP }, { OK_EMPTY, STUB_KEEP },
	      { OK_HELLO, STUB_KEEP });
	static const char *const methods[] = { "PUT", "GET", "HEAD", "DELETE", "PUT", "GET" };
	uint64_t length = 0;
	size_t i;

	for (i = 0; i < 6; i++) {
		ck_assert_int_eq(perform(&f, (struct http_request){ .method = methods[i] }), 0);
		ck_assert_ptr_eq(strstr(stub_server_request(f.server, i), methods[i]),
				 stub_server_request(f.server, i));
		if (i == 2) {
			ck_assert(http_response_number(&f.response, "content-length", &length));
			ck_assert_uint_eq(length, 77);
		}
	}
	assert_body(&f, "hello");
	ck_assert_uint_eq(stub_server_connections(f.server), 1);
	stop(&f);
}
END_TEST

START_TEST(redirects_are_returned_and_not_followed)
{
	START(f, { "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n"
		   "Content-Length: 0\r\n\r\n",
		   STUB_KEEP });

	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), 0);
	ck_assert_int_eq(f.response.status, 301);
	stop(&f);
}
END_TEST

START_TEST(headers_of_an_interim_answer_are_dropped)
{
	START(f, { "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n" OK_HELLO, STUB_KEEP });

	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), 0);
	ck_assert_int_eq(f.response.status, 200);
	ck_assert_ptr_null(http_response_header(&f.response, "x-interim"));
	stop(&f);
}
END_TEST

START_TEST(without_a_server_the_store_is_unreachable)
{
	START(f, { OK_EMPTY, STUB_KEEP });
	CLEANUP_FREE char *url = xstrdup(stub_server_url(f.server));
	struct http_request request = { .method = "PUT", .url = url };
	int err;

	stub_server_stop(f.server);
	err = http_perform(f.pool, &request, &f.response);
	ck_assert_int_eq(err, -ERR_store_unreachable);
	ck_assert_ptr_nonnull(strstr(err_message(err), url));
	f.server = stub_server_start(NULL, 0);
	stop(&f);
}
END_TEST

START_TEST(silence_after_the_request_is_a_time_out)
{
	START(f, { "", STUB_HOLD });
	int err = perform(&f,
			  (struct http_request){ .method = "PUT", .body = "b", .body_length = 1 });

	ck_assert_int_eq(err, -ERR_store_timeout);
	ck_assert(err_is_ambiguous(err));
	stop(&f);
}
END_TEST

START_TEST(a_read_that_breaks_off_is_truncated)
{
	START(f, { "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel", STUB_CLOSE },
	      { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", STUB_CLOSE },
	      { "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel", STUB_RESET },
	      { "garbage\r\n\r\n", STUB_CLOSE });
	int i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }),
				 -ERR_store_truncated);
	stop(&f);
}
END_TEST

START_TEST(a_write_whose_answer_is_lost_is_ambiguous)
{
	START(f, { "", STUB_CLOSE }, { "", STUB_RESET }, { "garbage\r\n\r\n", STUB_CLOSE },
	      { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", STUB_CLOSE });
	int i;

	for (i = 0; i < 4; i++) {
		int err = perform(&f, (struct http_request){
					      .method = "PUT", .body = "b", .body_length = 1 });

		ck_assert_int_eq(err, -ERR_store_failed);
		ck_assert(err_is_ambiguous(err));
	}
	stop(&f);
}
END_TEST

/* The server takes the second request of a kept connection, may have carried
 * it out, and closes: what libcurl takes for a stale connection. */
START_TEST(a_read_on_a_dead_connection_is_sent_again)
{
	START(f, { OK_HELLO, STUB_KEEP }, { "", STUB_CLOSE }, { OK_HELLO, STUB_KEEP });

	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), 0);
	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), 0);
	assert_body(&f, "hello");
	ck_assert_uint_eq(stub_server_requests(f.server), 3);
	stop(&f);
}
END_TEST

START_TEST(a_conditional_write_on_a_dead_connection_is_not_sent_again)
{
	START(f, { OK_HELLO, STUB_KEEP }, { "", STUB_CLOSE }, { OK_HELLO, STUB_KEEP });
	int err;

	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), 0);
	err = perform(&f,
		      (struct http_request){
			      .method = "PUT", .body = "b", .body_length = 1, .send_once = true });
	ck_assert_int_eq(err, -ERR_store_failed);
	ck_assert_uint_eq(stub_server_requests(f.server), 2);
	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), 0);
	stop(&f);
}
END_TEST

START_TEST(an_answer_beyond_its_bound_is_refused)
{
	START(f, { OK_HELLO, STUB_KEEP }, { OK_HELLO, STUB_KEEP });
	struct http_request request = { .method = "GET", .answer_bytes_max = 5 };

	ck_assert_int_eq(perform(&f, request), 0);
	request.answer_bytes_max = 4;
	ck_assert_int_eq(perform(&f, request), -ERR_store_refused);
	stop(&f);
}
END_TEST

START_TEST(endless_headers_are_refused)
{
	struct buffer text = BUFFER_INIT;
	struct stub_reply reply = { NULL, STUB_KEEP };
	struct fixture f;
	int i;

	buffer_put_text(&text, "HTTP/1.1 200 OK\r\n");
	for (i = 0; i < 2000; i++)
		buffer_put_text(&text, "X-Filler: 0123456789012345678901234567890123456789\r\n");
	buffer_put_text(&text, "\r\n");
	buffer_put_u8(&text, '\0');
	reply.bytes = (char *)text.data;
	start(&f, &reply, 1);
	ck_assert_int_eq(perform(&f, (struct http_request){ .method = "GET" }), -ERR_store_refused);
	stop(&f);
	buffer_release(&text);
}
END_TEST

START_TEST(an_address_that_is_none_is_a_matter_of_configuration)
{
	START(f, { OK_EMPTY, STUB_KEEP });
	struct http_request request = { .method = "GET", .url = "nonsense://x" };

	ck_assert_int_eq(http_perform(f.pool, &request, &f.response), -ERR_store_config);
	request.url = "http://bad host/";
	ck_assert_int_eq(http_perform(f.pool, &request, &f.response), -ERR_store_config);
	stop(&f);
}
END_TEST

static void *get_many(void *arg)
{
	struct fixture *f = arg;
	CLEANUP_FREE char *url = xasprintf("%s/", stub_server_url(f->server));
	int i;

	for (i = 0; i < 50; i++) {
		CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
		struct http_response response = { .body = &body };
		struct http_request request = { .method = "GET",
						.url = url,
						.answer_bytes_max = 100 };

		ck_assert_int_eq(http_perform(f->pool, &request, &response), 0);
		ck_assert_uint_eq(body.length, 5);
		http_response_release(&response);
	}
	return NULL;
}

START_TEST(threads_share_the_connections_of_the_pool)
{
	struct stub_reply replies[200];
	struct fixture f;
	pthread_t threads[4];
	int i;

	for (i = 0; i < 200; i++)
		replies[i] = (struct stub_reply){ OK_HELLO, STUB_KEEP };
	start(&f, replies, 200);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, get_many, &f), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(stub_server_requests(f.server), 200);
	ck_assert_uint_le(stub_server_connections(f.server), 4);
	stop(&f);
}
END_TEST

UNIT_MAIN("http", a_get_returns_status_headers_and_body,
	  the_answer_is_appended_to_what_the_buffer_holds,
	  a_put_sends_its_body_with_a_length_and_its_headers,
	  methods_do_not_leak_into_the_next_request, redirects_are_returned_and_not_followed,
	  headers_of_an_interim_answer_are_dropped, without_a_server_the_store_is_unreachable,
	  silence_after_the_request_is_a_time_out, a_read_that_breaks_off_is_truncated,
	  a_write_whose_answer_is_lost_is_ambiguous, a_read_on_a_dead_connection_is_sent_again,
	  a_conditional_write_on_a_dead_connection_is_not_sent_again,
	  an_answer_beyond_its_bound_is_refused, endless_headers_are_refused,
	  an_address_that_is_none_is_a_matter_of_configuration,
	  threads_share_the_connections_of_the_pool)
