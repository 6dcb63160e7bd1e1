/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/buffer.h"

#include <string.h>

#include "tests/lib/unit.h"

START_TEST(appended_bytes_stay_in_order_while_it_grows)
{
	struct buffer buffer = BUFFER_INIT;
	uint32_t i;

	for (i = 0; i < 10000; i++)
		buffer_append(&buffer, &i, sizeof(i));
	ck_assert_uint_eq(buffer.length, 40000);
	for (i = 0; i < 10000; i++)
		ck_assert_int_eq(memcmp(buffer.data + 4 * i, &i, 4), 0);
	buffer_release(&buffer);
	ck_assert_ptr_null(buffer.data);
	ck_assert_uint_eq(buffer.length, 0);
}
END_TEST

START_TEST(empty_append_to_an_empty_buffer_is_allowed)
{
	struct buffer buffer = BUFFER_INIT;

	buffer_append(&buffer, NULL, 0);
	buffer_put_text(&buffer, "");
	ck_assert_uint_eq(buffer.length, 0);
	buffer_release(&buffer);
}
END_TEST

START_TEST(clear_keeps_the_memory_and_steal_hands_it_over)
{
	struct buffer buffer = BUFFER_INIT;
	size_t capacity;
	uint8_t *data;
	size_t length;

	buffer_put_text(&buffer, "first");
	capacity = buffer.capacity;
	buffer_clear(&buffer);
	ck_assert_uint_eq(buffer.capacity, capacity);
	buffer_put_text(&buffer, "second");
	data = buffer_steal(&buffer, &length);
	ck_assert_uint_eq(length, 6);
	ck_assert_int_eq(memcmp(data, "second", 6), 0);
	ck_assert_ptr_null(buffer.data);
	free(data);
	buffer_release(&buffer);
}
END_TEST

START_TEST(reserved_room_is_not_moved_by_what_fills_it)
{
	struct buffer buffer = BUFFER_INIT;
	uint8_t *data;

	buffer_put_text(&buffer, "x");
	buffer_reserve(&buffer, 100000);
	data = buffer.data;
	memset(buffer_extend(&buffer, 100000), 'y', 100000);
	ck_assert_ptr_eq(buffer.data, data);
	ck_assert_uint_eq(buffer.length, 100001);
	ck_assert_int_eq(buffer.data[0], 'x');
	buffer_release(&buffer);
}
END_TEST

START_TEST(printf_appends_without_a_limit)
{
	struct buffer buffer = BUFFER_INIT;
	char wide[301];

	memset(wide, 'w', 300);
	wide[300] = '\0';
	buffer_printf(&buffer, "%d-", 42);
	buffer_printf(&buffer, "%s", wide);
	ck_assert_uint_eq(buffer.length, 303);
	ck_assert_int_eq(memcmp(buffer.data, "42-ww", 5), 0);
	buffer_release(&buffer);
}
END_TEST

START_TEST(integers_are_little_endian_and_read_back)
{
	static const uint8_t expected[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
					    0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08 };
	struct buffer buffer = BUFFER_INIT;
	struct reader reader;

	buffer_put_u8(&buffer, 0x01);
	buffer_put_u16(&buffer, 0x0203);
	buffer_put_u32(&buffer, 0x04050607);
	buffer_put_u64(&buffer, 0x08090a0b0c0d0e0f);
	ck_assert_uint_eq(buffer.length, sizeof(expected));
	ck_assert_int_eq(memcmp(buffer.data, expected, sizeof(expected)), 0);
	reader_init(&reader, buffer.data, buffer.length);
	ck_assert_uint_eq(reader_get_u8(&reader), 0x01);
	ck_assert_uint_eq(reader_get_u16(&reader), 0x0203);
	ck_assert_uint_eq(reader_get_u32(&reader), 0x04050607);
	ck_assert_uint_eq(reader_get_u64(&reader), 0x08090a0b0c0d0e0f);
	ck_assert(!reader.failed);
	ck_assert_uint_eq(reader_left(&reader), 0);
	buffer_release(&buffer);
}
END_TEST

START_TEST(big_endian_bytes_order_like_their_numbers)
{
	static const uint64_t rising[] = { 0,	       1,	   255,	      256,
					   1ULL << 31, 1ULL << 32, INT64_MAX, UINT64_MAX };
	uint8_t bytes[2][8];
	size_t i;

	for (i = 0; i + 1 < sizeof(rising) / sizeof(rising[0]); i++) {
		store_be64(bytes[0], rising[i]);
		store_be64(bytes[1], rising[i + 1]);
		ck_assert_int_lt(memcmp(bytes[0], bytes[1], 8), 0);
		ck_assert_uint_eq(load_be64(bytes[1]), rising[i + 1]);
	}
	store_be32(bytes[0], 0x80c0ffee);
	ck_assert_uint_eq(load_be32(bytes[0]), 0x80c0ffee);
	ck_assert_int_eq(bytes[0][0], 0x80);
}
END_TEST

START_TEST(varints_of_all_sizes_read_back)
{
	static const struct {
		uint64_t value;
		size_t bytes;
	} cases[] = { { 0, 1 },	    { 127, 1 },	       { 128, 2 },	 { 16383, 2 },
		      { 16384, 3 }, { UINT32_MAX, 5 }, { INT64_MAX, 9 }, { UINT64_MAX, 10 } };
	struct reader reader;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer buffer = BUFFER_INIT;

		buffer_put_varint(&buffer, cases[i].value);
		ck_assert_uint_eq(buffer.length, cases[i].bytes);
		reader_init(&reader, buffer.data, buffer.length);
		ck_assert_uint_eq(reader_get_varint(&reader), cases[i].value);
		ck_assert(!reader.failed && !reader_left(&reader));
		buffer_release(&buffer);
	}
}
END_TEST

START_TEST(varint_that_does_not_end_fails)
{
	static const uint8_t endless[11] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff, 0xff, 0x01 };
	struct reader reader;

	reader_init(&reader, endless, sizeof(endless));
	ck_assert_uint_eq(reader_get_varint(&reader), 0);
	ck_assert(reader.failed);
	reader_init(&reader, endless, 3);
	reader_get_varint(&reader);
	ck_assert(reader.failed);
}
END_TEST

/* Ten bytes hold 70 bits: the last may carry one. */
START_TEST(varint_of_more_than_64_bits_fails)
{
	static const uint8_t too_large[10] = { 0xff, 0xff, 0xff, 0xff, 0xff,
					       0xff, 0xff, 0xff, 0xff, 0x02 };
	struct reader reader;

	reader_init(&reader, too_large, sizeof(too_large));
	ck_assert_uint_eq(reader_get_varint(&reader), 0);
	ck_assert(reader.failed);
}
END_TEST

START_TEST(short_read_fails_for_good_and_yields_zeros)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5 };
	struct reader reader;

	reader_init(&reader, bytes, sizeof(bytes));
	ck_assert_uint_eq(reader_get_u32(&reader), 0x04030201);
	ck_assert_uint_eq(reader_get_u16(&reader), 0);
	ck_assert(reader.failed);
	ck_assert_uint_eq(reader_get_u8(&reader), 0);
	ck_assert_ptr_null(reader_get_bytes(&reader, 0));
	ck_assert(reader.failed);
}
END_TEST

START_TEST(length_near_the_largest_number_is_a_short_read)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct reader reader;

	reader_init(&reader, bytes, sizeof(bytes));
	reader_get_u8(&reader);
	ck_assert_ptr_null(reader_get_bytes(&reader, SIZE_MAX));
	ck_assert(reader.failed);
}
END_TEST

UNIT_MAIN("buffer", appended_bytes_stay_in_order_while_it_grows,
	  empty_append_to_an_empty_buffer_is_allowed,
	  clear_keeps_the_memory_and_steal_hands_it_over,
	  reserved_room_is_not_moved_by_what_fills_it, printf_appends_without_a_limit,
	  integers_are_little_endian_and_read_back, big_endian_bytes_order_like_their_numbers,
	  varints_of_all_sizes_read_back, varint_that_does_not_end_fails,
	  varint_of_more_than_64_bits_fails, short_read_fails_for_good_and_yields_zeros,
	  length_near_the_largest_number_is_a_short_read)
