/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/error.h"

#include <pthread.h>
#include <string.h>

#include "tests/lib/unit.h"

START_TEST(sentence_belongs_to_its_code)
{
	ck_assert_int_eq(err_set(-ERR_bad_url, "%s: %d", "url", 7), -ERR_bad_url);
	ck_assert_str_eq(err_message(-ERR_bad_url), "url: 7");
	ck_assert_str_eq(err_message(-ENOENT), strerror(ENOENT));
	ck_assert_str_eq(err_message(-ERR_fenced), strerror(EROFS));
	err_clear();
	ck_assert_str_eq(err_message(-ERR_bad_url), strerror(EINVAL));
}
END_TEST

START_TEST(errno_text_is_appended)
{
	ck_assert_int_eq(err_set_errno(-ERR_local_io, ENOSPC, "cannot write %s", "x"),
			 -ERR_local_io);
	ck_assert_str_eq(err_message(-ERR_local_io), "cannot write x: No space left on device");
}
END_TEST

START_TEST(long_sentences_are_cut)
{
	char text[3000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set_errno(-ERR_local_io, EIO, "%s", text);
	ck_assert_uint_lt(strlen(err_message(-ERR_local_io)), 2000);
}
END_TEST

static void *read_message(void *arg)
{
	(void)arg;
	return (void *)(err_message(-ERR_bad_url) == strerror(EINVAL) ||
					strcmp(err_message(-ERR_bad_url), "of the main thread") != 0
				? "own"
				: NULL);
}

START_TEST(each_thread_has_its_own_sentence)
{
	pthread_t thread;
	void *own;

	err_set(-ERR_bad_url, "of the main thread");
	pthread_create(&thread, NULL, read_message, NULL);
	pthread_join(thread, &own);
	ck_assert_ptr_nonnull(own);
	ck_assert_str_eq(err_message(-ERR_bad_url), "of the main thread");
}
END_TEST

START_TEST(errno_at_the_edge_comes_from_the_table)
{
	ck_assert_int_eq(err_to_errno(0), 0);
	ck_assert_int_eq(err_to_errno(-ENOTEMPTY), ENOTEMPTY);
	ck_assert_int_eq(err_to_errno(-ERR_cache_full), ENOSPC);
	ck_assert_int_eq(err_to_errno(-ERR_local_io), EIO);
	ck_assert_int_eq(err_to_errno(-ERR_stopping), ECANCELED);
}
END_TEST

START_TEST(every_code_has_a_name_and_an_errno)
{
	int code;

	for (code = ERR_before_first + 1; code < ERR_after_last; code++) {
		ck_assert_ptr_nonnull(err_name(-code));
		ck_assert_int_gt(err_to_errno(-code), 0);
		ck_assert_int_lt(err_to_errno(-code), 4096);
	}
	ck_assert_str_eq(err_name(-ERR_store_busy), "store_busy");
	ck_assert_str_eq(err_name(-EIO), "EIO");
	ck_assert_str_eq(err_name(-ERR_after_last), "unknown");
}
END_TEST

START_TEST(classes_tell_what_to_repeat)
{
	ck_assert(err_is_transient(-ERR_store_busy) && !err_is_ambiguous(-ERR_store_busy));
	ck_assert(err_is_transient(-ERR_store_timeout) && err_is_ambiguous(-ERR_store_timeout));
	ck_assert(!err_is_transient(-ERR_store_denied) && !err_is_ambiguous(-ERR_store_denied));
	ck_assert(!err_is_transient(-EAGAIN) && !err_is_transient(0));
}
END_TEST

UNIT_MAIN("error", sentence_belongs_to_its_code, errno_text_is_appended, long_sentences_are_cut,
	  each_thread_has_its_own_sentence, errno_at_the_edge_comes_from_the_table,
	  every_code_has_a_name_and_an_errno, classes_tell_what_to_repeat)
