/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/seal.h"
#include "tests/lib/toy_seal.h"
#include "tests/lib/unit.h"

static struct seal_place some_place(void)
{
	struct seal_place place = { .position = 3, .bound = "header", .bound_length = 6 };

	place.volume = id_new();
	place.object = id_new();
	return place;
}

static int open_at(const struct seal *seal, const struct seal_place *place,
		   const struct buffer *bytes)
{
	CLEANUP_BUFFER struct buffer scratch = BUFFER_INIT;
	const uint8_t *plain;
	size_t length;
	int rc;

	rc = seal_open(seal, seal->key_id, place, bytes->data + 3, bytes->length - 3, &scratch,
		       &plain, &length);
	if (rc)
		return rc;
	ck_assert_uint_eq(length, 5);
	ck_assert_mem_eq(plain, "plain", 5);
	return 0;
}

START_TEST(sealed_bytes_open_again_whatever_the_cipher)
{
	struct toy_seal toy = toy_seal_make(NULL);
	const struct seal *seals[] = { seal_null(), &toy.base };
	size_t i;

	for (i = 0; i < 2; i++) {
		CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
		struct seal_place place = some_place();

		buffer_put_text(&bytes, "abcplain");
		seal_bytes(seals[i], &place, &bytes, 3);
		ck_assert_uint_eq(bytes.length, 8 + seals[i]->overhead);
		ck_assert_mem_eq(bytes.data, "abc", 3);
		ck_assert_int_eq(open_at(seals[i], &place, &bytes), 0);
	}
}
END_TEST

/* The formats rely on this shape: a test of the seam by its model. */
START_TEST(a_cipher_binds_bytes_to_their_place)
{
	struct toy_seal toy = toy_seal_make(NULL);
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct seal_place place = some_place();
	struct seal_place other = place;

	buffer_put_text(&bytes, "abcplain");
	seal_bytes(&toy.base, &place, &bytes, 3);
	other.position++;
	ck_assert_int_eq(open_at(&toy.base, &other, &bytes), -EBADMSG);
	other = place;
	other.volume.bytes[0] ^= 1;
	ck_assert_int_eq(open_at(&toy.base, &other, &bytes), -EBADMSG);
	other = place;
	other.object.bytes[0] ^= 1;
	ck_assert_int_eq(open_at(&toy.base, &other, &bytes), -EBADMSG);
	other = place;
	other.bound = "Header";
	ck_assert_int_eq(open_at(&toy.base, &other, &bytes), -EBADMSG);
	bytes.data[4] ^= 1;
	ck_assert_int_eq(open_at(&toy.base, &place, &bytes), -EBADMSG);
}
END_TEST

START_TEST(the_null_cipher_does_not_open_what_a_key_sealed)
{
	CLEANUP_BUFFER struct buffer scratch = BUFFER_INIT;
	struct seal_place place = some_place();
	const uint8_t *plain;
	size_t length;

	ck_assert_int_eq(seal_open(seal_null(), 1, &place, (const uint8_t *)"plain", 5, &scratch,
				   &plain, &length),
			 -ENOKEY);
}
END_TEST

START_TEST(the_digest_is_the_head_of_sha256)
{
	static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
				       0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23 };
	struct chunk_digest digest = seal_digest(seal_null(), "abc", 3);
	struct chunk_digest other = seal_digest(seal_null(), "abd", 3);

	ck_assert_mem_eq(digest.bytes, abc, sizeof(abc));
	ck_assert(chunk_digest_equal(&digest, &digest));
	ck_assert(!chunk_digest_equal(&digest, &other));
}
END_TEST

UNIT_MAIN("seal", sealed_bytes_open_again_whatever_the_cipher, a_cipher_binds_bytes_to_their_place,
	  the_null_cipher_does_not_open_what_a_key_sealed, the_digest_is_the_head_of_sha256)
