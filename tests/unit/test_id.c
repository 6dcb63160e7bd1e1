/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/id.h"

#include <string.h>

#include "tests/lib/unit.h"

static const struct id sample = { { 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe,
				    0xdc, 0xba, 0x98, 0x76, 0x54, 0x32 } };

START_TEST(hex_form_is_lower_case_and_reads_back)
{
	char text[ID_HEX_SIZE];
	struct id id;

	id_to_hex(&sample, text);
	ck_assert_str_eq(text, "000123456789abcdeffedcba98765432");
	ck_assert(id_from_hex(&id, text));
	ck_assert(id_equal(&id, &sample));
	ck_assert(id_from_hex(&id, "000123456789ABCDEFFEDCBA98765432"));
	ck_assert(id_equal(&id, &sample));
}
END_TEST

START_TEST(uuid_form_reads_back)
{
	char text[UUID_TEXT_SIZE];
	struct id id;

	id_to_uuid(&sample, text);
	ck_assert_str_eq(text, "00012345-6789-abcd-effe-dcba98765432");
	ck_assert(id_from_uuid(&id, text));
	ck_assert(id_equal(&id, &sample));
}
END_TEST

START_TEST(what_is_no_id_is_refused)
{
	static const char *const hex[] = { "",
					   "0",
					   "000123456789abcdeffedcba9876543",
					   "000123456789abcdeffedcba987654321",
					   "000123456789abcdeffedcba9876543g",
					   "00012345-6789-abcd-effe-dcba98765432" };
	static const char *const uuids[] = { "",
					     "00012345-6789-abcd-effe-dcba9876543",
					     "00012345-6789-abcd-effe-dcba987654321",
					     "000123456789-abcd-effe-dcba98765432-",
					     "00012345-6789-abcd-effe-dcba9876543x",
					     "000123456789abcdeffedcba98765432" };
	struct id id;
	size_t i;

	for (i = 0; i < sizeof(hex) / sizeof(hex[0]); i++)
		ck_assert_msg(!id_from_hex(&id, hex[i]), "%s", hex[i]);
	for (i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++)
		ck_assert_msg(!id_from_uuid(&id, uuids[i]), "%s", uuids[i]);
}
END_TEST

START_TEST(new_ids_differ_and_uuids_say_version_4)
{
	struct id a = id_new();
	struct id b = id_new();
	char text[UUID_TEXT_SIZE];
	int i;

	ck_assert(!id_equal(&a, &b));
	for (i = 0; i < 100; i++) {
		a = id_new_uuid();
		id_to_uuid(&a, text);
		ck_assert_int_eq(text[14], '4');
		ck_assert_ptr_nonnull(strchr("89ab", text[19]));
	}
}
END_TEST

START_TEST(hex_of_nothing_is_empty)
{
	char text[1] = "x";

	hex_encode("", 0, text);
	ck_assert_str_eq(text, "");
	ck_assert(hex_decode("", NULL, 0));
	ck_assert(!hex_decode("00", NULL, 0));
}
END_TEST

UNIT_MAIN("id", hex_form_is_lower_case_and_reads_back, uuid_form_reads_back,
	  what_is_no_id_is_refused, new_ids_differ_and_uuids_say_version_4, hex_of_nothing_is_empty)
