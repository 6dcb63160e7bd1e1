/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cache/journal_format.h"
#include "cache/journal_record.h"
#include "tests/lib/unit.h"

static const struct journal_header header = {
	.sequence = 5,
	.generation = 0x1122334455667788,
	.first_lsn = 100,
	.durable_lsn = 98,
	.boot_id = { { 1, 2, 3 } },
};

START_TEST(a_header_comes_back)
{
	uint8_t page[JOURNAL_PAGE_BYTES];
	struct journal_header back;
	uint32_t crc = journal_header_encode(&header, page);
	uint32_t crc_back;

	ck_assert_int_eq(journal_header_decode(page, sizeof(page), &back, &crc_back),
			 JOURNAL_HEADER_GOOD);
	ck_assert_uint_eq(crc, crc_back);
	ck_assert_uint_eq(back.sequence, 5);
	ck_assert_uint_eq(back.generation, header.generation);
	ck_assert_uint_eq(back.first_lsn, 100);
	ck_assert_uint_eq(back.durable_lsn, 98);
	ck_assert(id_equal(&back.boot_id, &header.boot_id));
}
END_TEST

START_TEST(a_header_that_was_never_written_is_not_a_damaged_one)
{
	uint8_t page[JOURNAL_PAGE_BYTES] = { 0 };
	struct journal_header back;
	uint32_t crc;

	ck_assert_int_eq(journal_header_decode(page, 0, &back, &crc), JOURNAL_HEADER_ABSENT);
	ck_assert_int_eq(journal_header_decode(page, sizeof(page), &back, &crc),
			 JOURNAL_HEADER_ABSENT);
	page[17] = 1;
	ck_assert_int_eq(journal_header_decode(page, sizeof(page), &back, &crc),
			 JOURNAL_HEADER_BAD);
}
END_TEST

START_TEST(every_flipped_bit_of_a_header_shows)
{
	uint8_t page[JOURNAL_PAGE_BYTES];
	struct journal_header back;
	uint32_t crc;
	size_t bit;

	journal_header_encode(&header, page);
	for (bit = 0; bit < (JOURNAL_HEADER_CRC + 4) * 8; bit++) {
		page[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_ne(journal_header_decode(page, sizeof(page), &back, &crc),
				 JOURNAL_HEADER_GOOD);
		page[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	store_le32(page + 8, JOURNAL_VERSION + 1);
	ck_assert_int_eq(journal_header_decode(page, sizeof(page), &back, &crc),
			 JOURNAL_HEADER_NEWER);
}
END_TEST

static void encode(struct buffer *out, uint32_t seed, const char *body,
		   struct journal_record *record)
{
	*record = (struct journal_record){
		.kind = BATCH_CONTENT,
		.lsn = 101,
		.ino = 9,
		.time_ns = -5,
		.durable_lsn = 99,
		.content_lsn = 97,
		.body = (const uint8_t *)body,
		.body_length = strlen(body),
		.previous_crc = 0xabcdef01,
	};
	journal_record_encode(out, seed, record);
}

START_TEST(a_record_comes_back_padded_to_its_alignment)
{
	struct buffer bytes = BUFFER_INIT;
	uint32_t seed = journal_record_seed(header.generation);
	struct journal_record back;
	struct journal_record record;

	encode(&bytes, seed, "a body", &record);
	ck_assert_uint_eq(bytes.length, record.bytes);
	ck_assert_uint_eq(bytes.length, journal_record_bytes(6));
	ck_assert_uint_eq(bytes.length % JOURNAL_RECORD_ALIGNMENT, 0);
	ck_assert(journal_record_decode(bytes.data, bytes.length, seed, &back));
	ck_assert_int_eq(back.kind, BATCH_CONTENT);
	ck_assert_uint_eq(back.lsn, 101);
	ck_assert_uint_eq(back.ino, 9);
	ck_assert_int_eq(back.time_ns, -5);
	ck_assert_uint_eq(back.durable_lsn, 99);
	ck_assert_uint_eq(back.content_lsn, 97);
	ck_assert_uint_eq(back.body_length, 6);
	ck_assert_mem_eq(back.body, "a body", 6);
	ck_assert_uint_eq(back.crc, record.crc);
	ck_assert_uint_eq(back.previous_crc, 0xabcdef01);
	ck_assert_uint_eq(back.bytes, record.bytes);
	buffer_release(&bytes);
}
END_TEST

START_TEST(a_record_of_another_generation_is_none)
{
	struct buffer bytes = BUFFER_INIT;
	struct journal_record record;

	encode(&bytes, journal_record_seed(1), "body", &record);
	ck_assert(
		!journal_record_decode(bytes.data, bytes.length, journal_record_seed(2), &record));
	buffer_release(&bytes);
}
END_TEST

START_TEST(every_flipped_bit_and_every_cut_of_a_record_shows)
{
	struct buffer bytes = BUFFER_INIT;
	uint32_t seed = journal_record_seed(header.generation);
	struct journal_record record;
	size_t length = JOURNAL_RECORD_HEAD + 21;
	size_t i;

	encode(&bytes, seed, "twenty-one bytes long", &record);
	for (i = 0; i < length * 8; i++) {
		bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert(!journal_record_decode(bytes.data, bytes.length, seed, &record));
		bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i < length; i++) {
		uint8_t *copy = xmalloc(i);

		memcpy(copy, bytes.data, i);
		ck_assert(!journal_record_decode(copy, i, seed, &record));
		free(copy);
	}
	buffer_release(&bytes);
}
END_TEST

UNIT_MAIN("cache/journal_record", a_header_comes_back,
	  a_header_that_was_never_written_is_not_a_damaged_one, every_flipped_bit_of_a_header_shows,
	  a_record_comes_back_padded_to_its_alignment, a_record_of_another_generation_is_none,
	  every_flipped_bit_and_every_cut_of_a_record_shows)
