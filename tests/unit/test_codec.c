/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/codec.h"
#include "tests/lib/noise.h"

#define LENGTH 100000

static uint8_t text[LENGTH];
static uint8_t noise[LENGTH];

static void fill(void)
{
	noise_text(1, text, LENGTH);
	noise_fill(1, noise, LENGTH);
}

static void assert_round_trip(int level, const uint8_t *bytes, size_t length, enum codec expected)
{
	CLEANUP_BUFFER struct buffer stored = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
	enum codec codec = CODEC_INVALID;

	buffer_put_text(&stored, "before");
	buffer_put_text(&raw, "before");
	codec_encode(level, bytes, length, &stored, &codec);
	ck_assert_int_eq(codec, expected);
	ck_assert_uint_le(stored.length, 6 + length);
	ck_assert_int_eq(codec_decode(codec, stored.data + 6, stored.length - 6, length, &raw), 0);
	ck_assert_uint_eq(raw.length, 6 + length);
	ck_assert_mem_eq(raw.data, "before", 6);
	ck_assert_mem_eq(raw.data + 6, bytes, length);
}

START_TEST(what_goes_in_comes_out_at_every_level)
{
	int level;

	for (level = CODEC_LEVEL_MIN; level <= CODEC_LEVEL_MAX; level++)
		assert_round_trip(level, text, LENGTH, CODEC_ZSTD);
	assert_round_trip(1, noise, LENGTH, CODEC_RAW);
	assert_round_trip(1, noise, 1, CODEC_RAW);
	assert_round_trip(1, text, 0, CODEC_RAW);
}
END_TEST

/* Noise with a tail of zeros that zstd reduces to nearly nothing. */
START_TEST(less_than_two_percent_is_not_worth_a_codec)
{
	uint8_t bytes[LENGTH];

	memcpy(bytes, noise, LENGTH);
	/* 1.9 %: more than the gain below which zstd itself gives up */
	memset(bytes + LENGTH - LENGTH / 1000 * 19, 0, LENGTH / 1000 * 19);
	assert_round_trip(1, bytes, LENGTH, CODEC_RAW);
	memset(bytes + LENGTH - LENGTH / 1000 * 25, 0, LENGTH / 1000 * 25);
	assert_round_trip(1, bytes, LENGTH, CODEC_ZSTD);
}
END_TEST

static void assert_refused(enum codec codec, const void *bytes, size_t length, size_t raw_length)
{
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

	buffer_put_text(&raw, "before");
	ck_assert_int_eq(codec_decode(codec, bytes, length, raw_length, &raw), -EBADMSG);
	ck_assert_uint_eq(raw.length, 6);
}

START_TEST(bytes_that_are_not_exactly_the_encoding_are_refused)
{
	CLEANUP_BUFFER struct buffer stored = BUFFER_INIT;
	enum codec codec;

	codec_encode(1, text, LENGTH, &stored, &codec);
	assert_refused(CODEC_ZSTD, stored.data, stored.length, LENGTH - 1);
	assert_refused(CODEC_ZSTD, stored.data, stored.length, LENGTH + 1);
	assert_refused(CODEC_ZSTD, stored.data, stored.length - 1, LENGTH);
	assert_refused(CODEC_ZSTD, "", 0, LENGTH);
	assert_refused(CODEC_ZSTD, noise, LENGTH, LENGTH);
	assert_refused(CODEC_RAW, noise, 10, 11);
	assert_refused(CODEC_RAW, noise, 11, 10);
	assert_refused(CODEC_INVALID, noise, 10, 10);
	assert_refused((enum codec)99, noise, 10, 10);
	/* a frame that zstd would skip */
	buffer_append(&stored, "\x50\x2a\x4d\x18\0\0\0\0", 8);
	assert_refused(CODEC_ZSTD, stored.data, stored.length, LENGTH);
}
END_TEST

/* A frame of a few bytes that claims 2^40: refused before any allocation. */
START_TEST(a_claim_of_many_bytes_allocates_nothing)
{
	static const uint8_t bomb[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0,    0,	  0,
					0,    0,    1,	  0,	0,    0x01, 0x00, 0x00 };
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

	ck_assert_int_eq(codec_decode(CODEC_ZSTD, bomb, sizeof(bomb), LENGTH, &raw), -EBADMSG);
	ck_assert_uint_eq(raw.capacity, 0);
}
END_TEST

static void *thread_main(void *arg)
{
	(void)arg;
	assert_round_trip(3, text, LENGTH, CODEC_ZSTD);
	return NULL;
}

/* Leaks of contexts show under the address sanitizer. */
START_TEST(each_thread_has_contexts_of_its_own)
{
	pthread_t threads[4];
	size_t i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_main, NULL), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(codecs_have_names)
{
	ck_assert_str_eq(codec_name(CODEC_RAW), "raw");
	ck_assert_str_eq(codec_name(CODEC_ZSTD), "zstd");
	ck_assert_str_eq(codec_name((enum codec)99), "unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("codec");
	TCase *tcase = tcase_create("codec");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fill, NULL);
	tcase_add_test(tcase, what_goes_in_comes_out_at_every_level);
	tcase_add_test(tcase, less_than_two_percent_is_not_worth_a_codec);
	tcase_add_test(tcase, bytes_that_are_not_exactly_the_encoding_are_refused);
	tcase_add_test(tcase, a_claim_of_many_bytes_allocates_nothing);
	tcase_add_test(tcase, each_thread_has_contexts_of_its_own);
	tcase_add_test(tcase, codecs_have_names);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
