/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"

#define CONNECTION_AGE_MAX_S  15L
#define STALL_BYTES_PER_S     1024L
#define TRANSFER_BUFFER_BYTES (512L << 10)
#define HEADER_BYTES_MAX      (64u << 10)

struct http_handle {
	CURL *curl;
	char error[CURL_ERROR_SIZE];
	int socket;		  /* opened last and still open; -1: none */
	struct http_handle *next; /* in the pool's list of idle handles */
};

struct http_pool {
	/* immutable */
	struct http_options options;
	char *ca_file;

	struct lock lock;
	/* guarded by lock */
	struct http_handle *idle; /* used last comes first */
	unsigned int in_use;
};

/* One call: what libcurl's callbacks need. */
struct http_call {
	const struct http_request *request;
	struct http_response *response;
	struct http_handle *handle;
	size_t body_start; /* length of response->body before the call */
	unsigned int sent; /* how many times the request was begun */
	bool too_large;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void check(bool success)
{
	if (success)
		return;
	fputs("dray: libcurl failed: out of memory or too old\n", stderr);
	abort();
}

static void global_init(void)
{
	struct sigaction action;

	/* With CURLOPT_NOSIGNAL libcurl leaves this to the program. */
	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
	check(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

struct http_pool *http_pool_new(const struct http_options *options)
{
	struct http_pool *pool = xcalloc(1, sizeof(*pool));

	pthread_once(&global_once, global_init);
	pool->options = *options;
	if (options->ca_file)
		pool->ca_file = xstrdup(options->ca_file);
	pool->options.ca_file = pool->ca_file;
	lock_init(&pool->lock, LOCK_RANK_HTTP);
	return pool;
}

static void handle_free(struct http_handle *handle)
{
	curl_easy_cleanup(handle->curl);
	free(handle);
}

void http_pool_free(struct http_pool *pool)
{
	if (!pool)
		return;
	assert(pool->in_use == 0);
	while (pool->idle) {
		struct http_handle *handle = pool->idle;

		pool->idle = handle->next;
		handle_free(handle);
	}
	lock_destroy(&pool->lock);
	free(pool->ca_file);
	free(pool);
}

/*
 * Acknowledges what has come at once. A server that writes head and body of
 * an answer separately and leaves Nagle's algorithm on (RGW's default) holds
 * the body back until then: for 40 ms, if the kernel delays it as usual.
 */
static void acknowledge(const struct http_handle *handle)
{
	int one = 1;

	if (handle->socket >= 0)
		setsockopt(handle->socket, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct http_handle *handle = arg;

	(void)purpose;
	handle->socket = fd;
	return CURL_SOCKOPT_OK;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct http_handle *handle = arg;

	if (handle->socket == fd)
		handle->socket = -1;
	return close(fd);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	struct buffer *headers = &call->response->headers;
	size_t length = size * count;
	size_t used = length;

	/* A status line starts the headers anew: an interim 100 came before. */
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
		buffer_clear(headers);
	if (headers->length + length + 1 > HEADER_BYTES_MAX) {
		call->too_large = true;
		return 0;
	}
	while (used > 0 && strchr("\r\n \t", line[used - 1]))
		used--;
	if (!used) /* the empty line behind the last header */
		acknowledge(call->handle);
	buffer_append(headers, line, used);
	buffer_put_u8(headers, '\0');
	return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	struct buffer *body = call->response->body;
	size_t length = size * count;
	size_t received = body->length - call->body_start;
	curl_off_t announced = -1;

	if (length > call->request->answer_bytes_max - received) {
		call->too_large = true;
		return 0;
	}
	curl_easy_getinfo(call->handle->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (received == 0 && announced > 0 &&
	    (uint64_t)announced <= call->request->answer_bytes_max)
		buffer_reserve(body, (size_t)announced);
	buffer_append(body, bytes, length);
	return length;
}

/* Called each time before the request goes out, also when libcurl repeats it
 * because a connection it had kept was dead. */
static int on_request(void *arg, char *remote_address, char *local_address, int remote_port,
		      int local_port)
{
	struct http_call *call = arg;

	(void)remote_address;
	(void)local_address;
	(void)remote_port;
	(void)local_port;
	if (call->sent > 0 && call->request->send_once)
		return CURL_PREREQFUNC_ABORT;
	call->sent++;
	return CURL_PREREQFUNC_OK;
}

#define SET(curl, option, value) check(curl_easy_setopt(curl, option, value) == CURLE_OK)

static struct http_handle *handle_new(const struct http_options *options)
{
	struct http_handle *handle = xcalloc(1, sizeof(*handle));
	CURL *curl = curl_easy_init();

	check(curl);
	handle->curl = curl;
	handle->socket = -1;
	SET(curl, CURLOPT_ERRORBUFFER, handle->error);
	SET(curl, CURLOPT_USERAGENT, "drayfs/" DRAY_VERSION);
	SET(curl, CURLOPT_NOSIGNAL, 1L);
	/* Over HTTP/2 all transfers to one host would share one TCP stream. */
	SET(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(curl, CURLOPT_PATH_AS_IS, 1L);
	SET(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(curl, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
	SET(curl, CURLOPT_MAXCONNECTS, 1L);
	SET(curl, CURLOPT_MAXAGE_CONN, CONNECTION_AGE_MAX_S);
	SET(curl, CURLOPT_BUFFERSIZE, TRANSFER_BUFFER_BYTES);
	SET(curl, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_BUFFER_BYTES);
	SET(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
	SET(curl, CURLOPT_TIMEOUT_MS, (long)options->total_timeout_ms);
	SET(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
	SET(curl, CURLOPT_LOW_SPEED_TIME, (long)options->stall_timeout_s);
	SET(curl, CURLOPT_HEADERFUNCTION, on_header);
	SET(curl, CURLOPT_WRITEFUNCTION, on_body);
	SET(curl, CURLOPT_PREREQFUNCTION, on_request);
	SET(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
	SET(curl, CURLOPT_SOCKOPTDATA, handle);
	SET(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	SET(curl, CURLOPT_CLOSESOCKETDATA, handle);
	if (options->ca_file)
		SET(curl, CURLOPT_CAINFO, options->ca_file);
	if (options->no_proxy)
		SET(curl, CURLOPT_NOPROXY, "*");
	return handle;
}

static struct http_handle *pool_get(struct http_pool *pool)
{
	struct http_handle *handle;

	lock_acquire(&pool->lock);
	handle = pool->idle;
	if (handle)
		pool->idle = handle->next;
	pool->in_use++;
	lock_release(&pool->lock);
	return handle ? handle : handle_new(&pool->options);
}

static void pool_put(struct http_pool *pool, struct http_handle *handle)
{
	lock_acquire(&pool->lock);
	handle->next = pool->idle;
	pool->idle = handle;
	pool->in_use--;
	lock_release(&pool->lock);
}

static void add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	check(longer);
	*list = longer;
}

/* The caller frees the list. */
static struct curl_slist *build_headers(const struct http_request *request, bool expect_continue)
{
	struct curl_slist *list = NULL;
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];
		CLEANUP_FREE char *line = xasprintf("%s: %s", header->name, header->value);

		add_line(&list, line);
	}
	/* A name without a value keeps libcurl from adding its own. */
	if (!expect_continue)
		add_line(&list, "Expect:");
	add_line(&list, "Accept:");
	if (request->body_length || strcmp(request->method, "PUT") == 0)
		add_line(&list, "Content-Type: application/octet-stream");
	return list;
}

static void set_method(CURL *curl, const struct http_request *request)
{
	/* HTTPGET undoes what the request before on this handle set. */
	SET(curl, CURLOPT_HTTPGET, 1L);
	SET(curl, CURLOPT_NOBODY, strcmp(request->method, "HEAD") == 0 ? 1L : 0L);
	SET(curl, CURLOPT_CUSTOMREQUEST, NULL);
	if (strcmp(request->method, "HEAD") == 0 || strcmp(request->method, "GET") == 0)
		return;
	if (request->body_length || strcmp(request->method, "DELETE") != 0) {
		/* A body in memory is sent with its headers when it is small,
		 * and can be sent again without a callback. */
		SET(curl, CURLOPT_POST, 1L);
		SET(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
		SET(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	}
	SET(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static bool is_read(const struct http_request *request)
{
	return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static int report_too_large(const struct http_call *call)
{
	return err_set(-ERR_store_refused,
		       "%s %s: the answer has more than the %zu bytes expected; is there an object "
		       "store at this address?",
		       call->request->method, call->request->url, call->request->answer_bytes_max);
}

/* The sentence for a call that got no (whole) answer; the head of http.h has
 * the table. */
static int report(const struct http_call *call, CURLcode result)
{
	const struct http_request *request = call->request;
	const char *why = call->handle->error;

	if (!why[0])
		why = curl_easy_strerror(result);
	if (call->too_large)
		return report_too_large(call);
	if (result == CURLE_URL_MALFORMAT ||
	    (result == CURLE_UNSUPPORTED_PROTOCOL && call->sent == 0))
		return err_set(-ERR_store_config, "%s %s: not a usable address: %s",
			       request->method, request->url, why);
	if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE)
		return err_set(-ERR_store_config,
			       "%s %s: the server's certificate is not trusted: %s; name the file "
			       "of the authority that signed it in AWS_CA_BUNDLE",
			       request->method, request->url, why);
	if (call->sent == 0)
		return err_set(-ERR_store_unreachable,
			       "%s %s: no connection: %s; check the endpoint and the network",
			       request->method, request->url, why);
	if (result == CURLE_OPERATION_TIMEDOUT)
		return err_set(-ERR_store_timeout, "%s %s: no answer in time: %s", request->method,
			       request->url, why);
	if (is_read(request))
		return err_set(-ERR_store_truncated, "%s %s: the answer broke off: %s",
			       request->method, request->url, why);
	return err_set(-ERR_store_failed,
		       "%s %s: the connection broke before the answer, so the request may have "
		       "been carried out: %s",
		       request->method, request->url, why);
}

int http_perform(struct http_pool *pool, const struct http_request *request,
		 struct http_response *response)
{
	struct http_handle *handle = pool_get(pool);
	struct http_call call = {
		.request = request,
		.response = response,
		.handle = handle,
		.body_start = response->body->length,
	};
	struct curl_slist *headers = build_headers(request, pool->options.expect_continue);
	CURLcode result;
	long status = 0;
	int err = 0;

	handle->error[0] = '\0';
	set_method(handle->curl, request);
	SET(handle->curl, CURLOPT_URL, request->url);
	SET(handle->curl, CURLOPT_HTTPHEADER, headers);
	SET(handle->curl, CURLOPT_HEADERDATA, &call);
	SET(handle->curl, CURLOPT_WRITEDATA, &call);
	SET(handle->curl, CURLOPT_PREREQDATA, &call);
	result = curl_easy_perform(handle->curl);
	if (result != CURLE_OK)
		err = report(&call, result);
	curl_easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int)status;
	SET(handle->curl, CURLOPT_HTTPHEADER, NULL);
	SET(handle->curl, CURLOPT_POSTFIELDS, NULL);
	curl_slist_free_all(headers);
	pool_put(pool, handle);
	return err;
}

void http_response_release(struct http_response *response)
{
	buffer_release(&response->headers);
}

const char *http_response_header(const struct http_response *response, const char *name)
{
	const char *line = (const char *)response->headers.data;
	const char *end = line + response->headers.length;
	size_t length = strlen(name);

	for (; line < end; line += strlen(line) + 1) {
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			line += length + 1;
			return line + strspn(line, " \t");
		}
	}
	return NULL;
}

bool http_response_number(const struct http_response *response, const char *name,
			  uint64_t *value_out)
{
	const char *text = http_response_header(response, name);
	uint64_t value = 0;

	if (!text || !*text || strlen(text) > 19)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*value_out = value;
	return true;
}
