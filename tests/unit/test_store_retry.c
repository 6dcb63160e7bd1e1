/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_retry.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/store_mem.h"
#include "tests/lib/unit.h"

/*
 * The store below: an in-memory one whose next calls are answered from a
 * script, a string with one letter a call.
 *
 *	.  carried out, answered
 *	b  not carried out, -ERR_store_busy (transient)
 *	l  carried out, -ERR_store_timeout (ambiguous)
 *	d  not carried out, -ERR_store_denied (permanent)
 *
 * A call behind the end of the script is carried out and answered.
 */
static const char *script;
static unsigned int calls;
static struct store *memory;
static struct store *retry;

static char next_answer(void)
{
	calls++;
	return *script ? *script++ : '.';
}

static int answer_before(char answer)
{
	if (answer == 'b')
		return err_set(-ERR_store_busy, "503 of call %u", calls);
	if (answer == 'd')
		return err_set(-ERR_store_denied, "403 of call %u", calls);
	return 0;
}

static int answer_after(char answer, int result)
{
	return answer == 'l' ? err_set(-ERR_store_timeout, "no answer to call %u", calls) : result;
}

static int script_put(struct store *store, const char *key, const void *bytes, size_t length,
		      enum store_put_flags flags)
{
	char answer = next_answer();
	int result = answer_before(answer);

	(void)store;
	if (!result)
		result = answer_after(answer, store_put(memory, key, bytes, length, flags));
	return result;
}

static int script_get(struct store *store, const char *key, uint64_t offset, size_t length,
		      struct buffer *out)
{
	char answer = next_answer();
	int result = answer_before(answer);

	(void)store;
	return result ? result : store_get(memory, key, offset, length, out);
}

static int script_head(struct store *store, const char *key, uint64_t *size_out)
{
	char answer = next_answer();
	int result = answer_before(answer);

	(void)store;
	return result ? result : store_head(memory, key, size_out);
}

static int script_remove(struct store *store, const char *key)
{
	char answer = next_answer();
	int result = answer_before(answer);

	(void)store;
	if (!result)
		result = answer_after(answer, store_remove(memory, key));
	return result;
}

/* 'l' breaks the listing off before its third object. */
struct list_cut {
	store_list_fn *fn;
	void *arg;
	int left;
};

static int cut_object(const struct store_object *object, void *arg)
{
	struct list_cut *cut = arg;

	return cut->left-- ? cut->fn(object, cut->arg) : -ERR_store_timeout;
}

static int script_list(struct store *store, const char *prefix, const char *after,
		       store_list_fn *fn, void *arg)
{
	char answer = next_answer();
	int result = answer_before(answer);
	struct list_cut cut = { fn, arg, answer == 'l' ? 2 : 1000 };

	(void)store;
	return result ? result : store_list(memory, prefix, after, cut_object, &cut);
}

static void script_free(struct store *store)
{
	store_release(store);
	free(store);
}

static const struct store_ops script_ops = {
	.put = script_put,
	.get = script_get,
	.head = script_head,
	.remove = script_remove,
	.list = script_list,
	.free = script_free,
};

static const struct store_retry_conf at_once = { .report_after = 3 };

static void open_stores(const char *answers, const struct store_retry_conf *conf)
{
	struct store *below = xcalloc(1, sizeof(*below));

	script = answers;
	calls = 0;
	memory = store_mem_open("retry");
	store_init(below, &script_ops, "script", "script://", NULL);
	retry = store_retry_new(below, conf);
}

static void close_stores(void)
{
	store_free(retry);
	store_free(memory);
	store_mem_forget("retry");
}

static struct store_retry_status status(void)
{
	struct store_retry_status out;

	store_retry_get_status(retry, &out);
	return out;
}

static void expect_object(const char *key, const char *text)
{
	struct buffer out = BUFFER_INIT;

	ck_assert_int_eq(store_get(memory, key, 0, STORE_GET_ALL, &out), 0);
	ck_assert_uint_eq(out.length, strlen(text));
	ck_assert(!out.length || memcmp(out.data, text, out.length) == 0);
	buffer_release(&out);
}

START_TEST(longest_delay_doubles_up_to_the_maximum)
{
	static const struct store_retry_conf conf = { .delay_first_ns = 100, .delay_max_ns = 1000 };
	static const int64_t longest[] = { 100, 200, 400, 800, 1000, 1000 };
	unsigned int i;

	for (i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
		uint64_t top = (uint64_t)longest[i];

		ck_assert_int_eq(store_retry_delay_ns(&conf, i + 1, top), longest[i]);
		ck_assert_int_eq(store_retry_delay_ns(&conf, i + 1, top + 1), 0);
		ck_assert_int_eq(store_retry_delay_ns(&conf, i + 1, 0), 0);
		ck_assert_int_eq(store_retry_delay_ns(&conf, i + 1, 7), 7);
	}
}
END_TEST

START_TEST(delay_stays_in_range_for_ever)
{
	static const struct store_retry_conf confs[] = {
		STORE_RETRY_CONF_DEFAULT,
		{ .delay_first_ns = 1, .delay_max_ns = INT64_MAX / 2 },
		{ .delay_first_ns = 0, .delay_max_ns = 1000 },
		{ .delay_first_ns = 5000, .delay_max_ns = 1000 },
	};
	static const unsigned int failures[] = { 1, 2, 31, 32, 63, 64, 65, 1000, UINT32_MAX };
	size_t i, j;

	for (i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
		for (j = 0; j < sizeof(failures) / sizeof(failures[0]); j++) {
			int64_t delay =
				store_retry_delay_ns(&confs[i], failures[j], UINT64_MAX - 1);

			ck_assert_int_ge(delay, 0);
			ck_assert_int_le(delay, confs[i].delay_max_ns);
		}
	}
}
END_TEST

START_TEST(transient_failure_is_repeated_with_the_same_bytes)
{
	struct buffer out = BUFFER_INIT;
	uint64_t size;

	open_stores("bbl.b.b.b.", &at_once);
	ck_assert_int_eq(store_put(retry, "k", "bytes", 5, 0), 0);
	ck_assert_uint_eq(calls, 4);
	expect_object("k", "bytes");
	ck_assert_int_eq(store_get(retry, "k", 1, 2, &out), 0);
	ck_assert_uint_eq(out.length, 2);
	ck_assert_int_eq(store_head(retry, "k", &size), 0);
	ck_assert_uint_eq(size, 5);
	ck_assert_int_eq(store_remove(retry, "k"), 0);
	ck_assert_uint_eq(calls, 10);
	ck_assert_int_eq(store_head(memory, "k", &size), -ENOENT);
	ck_assert_uint_eq(status().retries_total, 6);
	buffer_release(&out);
	close_stores();
}
END_TEST

START_TEST(permanent_failure_and_expected_outcomes_return_at_once)
{
	struct buffer out = BUFFER_INIT;

	open_stores("d", &at_once);
	ck_assert_int_eq(store_put(retry, "k", "x", 1, 0), -ERR_store_denied);
	ck_assert_str_eq(err_message(-ERR_store_denied), "403 of call 1");
	ck_assert_int_eq(store_get(retry, "k", 0, 1, &out), -ENOENT);
	ck_assert_int_eq(store_put(retry, "k", "x", 1, STORE_IF_ABSENT), 0);
	ck_assert_int_eq(store_put(retry, "k", "x", 1, STORE_IF_ABSENT), -EEXIST);
	ck_assert_uint_eq(calls, 4);
	ck_assert_uint_eq(status().retries_total, 0);
	close_stores();
}
END_TEST

START_TEST(put_if_absent_that_lost_its_answer_is_recognised_as_own)
{
	open_stores("l", &at_once);
	ck_assert_int_eq(store_put(retry, "log/1", "mine", 4, STORE_IF_ABSENT), 0);
	ck_assert_uint_eq(calls, 3); /* the put, the put again, the get */
	expect_object("log/1", "mine");
	close_stores();
}
END_TEST

START_TEST(empty_put_if_absent_that_lost_its_answer_is_recognised_as_own)
{
	open_stores("l", &at_once);
	ck_assert_int_eq(store_put(retry, "log/1", NULL, 0, STORE_IF_ABSENT), 0);
	close_stores();
}
END_TEST

START_TEST(put_if_absent_that_another_won_is_not_taken_for_own)
{
	static const char *const others[] = { "them", "mine!", "min", "" };
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		open_stores("b", &at_once);
		ck_assert_int_eq(store_put(memory, "log/1", others[i], strlen(others[i]), 0), 0);
		ck_assert_int_eq(store_put(retry, "log/1", "mine", 4, STORE_IF_ABSENT), -EEXIST);
		expect_object("log/1", others[i]);
		close_stores();
	}
}
END_TEST

START_TEST(failing_comparison_is_repeated_too)
{
	/* put lost, put again: exists, get busy; put again: exists, get */
	open_stores("l.b", &at_once);
	ck_assert_int_eq(store_put(retry, "log/1", "mine", 4, STORE_IF_ABSENT), 0);
	ck_assert_uint_eq(calls, 5);
	close_stores();
}
END_TEST

START_TEST(denied_comparison_is_reported)
{
	open_stores("l.d", &at_once);
	ck_assert_int_eq(store_put(retry, "log/1", "mine", 4, STORE_IF_ABSENT), -ERR_store_denied);
	close_stores();
}
END_TEST

static int collect(const struct store_object *object, void *arg)
{
	buffer_printf(arg, "%s ", object->key);
	return strcmp(object->key, "stop") == 0 ? -ERR_store_busy : 0;
}

static void put_keys(const char *first, const char *last)
{
	char key[2] = "";

	for (key[0] = *first; key[0] <= *last; key[0]++)
		ck_assert_int_eq(store_put(memory, key, "", 0, 0), 0);
}

START_TEST(broken_listing_goes_on_without_repeating_an_object)
{
	struct buffer keys = BUFFER_INIT;

	open_stores("llbl.", &at_once);
	put_keys("a", "i");
	ck_assert_int_eq(store_list(retry, "", "b", collect, &keys), 0);
	buffer_put_u8(&keys, '\0');
	ck_assert_str_eq((char *)keys.data, "c d e f g h i ");
	ck_assert_uint_eq(calls, 5);
	buffer_release(&keys);
	close_stores();
}
END_TEST

START_TEST(transient_result_of_the_callback_is_not_repeated)
{
	struct buffer keys = BUFFER_INIT;

	open_stores("", &at_once);
	ck_assert_int_eq(store_put(memory, "stop", "", 0, 0), 0);
	ck_assert_int_eq(store_list(retry, "", NULL, collect, &keys), -ERR_store_busy);
	ck_assert_uint_eq(calls, 1);
	buffer_release(&keys);
	close_stores();
}
END_TEST

START_TEST(limit_ends_reads_with_the_last_error_and_not_writes)
{
	static const struct store_retry_conf conf = { .read_limit_ns = 1, .report_after = 1 };
	struct buffer out = BUFFER_INIT;
	unsigned int reads;

	open_stores("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", &conf);
	ck_assert_int_eq(store_get(retry, "k", 0, 1, &out), -ERR_store_busy);
	reads = calls;
	ck_assert_uint_le(reads, 3);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_busy), "503 of call"));
	ck_assert_int_eq(store_put(retry, "k", "x", 1, 0), 0);
	ck_assert_uint_eq(calls, 31);
	ck_assert_uint_eq(status().failing, 0);
	close_stores();
}
END_TEST

START_TEST(reads_in_a_hurry_end_soon)
{
	struct buffer out = BUFFER_INIT;

	open_stores("bbbbbbbb", &at_once);
	store_retry_hurry(retry, 1);
	ck_assert_int_eq(store_get(retry, "k", 0, 1, &out), -ERR_store_busy);
	ck_assert_uint_le(calls, 3);
	store_retry_hurry(retry, 0);
	ck_assert_int_eq(store_get(retry, "k", 0, 1, &out), -ENOENT);
	ck_assert_uint_eq(calls, 9);
	buffer_release(&out);
	close_stores();
}
END_TEST

START_TEST(stopped_store_repeats_nothing)
{
	open_stores("b", &at_once);
	store_retry_stop(retry);
	ck_assert_int_eq(store_put(retry, "k", "x", 1, 0), -ERR_stopping);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_stopping), "503 of call 1"));
	/* what needs no repetition still works */
	ck_assert_int_eq(store_put(retry, "k", "x", 1, 0), 0);
	close_stores();
}
END_TEST

static void *put_one(void *arg)
{
	*(int *)arg = store_put(retry, "k", "x", 1, 0);
	return NULL;
}

START_TEST(stop_wakes_a_call_that_waits)
{
	/* A random delay of up to ten days: nothing but the stop ends it. */
	static const struct store_retry_conf conf = { .delay_first_ns = 864000 * NS_PER_SECOND,
						      .delay_max_ns = 864000 * NS_PER_SECOND,
						      .report_after = 1 };
	pthread_t thread;
	int result = 0;

	open_stores("b", &conf);
	ck_assert_int_eq(pthread_create(&thread, NULL, put_one, &result), 0);
	while (!status().failing)
		sched_yield();
	store_retry_stop(retry);
	pthread_join(thread, NULL);
	ck_assert_int_eq(result, -ERR_stopping);
	ck_assert_uint_eq(status().failing, 0);
	ck_assert_uint_eq(status().retries_total, 0);
	close_stores();
}
END_TEST

static size_t count_text(const char *text, const char *part)
{
	size_t count = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		count++;
	}
	return count;
}

START_TEST(failing_call_is_logged_once_and_when_it_is_answered)
{
	char log[4096] = "";
	FILE *file = tmpfile();

	open_stores("bbbbbb.bb.", &at_once);
	log_to_fd(fileno(file));
	ck_assert_int_eq(store_put(retry, "pack/1", "x", 1, 0), 0);
	ck_assert_int_eq(store_put(retry, "pack/2", "x", 1, 0), 0);
	log_to_fd(-1);
	ck_assert_int_gt(pread(fileno(file), log, sizeof(log) - 1, 0), 0);
	fclose(file);
	ck_assert_uint_eq(count_text(log, "\n"), 2);
	ck_assert_uint_eq(count_text(log, "put pack/1 failed 3 times"), 1);
	ck_assert_uint_eq(count_text(log, "503 of call 3"), 1);
	ck_assert_uint_eq(count_text(log, "put pack/1 was answered after 6 failures"), 1);
	ck_assert_uint_eq(status().failing, 0);
	ck_assert_str_eq(status().last_error, "503 of call 9");
	ck_assert_int_gt(status().last_error_real_ns, 0);
	close_stores();
}
END_TEST

UNIT_MAIN("store_retry", longest_delay_doubles_up_to_the_maximum, delay_stays_in_range_for_ever,
	  transient_failure_is_repeated_with_the_same_bytes,
	  permanent_failure_and_expected_outcomes_return_at_once,
	  put_if_absent_that_lost_its_answer_is_recognised_as_own,
	  empty_put_if_absent_that_lost_its_answer_is_recognised_as_own,
	  put_if_absent_that_another_won_is_not_taken_for_own, failing_comparison_is_repeated_too,
	  denied_comparison_is_reported, broken_listing_goes_on_without_repeating_an_object,
	  transient_result_of_the_callback_is_not_repeated,
	  limit_ends_reads_with_the_last_error_and_not_writes, reads_in_a_hurry_end_soon,
	  stopped_store_repeats_nothing, stop_wakes_a_call_that_waits,
	  failing_call_is_logged_once_and_when_it_is_answered)
