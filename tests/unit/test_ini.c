/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/ini.h"
#include "tests/lib/unit.h"

static struct ini parse(const char *text)
{
	struct ini ini;

	ini_parse(&ini, text, strlen(text));
	return ini;
}

START_TEST(values_are_found_by_section_and_name)
{
	struct ini ini = parse("[default]\nregion = eu-west-1\n[profile a]\nregion=us-east-2\n");

	ck_assert_str_eq(ini_get(&ini, "default", NULL, "region"), "eu-west-1");
	ck_assert_str_eq(ini_get(&ini, "profile a", NULL, "REGION"), "us-east-2");
	ck_assert_ptr_null(ini_get(&ini, "profile b", NULL, "region"));
	ck_assert_ptr_null(ini_get(&ini, "default", NULL, "regio"));
	ck_assert(ini_has_section(&ini, "profile a"));
	ck_assert(!ini_has_section(&ini, "profile"));
	ck_assert_uint_eq(ini.bad_line, 0);
	ini_release(&ini);
}
END_TEST

START_TEST(the_last_of_equal_names_counts)
{
	struct ini ini = parse("[a]\nk=1\n[b]\nk=2\n[a]\nk=3\n");

	ck_assert_str_eq(ini_get(&ini, "a", NULL, "k"), "3");
	ini_release(&ini);
}
END_TEST

START_TEST(white_space_and_comments_are_no_part_of_values)
{
	struct ini ini = parse("\xef# no section yet\r\n"
			       "  ; indented comment\n"
			       "[ profile \t two  words ] ; comment\r\n"
			       "k = a b#c;d # comment\r\n"
			       "e =\t ; nothing\n"
			       "x = y=z\r\n");

	ck_assert_str_eq(ini_get(&ini, "profile two words", NULL, "k"), "a b#c;d");
	ck_assert_str_eq(ini_get(&ini, "profile two words", NULL, "e"), "");
	ck_assert_str_eq(ini_get(&ini, "profile two words", NULL, "x"), "y=z");
	ini_release(&ini);
}
END_TEST

START_TEST(indented_names_belong_to_the_name_without_a_value_above)
{
	struct ini ini = parse("[services local]\n"
			       "s3 =\n"
			       "  endpoint_url = http://a\n"
			       "\n"
			       "\tregion = r\n"
			       "dynamodb =\n"
			       "  endpoint_url = http://b\n"
			       "endpoint_url = http://c\n");

	ck_assert_str_eq(ini_get(&ini, "services local", "s3", "endpoint_url"), "http://a");
	ck_assert_str_eq(ini_get(&ini, "services local", "S3", "region"), "r");
	ck_assert_str_eq(ini_get(&ini, "services local", "dynamodb", "endpoint_url"), "http://b");
	ck_assert_str_eq(ini_get(&ini, "services local", NULL, "endpoint_url"), "http://c");
	ck_assert_ptr_null(ini_get(&ini, "services local", NULL, "region"));
	ini_release(&ini);
}
END_TEST

START_TEST(lines_of_another_kind_are_skipped_and_the_first_is_told)
{
	struct ini ini = parse("before = any section\n[a]\nk = 1\nnonsense\n  k = 2\n= 3\n"
			       "[broken\nk = 4\n[a]\nl = 5");

	ck_assert_uint_eq(ini.bad_line, 1);
	ck_assert_str_eq(ini_get(&ini, "a", NULL, "k"), "1");
	ck_assert_str_eq(ini_get(&ini, "a", NULL, "l"), "5");
	ck_assert_uint_eq(ini.count, 2);
	ini_release(&ini);
}
END_TEST

START_TEST(any_bytes_are_parsed)
{
	static const char bytes[] = "[a]\0]\nk\0 = v\n\0\0[b]\nx = 1\0 2\n";
	struct ini ini;

	ini_parse(&ini, bytes, sizeof(bytes) - 1);
	ck_assert_str_eq(ini_get(&ini, "a", NULL, "x") ? "found" : "not found", "found");
	ini_release(&ini);
	ini_parse(&ini, NULL, 0);
	ck_assert_uint_eq(ini.count, 0);
	ini_release(&ini);
}
END_TEST

UNIT_MAIN("ini", values_are_found_by_section_and_name, the_last_of_equal_names_counts,
	  white_space_and_comments_are_no_part_of_values,
	  indented_names_belong_to_the_name_without_a_value_above,
	  lines_of_another_kind_are_skipped_and_the_first_is_told, any_bytes_are_parsed)
