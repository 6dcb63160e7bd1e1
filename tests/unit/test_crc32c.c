/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/crc32c.h"

#include <string.h>

#include "tests/lib/unit.h"

/* RFC 3720, appendix B.4. */
START_TEST(published_vectors)
{
	static const uint8_t read_command[48] = {
		0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0, 0, 0,    0,	   0, 0, 0, 0, 0x14, 0, 0, 0,	 0,
		0,    0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0,    0, 0, 0x02,
	};
	uint8_t bytes[32];
	uint8_t i;

	memset(bytes, 0, sizeof(bytes));
	ck_assert_uint_eq(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		bytes[i] = i;
	ck_assert_uint_eq(crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
	for (i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(31 - i);
	ck_assert_uint_eq(crc32c(0, bytes, sizeof(bytes)), 0x113fdb5c);
	ck_assert_uint_eq(crc32c(0, read_command, sizeof(read_command)), 0xd9963a56);
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
}
END_TEST

/* One bit at a time, from the polynomial: against both implementations. */
static uint32_t crc32c_by_definition(const uint8_t *bytes, size_t length)
{
	uint32_t crc = 0xffffffff;
	int bit;

	while (length--) {
		crc ^= *bytes++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

START_TEST(every_length_and_alignment_agrees_with_the_definition)
{
	uint8_t bytes[64];
	size_t start, length, i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (start = 0; start < 8; start++) {
		for (length = 0; start + length <= sizeof(bytes); length++)
			ck_assert_uint_eq(crc32c(0, bytes + start, length),
					  crc32c_by_definition(bytes + start, length));
	}
}
END_TEST

START_TEST(pieces_chain_to_the_crc_of_the_whole)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog";
	size_t cut;

	for (cut = 0; cut <= strlen(text); cut++)
		ck_assert_uint_eq(crc32c(crc32c(0, text, cut), text + cut, strlen(text) - cut),
				  crc32c(0, text, strlen(text)));
}
END_TEST

START_TEST(nothing_leaves_the_crc_as_it_was)
{
	ck_assert_uint_eq(crc32c(0, "", 0), 0);
	ck_assert_uint_eq(crc32c(0x12345678, "", 0), 0x12345678);
}
END_TEST

UNIT_MAIN("crc32c", published_vectors, every_length_and_alignment_agrees_with_the_definition,
	  pieces_chain_to_the_crc_of_the_whole, nothing_leaves_the_crc_as_it_was)
