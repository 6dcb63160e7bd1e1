/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"
#include "backend/digest.h"

static void assert_hex(struct digest digest, const char *expected)
{
	char text[DIGEST_HEX_SIZE];

	digest_to_hex(&digest, text);
	ck_assert_str_eq(text, expected);
}

/* FIPS 180-4 examples, and the million "a" of the NIST vectors. */
START_TEST(sha256_gives_the_published_digests)
{
	char *million = xmalloc(1000000);

	memset(million, 'a', 1000000);
	assert_hex(digest_of(NULL, 0),
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_hex(digest_of("abc", 3),
		   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_hex(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
		   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_hex(digest_of(million, 1000000),
		   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}
END_TEST

struct hmac_case {
	const char *key_hex;
	const char *bytes_hex;
	const char *expected;
};

/* RFC 4231, cases 1, 2, 3 and 6 (a key longer than a block), and the empty key. */
static const struct hmac_case hmac_cases[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddddddddddddddddddddddddd",
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368"
	  "204b6579204669727374",
	  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ "", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
};

START_TEST(hmac_gives_the_published_digests)
{
	const struct hmac_case *row = &hmac_cases[_i];
	size_t key_length = strlen(row->key_hex) / 2;
	size_t length = strlen(row->bytes_hex) / 2;
	uint8_t key[256];
	uint8_t bytes[256];

	ck_assert(hex_decode(row->key_hex, key, key_length));
	ck_assert(hex_decode(row->bytes_hex, bytes, length));
	assert_hex(digest_hmac(key, key_length, bytes, length), row->expected);
}
END_TEST

START_TEST(hmac_with_an_empty_key_is_not_that_of_the_key_used_before)
{
	digest_hmac("secret", 6, "bytes", 5);
	assert_hex(digest_hmac(NULL, 0, NULL, 0), hmac_cases[4].expected);
}
END_TEST

START_TEST(a_stream_gives_the_digest_of_its_pieces_and_starts_again)
{
	struct digest_stream stream;
	struct digest digest;
	struct digest expected;
	uint8_t bytes[1000];
	size_t cut;

	random_bytes(bytes, sizeof(bytes));
	expected = digest_of(bytes, sizeof(bytes));
	digest_stream_init(&stream);
	for (cut = 0; cut <= sizeof(bytes); cut += 50) {
		digest_stream_add(&stream, bytes, cut);
		digest_stream_add(&stream, bytes + cut, sizeof(bytes) - cut);
		digest = digest_stream_finish(&stream);
		ck_assert(digest_equal(&digest, &expected));
	}
	digest_stream_release(&stream);
}
END_TEST

START_TEST(hex_text_survives_a_round_trip_and_bad_text_is_refused)
{
	struct digest digest = digest_of("abc", 3);
	struct digest again;
	char text[DIGEST_HEX_SIZE];

	digest_to_hex(&digest, text);
	ck_assert(digest_from_hex(&again, text));
	ck_assert(digest_equal(&digest, &again));
	again.bytes[31] ^= 1;
	ck_assert(!digest_equal(&digest, &again));
	text[10] = 'x';
	ck_assert(!digest_from_hex(&again, text));
	ck_assert(!digest_from_hex(&again, "ab"));
}
END_TEST

static void *hash_many(void *arg)
{
	const struct digest *expected = arg;
	int i;

	for (i = 0; i < 500; i++) {
		struct digest digest = digest_of("abc", 3);

		ck_assert(digest_equal(&digest, &expected[0]));
		digest = digest_hmac("key", 3, "abc", 3);
		ck_assert(digest_equal(&digest, &expected[1]));
	}
	return NULL;
}

START_TEST(many_threads_may_hash_at_once)
{
	struct digest expected[2];
	pthread_t threads[4];
	int i;

	expected[0] = digest_of("abc", 3);
	expected[1] = digest_hmac("key", 3, "abc", 3);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hash_many, expected), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("digest");
	TCase *tcase = tcase_create("digest");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, sha256_gives_the_published_digests);
	tcase_add_loop_test(tcase, hmac_gives_the_published_digests, 0,
			    sizeof(hmac_cases) / sizeof(hmac_cases[0]));
	tcase_add_test(tcase, hmac_with_an_empty_key_is_not_that_of_the_key_used_before);
	tcase_add_test(tcase, a_stream_gives_the_digest_of_its_pieces_and_starts_again);
	tcase_add_test(tcase, hex_text_survives_a_round_trip_and_bad_text_is_refused);
	tcase_add_test(tcase, many_threads_may_hash_at_once);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
