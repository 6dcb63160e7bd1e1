/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_s3.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/store_s3_request.h"
#include "backend/store_s3_xml.h"

#define LIST_PAGE_KEYS	    "1000"
#define LIST_PAGE_BYTES_MAX (16u << 20)

struct s3_store {
	struct store base;
	char *prefix; /* "" or "a/b/" */
	struct s3_target target;
};

static const struct store_ops s3_ops;

static struct s3_store *s3_store(struct store *store)
{
	assert(store->ops == &s3_ops);
	return (struct s3_store *)store;
}

/* The caller frees it. */
static char *full_key(const struct s3_store *s3, const char *key)
{
	return xasprintf("%s%s", s3->prefix, key);
}

/*
 * Whether an answer is S3's about an object: all servers give an ETag with
 * it. What stands in between (a proxy, a network's sign-in page) may answer
 * anything with 200; such a PUT has stored nothing.
 */
static bool has_etag(const struct http_response *response)
{
	return http_response_header(response, "etag") != NULL;
}

static int report_no_object(const struct s3_store *s3, const char *method, const char *name,
			    const struct http_response *response, int err)
{
	CLEANUP_FREE char *url = s3_url(&s3->target, name);

	return err_set(err,
		       "%s %s: HTTP %d without an ETag: not an S3 server's answer; is something "
		       "between here and the store?",
		       method, url, response->status);
}

static int s3_put(struct store *store, const char *key, const void *bytes, size_t length,
		  enum store_put_flags flags)
{
	struct s3_store *s3 = s3_store(store);
	CLEANUP_FREE char *name = full_key(s3, key);
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct http_response response = { .body = &body };
	bool if_absent = flags & STORE_IF_ABSENT;
	struct s3_request request = {
		.method = "PUT",
		.key = name,
		.body = bytes,
		.body_length = length,
		.send_once = if_absent,
	};
	int err;

	if (length > STORE_S3_OBJECT_MAX)
		return err_set(-ERR_store_refused,
			       "%s: object %s has %zu bytes; at most %u are put at once",
			       store->url, key, length, STORE_S3_OBJECT_MAX);
	if (if_absent)
		request.header = (struct sign_s3_pair){ "if-none-match", "*" };
	err = s3_send(&s3->target, &request, &response);
	if (!err && !has_etag(&response))
		err = report_no_object(s3, "PUT", name, &response, -ERR_store_failed);
	http_response_release(&response);
	if (err == -ENOENT || err == -ERANGE || (err == -EEXIST && !if_absent))
		return err_set(-ERR_store_refused,
			       "PUT %s/%s: the server's answer (%s) makes no "
			       "sense for a write",
			       store->url, key, err_name(err));
	return err;
}

/* A part of an object that is wanted, and what the answer says of it. */
struct range {
	uint64_t offset;
	size_t length;	 /* STORE_GET_ALL: to the end */
	char header[64]; /* value of the Range header; "": all of the object */
	uint64_t total;	 /* out: the object's size */
};

static struct range range_of(uint64_t offset, size_t length)
{
	struct range range = { .offset = offset, .length = length };

	if (length != STORE_GET_ALL && length <= UINT64_MAX - offset)
		snprintf(range.header, sizeof(range.header), "bytes=%" PRIu64 "-%" PRIu64, offset,
			 offset + length - 1);
	else if (offset)
		snprintf(range.header, sizeof(range.header), "bytes=%" PRIu64 "-", offset);
	return range;
}

/* "bytes 0-4095/123456" */
static bool parse_content_range(const char *text, uint64_t *first, uint64_t *last, uint64_t *total)
{
	int end = 0;

	return text &&
	       sscanf(text, "bytes %19" SCNu64 "-%19" SCNu64 "/%19" SCNu64 "%n", first, last, total,
		      &end) == 3 &&
	       text[end] == '\0';
}

/* NULL when `got` bytes answer the range; otherwise what is wrong. */
static const char *check_partial(struct range *range, const struct http_response *response,
				 uint64_t got)
{
	uint64_t first;
	uint64_t last;
	uint64_t left;

	if (!parse_content_range(http_response_header(response, "content-range"), &first, &last,
				 &range->total))
		return "it has no Content-Range";
	if (first != range->offset || last < first || last >= range->total)
		return "it is of another range";
	left = range->total - first;
	if (got != last - first + 1 || got != (left < range->length ? left : range->length))
		return "it has not the length that was asked for";
	return NULL;
}

/* As check_partial(), for an answer with the whole object. Servers may give
 * it when the range covers all. */
static const char *check_full(struct range *range, const struct http_response *response,
			      uint64_t got)
{
	if (range->offset)
		return "the server ignores ranges";
	if (!http_response_number(response, "content-length", &range->total))
		return "it has no Content-Length";
	if (got != range->total)
		return "it has not the length that it states";
	if (got > range->length)
		return "the server ignores ranges";
	return NULL;
}

static int check_range(const struct s3_store *s3, const char *name, struct range *range,
		       const struct http_response *response, uint64_t got)
{
	CLEANUP_FREE char *url = NULL;
	const char *problem = response->status == 206 ? check_partial(range, response, got)
						      : check_full(range, response, got);

	if (!problem)
		return 0;
	url = s3_url(&s3->target, name);
	return err_set(-ERR_store_truncated,
		       "GET %s (%s): the answer (HTTP %d, %" PRIu64 " bytes) cannot be used: %s",
		       url, range->header[0] ? range->header : "all of it", response->status, got,
		       problem);
}

/* Appends the range to out. Returns 0, -ENOENT, -ERANGE when the range starts
 * at or behind the end, or an error. */
static int get_range(struct s3_store *s3, const char *name, struct range *range, struct buffer *out)
{
	struct http_response response = { .body = out };
	size_t start = out->length;
	struct s3_request request = {
		.method = "GET",
		.key = name,
		.answer_bytes_max =
			range->length < STORE_S3_OBJECT_MAX ? range->length : STORE_S3_OBJECT_MAX,
	};
	int err;

	if (range->header[0])
		request.header = (struct sign_s3_pair){ "range", range->header };
	err = s3_send(&s3->target, &request, &response);
	if (!err && !has_etag(&response))
		err = report_no_object(s3, "GET", name, &response, -ERR_store_truncated);
	if (!err)
		err = check_range(s3, name, range, &response, out->length - start);
	if (err)
		out->length = start;
	http_response_release(&response);
	return err;
}

/*
 * An answer to HEAD has no body, so a refusal cannot be explained, and a 404
 * may mean the bucket or a server that is no S3 at all. A GET of the first
 * byte tells them apart.
 */
static int head_by_get(struct s3_store *s3, const char *name, uint64_t *size_out)
{
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct range range = range_of(0, 1);
	int err = get_range(s3, name, &range, &body);

	if (err == -ERANGE) { /* an empty object has no first byte */
		*size_out = 0;
		return 0;
	}
	if (!err)
		*size_out = range.total;
	return err;
}

static int head_object(struct s3_store *s3, const char *name, uint64_t *size_out)
{
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct http_response response = { .body = &body };
	struct s3_request request = { .method = "HEAD", .key = name };
	bool has_length = false;
	int err = s3_send(&s3->target, &request, &response);

	if (!err && has_etag(&response))
		has_length = http_response_number(&response, "content-length", size_out);
	http_response_release(&response);
	if (err_is_transient(err) || has_length)
		return err;
	return head_by_get(s3, name, size_out);
}

static int s3_head(struct store *store, const char *key, uint64_t *size_out)
{
	struct s3_store *s3 = s3_store(store);
	CLEANUP_FREE char *name = full_key(s3, key);

	return head_object(s3, name, size_out);
}

static int s3_get(struct store *store, const char *key, uint64_t offset, size_t length,
		  struct buffer *out)
{
	struct s3_store *s3 = s3_store(store);
	CLEANUP_FREE char *name = full_key(s3, key);
	struct range range;
	uint64_t size;
	int err;

	if (length == 0) /* HTTP has no empty ranges */
		return head_object(s3, name, &size);
	range = range_of(offset, length);
	err = get_range(s3, name, &range, out);
	return err == -ERANGE ? 0 : err;
}

static int s3_remove(struct store *store, const char *key)
{
	struct s3_store *s3 = s3_store(store);
	CLEANUP_FREE char *name = full_key(s3, key);
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct http_response response = { .body = &body };
	struct s3_request request = { .method = "DELETE", .key = name };
	int err = s3_send(&s3->target, &request, &response);

	http_response_release(&response);
	return err == -ENOENT ? 0 : err;
}

/* A listing under way. */
struct listing {
	struct s3_store *s3;
	char *prefix; /* full */
	char *after;  /* full, NULL: from the first */
	char *token;  /* of the next page; NULL: the first page */
	char *last;   /* full key of the last object seen; NULL: none yet */
	store_list_fn *fn;
	void *arg;
};

static void listing_release(struct listing *listing)
{
	free(listing->prefix);
	free(listing->after);
	free(listing->token);
	free(listing->last);
}

static int bad_page(const struct listing *listing, const char *problem)
{
	CLEANUP_FREE char *url = s3_url(&listing->s3->target, NULL);

	return err_set(-ERR_store_truncated, "GET %s (list \"%s\"): the answer cannot be used: %s",
		       url, listing->prefix, problem);
}

static int fetch_page(const struct listing *listing, struct s3_list_page *page)
{
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct http_response response = { .body = &body };
	struct sign_s3_pair parameters[6] = {
		{ "list-type", "2" },
		{ "encoding-type", "url" },
		{ "max-keys", LIST_PAGE_KEYS },
		{ "prefix", listing->prefix },
	};
	struct s3_request request = {
		.method = "GET",
		.parameters = parameters,
		.parameter_count = 4,
		.answer_bytes_max = LIST_PAGE_BYTES_MAX,
	};
	const char *problem;
	int err;

	if (listing->after)
		parameters[request.parameter_count++] =
			(struct sign_s3_pair){ "start-after", listing->after };
	if (listing->token)
		parameters[request.parameter_count++] =
			(struct sign_s3_pair){ "continuation-token", listing->token };
	err = s3_send(&listing->s3->target, &request, &response);
	http_response_release(&response);
	if (err == -ENOENT || err == -EEXIST || err == -ERANGE)
		return bad_page(listing, "its error makes no sense for a listing");
	if (err)
		return err;
	problem = s3_xml_parse_list(body.data, body.length, page);
	return problem ? bad_page(listing, problem) : 0;
}

/* Hands one object to the caller; objects that are none of ours (a key that
 * no volume uses) are passed over. */
static int hand_over(struct listing *listing, const struct s3_list_entry *entry)
{
	struct store_object object = { .size = entry->size };

	if (strncmp(entry->key, listing->prefix, strlen(listing->prefix)) != 0)
		return bad_page(listing, "it has a key without the prefix");
	if ((listing->last && strcmp(entry->key, listing->last) <= 0) ||
	    (listing->after && strcmp(entry->key, listing->after) <= 0))
		return bad_page(listing, "its keys are not in order");
	free(listing->last);
	listing->last = xstrdup(entry->key);
	object.key = entry->key + strlen(listing->s3->prefix);
	return store_key_valid(object.key) ? listing->fn(&object, listing->arg) : 0;
}

/* Hands one page over; sets *more when another one follows. */
static int list_page(struct listing *listing, bool *more)
{
	struct s3_list_page page;
	size_t i;
	int err = fetch_page(listing, &page);

	*more = false;
	if (err)
		return err;
	for (i = 0; !err && i < page.count; i++)
		err = hand_over(listing, &page.entries[i]);
	if (!err && page.truncated && listing->token &&
	    strcmp(listing->token, page.next_token) == 0)
		err = bad_page(listing, "its next page is itself");
	*more = !err && page.truncated;
	free(listing->token);
	listing->token = page.next_token;
	page.next_token = NULL;
	s3_list_page_release(&page);
	return err;
}

static int s3_list(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
		   void *arg)
{
	struct s3_store *s3 = s3_store(store);
	struct listing listing = {
		.s3 = s3,
		.prefix = full_key(s3, prefix),
		.after = after ? full_key(s3, after) : NULL,
		.fn = fn,
		.arg = arg,
	};
	bool more;
	int result;

	do {
		result = list_page(&listing, &more);
	} while (more);
	listing_release(&listing);
	return result;
}

static void s3_free(struct store *store)
{
	struct s3_store *s3 = s3_store(store);

	s3_target_release(&s3->target);
	free(s3->prefix);
	store_release(store);
	free(s3);
}

static const struct store_ops s3_ops = {
	.put = s3_put,
	.get = s3_get,
	.head = s3_head,
	.remove = s3_remove,
	.list = s3_list,
	.free = s3_free,
};

int store_s3_open(const char *bucket, const char *prefix, const char *url, struct store **out)
{
	struct s3_store *s3;
	struct s3_target target;
	int err = s3_target_init(&target, bucket);

	if (err)
		return err;
	s3 = xcalloc(1, sizeof(*s3));
	store_init(&s3->base, &s3_ops, "s3", url, NULL);
	s3->target = target;
	s3->prefix = prefix[0] ? xasprintf("%s/", prefix) : xstrdup("");
	*out = &s3->base;
	return 0;
}

void store_s3_set_clock_offset(struct store *store, int64_t seconds)
{
	s3_store(store)->target.clock_offset_s = seconds;
}
