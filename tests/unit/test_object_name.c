/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/object_name.h"
#include "tests/lib/unit.h"

static const struct id some_id = { { 0x3f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff } };

START_TEST(names_are_as_documented)
{
	char text[OBJECT_NAME_SIZE];

	object_name_writer(1, text);
	ck_assert_str_eq(text, "writer/0000000000000001");
	object_name_lease(0xabc, text);
	ck_assert_str_eq(text, "lease/0000000000000abc");
	object_name_log(UINT64_MAX, text);
	ck_assert_str_eq(text, "log/ffffffffffffffff");
	object_name_root(16, text);
	ck_assert_str_eq(text, "root/0000000000000010");
	object_name_pack(2, &some_id, text);
	ck_assert_str_eq(text, "pack/3f/0000000000000002-3f0102030405060708090a0b0c0d0eff");
	object_name_meta(2, &some_id, text);
	ck_assert_str_eq(text, "meta/0000000000000002-3f0102030405060708090a0b0c0d0eff");
}
END_TEST

START_TEST(byte_order_of_names_is_numeric_order)
{
	static const uint64_t numbers[] = {
		0, 1, 9, 10, 15, 16, 255, 4096, 1ull << 40, UINT64_MAX
	};
	char before[OBJECT_NAME_SIZE] = "log/";
	char text[OBJECT_NAME_SIZE];
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		object_name_log(numbers[i], text);
		ck_assert_int_lt(strcmp(before, text), 0);
		memcpy(before, text, sizeof(before));
	}
}
END_TEST

START_TEST(parsing_gives_back_what_was_formatted)
{
	enum object_kind kind;

	for (kind = OBJECT_VOLUME; kind <= OBJECT_ROOT; kind++) {
		struct object_name name = { .kind = kind };
		struct object_name parsed;
		char text[OBJECT_NAME_SIZE];

		if (kind != OBJECT_VOLUME)
			name.number = 0x123456789abcdef0;
		if (kind == OBJECT_PACK || kind == OBJECT_META)
			name.id = some_id;
		object_name_format(&name, text);
		ck_assert(object_name_parse(text, &parsed));
		ck_assert_int_eq(parsed.kind, kind);
		ck_assert_uint_eq(parsed.number, name.number);
		ck_assert(id_equal(&parsed.id, &name.id));
	}
}
END_TEST

START_TEST(other_names_are_not_taken_for_ours)
{
	static const char *const others[] = {
		"",
		"volume/",
		"volumes",
		"log",
		"log/",
		"log/1",
		"log/000000000000000g",
		"log/000000000000001",
		"log/00000000000000001",
		"log/0000000000000001/x",
		"log/0000000000000001-3f0102030405060708090a0b0c0d0eff",
		"log/000000000000000A",
		"logs/0000000000000001",
		"pack/",
		"pack/3f",
		"pack/3f/",
		"pack/3f/0000000000000002",
		"pack/3f/0000000000000002-",
		"pack/3f/0000000000000002-3f0102030405060708090a0b0c0d0ef",
		"pack/3f/0000000000000002-3f0102030405060708090a0b0c0d0eff0",
		"pack/3e/0000000000000002-3f0102030405060708090a0b0c0d0eff",
		"pack/3F/0000000000000002-3F0102030405060708090a0b0c0d0eff",
		"pack/0000000000000002-3f0102030405060708090a0b0c0d0eff",
		"meta/3f/0000000000000002-3f0102030405060708090a0b0c0d0eff",
		"meta/0000000000000002_3f0102030405060708090a0b0c0d0eff",
	};
	struct object_name parsed;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ck_assert_msg(!object_name_parse(others[i], &parsed), "%s", others[i]);
		ck_assert_int_eq(parsed.kind, OBJECT_INVALID);
	}
}
END_TEST

UNIT_MAIN("object_name", names_are_as_documented, byte_order_of_names_is_numeric_order,
	  parsing_gives_back_what_was_formatted, other_names_are_not_taken_for_ours)
