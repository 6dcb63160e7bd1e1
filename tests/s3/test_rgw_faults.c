/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The S3 store below store_retry, with a fault proxy between it and a real
 * server: nothing is lost, nothing is wrong, nothing is reported as somebody
 * else's. Run by tests/lib/with_rgw.sh --faults.
 */
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/http.h"
#include "backend/store_retry.h"
#include "backend/store_s3.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define THREADS		   4
#define OBJECTS_PER_THREAD 40
#define OBJECT_BYTES_MAX   (300u << 10)

static const struct store_retry_conf retry_conf = {
	.delay_first_ns = 5 * NS_PER_MS,
	.delay_max_ns = 50 * NS_PER_MS,
	.report_after = 1000,
};

/* What the proxy can do that a repetition cures. A bit that flips in the body
 * of an object is for the checksums inside it, so it is only tried on lists. */
static const char *const curable[] = { "503",  "500",	   "409",   "200err",  "rst_up", "flip_up",
				       "lost", "rst_down", "trunc", "garbage", "hang",	 "stall" };

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Sends settings to the proxy; returns what it tells, owned by the caller. */
static json_t *control(const char *query)
{
	static const struct http_options options = HTTP_OPTIONS_INIT;
	struct http_pool *pool = http_pool_new(&options);
	CLEANUP_FREE char *url = xasprintf("%s/?%s", getenv("DRAY_TEST_FAULT_CONTROL"), query);
	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
	struct http_response response = { .body = &body };
	struct http_request request = { .method = "GET", .url = url, .answer_bytes_max = 65536 };
	json_t *state;

	ck_assert_int_eq(http_perform(pool, &request, &response), 0);
	ck_assert_int_eq(response.status, 200);
	state = json_loadb((char *)body.data, body.length, 0, NULL);
	ck_assert_ptr_nonnull(state);
	http_response_release(&response);
	http_pool_free(pool);
	return state;
}

static void set(const char *query)
{
	json_decref(control(query));
}

/* A counter of the proxy. */
static long long counted(const char *name)
{
	json_t *state = control("");
	long long value = json_integer_value(json_object_get(state, name));

	json_decref(state);
	return value;
}

static struct store *open_s3(const char *prefix)
{
	const char *bucket = getenv("DRAY_TEST_S3_BUCKET");
	struct store *store = NULL;

	ck_assert_int_eq(store_s3_open(bucket, prefix, "s3://test", &store), 0);
	return store;
}

static struct store *open_with_retry(const char *prefix)
{
	return store_retry_new(open_s3(prefix), &retry_conf);
}

/* Around the proxy. */
static struct store *open_directly(const char *prefix)
{
	const char *proxy = getenv("AWS_ENDPOINT_URL");
	CLEANUP_FREE char *saved = xstrdup(proxy);
	struct store *store;

	setenv("AWS_ENDPOINT_URL", getenv("DRAY_TEST_S3_ENDPOINT"), 1);
	store = open_s3(prefix);
	setenv("AWS_ENDPOINT_URL", saved, 1);
	return store;
}

static void assert_done(int err, const char *what, const char *fault)
{
	ck_assert_msg(err == 0, "%s under %s: %s", what, fault, err_message(err));
}

static int count_object(const struct store_object *object, void *arg)
{
	(void)object;
	++*(int *)arg;
	return 0;
}

/* One of each call, the first attempt of which has the fault. */
static void each_call_once(struct store *store, const char *fault)
{
	CLEANUP_FREE char *arm = xasprintf("reset&hang_s=0.2&max=1&p_%s=1", fault);
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	uint64_t size = 0;
	int count = 0;

	set(arm);
	assert_done(store_put(store, "k", "abcdef", 6, STORE_IF_ABSENT), "put-if-absent", fault);
	set(arm);
	ck_assert_int_eq(store_put(store, "k", "other", 5, STORE_IF_ABSENT), -EEXIST);
	set(arm);
	assert_done(store_put(store, "k2", "123456", 6, 0), "put", fault);
	set(arm);
	assert_done(store_get(store, "k", 1, 4, &out), "get", fault);
	ck_assert_uint_eq(out.length, 4);
	ck_assert_mem_eq(out.data, "bcde", 4);
	set(arm);
	assert_done(store_head(store, "k", &size), "head", fault);
	ck_assert_uint_eq(size, 6);
	set(arm);
	ck_assert_int_eq(store_get(store, "none", 0, 1, &out), -ENOENT);
	set(arm);
	assert_done(store_list(store, "", NULL, count_object, &count), "list", fault);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(counted(fault), 1);
	set(arm);
	assert_done(store_remove(store, "k"), "remove", fault);
	assert_done(store_remove(store, "k2"), "remove", fault);
	set("reset");
}

START_TEST(each_fault_in_each_call_is_got_over)
{
	struct store *store = open_with_retry("once");
	size_t i;

	for (i = 0; i < ROWS(curable); i++)
		each_call_once(store, curable[i]);
	store_free(store);
}
END_TEST

START_TEST(a_bit_that_flips_in_an_upload_is_never_stored)
{
	struct store *store = open_s3("flip");
	struct buffer out = BUFFER_INIT;

	set("reset&p_flip_up=1");
	ck_assert_int_eq(store_put(store, "k", "abcdef", 6, STORE_IF_ABSENT), -ERR_store_truncated);
	set("reset");
	ck_assert_int_eq(store_get(store, "k", 0, 1, &out), -ENOENT);
	buffer_release(&out);
	store_free(store);
}
END_TEST

/* The bit may be one of a key, which only TLS could tell: that one key may
 * be another, or none of ours. Otherwise the listing is whole or fails. */
START_TEST(a_bit_that_flips_in_a_listing_never_cuts_it)
{
	struct store *store = open_s3("list");
	int refused = 0;
	int i;

	set("reset");
	for (i = 0; i < 20; i++) {
		CLEANUP_FREE char *key = xasprintf("k%02d", i);

		ck_assert_int_eq(store_put(store, key, "", 0, 0), 0);
	}
	set("reset&p_flip_down=1&seed=7");
	for (i = 0; i < 100; i++) {
		int count = 0;
		int err = store_list(store, "", NULL, count_object, &count);

		if (err)
			refused++;
		else
			ck_assert_msg(count >= 19, "flip %d: %d of 20 objects", i, count);
	}
	set("reset");
	ck_assert_int_gt(refused, 0);
	store_free(store);
}
END_TEST

struct writer {
	struct store *store;
	unsigned int number;
	pthread_t thread;
};

static void fill(struct buffer *bytes, unsigned int writer, unsigned int i)
{
	uint64_t seed = writer * 1000u + i;
	size_t length = (size_t)(seed * 2654435761u % OBJECT_BYTES_MAX);

	buffer_clear(bytes);
	noise_fill(seed, buffer_extend(bytes, length), length);
}

static void *write_objects(void *arg)
{
	struct writer *writer = arg;
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	unsigned int i;

	for (i = 0; i < OBJECTS_PER_THREAD; i++) {
		CLEANUP_FREE char *key = xasprintf("pack/%u-%u", writer->number, i);
		int err;

		fill(&bytes, writer->number, i);
		err = store_put(writer->store, key, bytes.data, bytes.length, STORE_IF_ABSENT);
		assert_done(err, key, "the storm");
		buffer_clear(&out);
		assert_done(store_get(writer->store, key, 0, STORE_GET_ALL, &out), key,
			    "the storm");
		ck_assert_uint_eq(out.length, bytes.length);
		ck_assert(!out.length || memcmp(out.data, bytes.data, out.length) == 0);
	}
	return NULL;
}

/* All objects are there, whole, and no others. */
static void verify_objects(struct store *store)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	unsigned int writer, i;
	int count = 0;

	ck_assert_int_eq(store_list(store, "", NULL, count_object, &count), 0);
	ck_assert_int_eq(count, THREADS * OBJECTS_PER_THREAD);
	for (writer = 0; writer < THREADS; writer++) {
		for (i = 0; i < OBJECTS_PER_THREAD; i++) {
			CLEANUP_FREE char *key = xasprintf("pack/%u-%u", writer, i);

			fill(&bytes, writer, i);
			buffer_clear(&out);
			ck_assert_int_eq(store_get(store, key, 0, STORE_GET_ALL, &out), 0);
			ck_assert_uint_eq(out.length, bytes.length);
			ck_assert(!out.length || memcmp(out.data, bytes.data, out.length) == 0);
		}
	}
}

START_TEST(a_storm_of_all_faults_loses_nothing)
{
	struct store *store = open_with_retry("storm");
	struct store *direct = open_directly("storm");
	CLEANUP_BUFFER struct buffer query = BUFFER_INIT;
	struct store_retry_status status;
	struct writer writers[THREADS];
	unsigned int i;

	buffer_put_text(&query, "reset&seed=3&hang_s=0.2&jitter=3");
	for (i = 0; i < ROWS(curable); i++)
		buffer_printf(&query, "&p_%s=0.04", curable[i]);
	buffer_put_u8(&query, '\0');
	set((char *)query.data);
	for (i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){ .store = store, .number = i };
		ck_assert_int_eq(
			pthread_create(&writers[i].thread, NULL, write_objects, &writers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(writers[i].thread, NULL);
	for (i = 0; i < ROWS(curable); i++)
		ck_assert_msg(counted(curable[i]) > 0, "the storm had no %s", curable[i]);
	store_retry_get_status(store, &status);
	ck_assert_uint_gt(status.retries_total, 0);
	verify_objects(direct);
	set("reset");
	store_free(store);
	store_free(direct);
}
END_TEST

static void *put_one(void *arg)
{
	int err = store_put(arg, "k", "abc", 3, STORE_IF_ABSENT);

	ck_assert_msg(err == 0, "%s", err_message(err));
	return NULL;
}

START_TEST(a_put_waits_for_an_endpoint_that_is_away)
{
	struct store *store = open_with_retry("down");
	struct store_retry_status status;
	pthread_t thread;

	set("reset&down=1");
	ck_assert_int_eq(pthread_create(&thread, NULL, put_one, store), 0);
	do {
		sched_yield();
		store_retry_get_status(store, &status);
	} while (status.retries_total < 3);
	ck_assert_ptr_nonnull(strstr(status.last_error, "/down/k: "));
	set("down=0");
	pthread_join(thread, NULL);
	store_free(store);
}
END_TEST

UNIT_MAIN("rgw_faults", each_fault_in_each_call_is_got_over,
	  a_bit_that_flips_in_an_upload_is_never_stored,
	  a_bit_that_flips_in_a_listing_never_cuts_it, a_storm_of_all_faults_loses_nothing,
	  a_put_waits_for_an_endpoint_that_is_away)
