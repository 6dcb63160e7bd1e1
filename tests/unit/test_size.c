/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/base/size.h"

#include "backend/base/clock.h"
#include "tests/lib/unit.h"

START_TEST(sizes_are_parsed)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0 },
		{ "512", 512 },
		{ "100B", 100 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "64KiB", 65536 },
		{ "64KB", 65536 },
		{ "1.5T", 1649267441664ULL },
		{ "10G", 10737418240ULL },
		{ "2P", 2251799813685248ULL },
		{ "7E", 8070450532247928832ULL },
	};
	uint64_t bytes;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bytes = 1;
		ck_assert_msg(size_parse(cases[i].text, &bytes), "%s", cases[i].text);
		ck_assert_uint_eq(bytes, cases[i].bytes);
	}
}
END_TEST

START_TEST(what_is_no_size_is_refused)
{
	static const char *const cases[] = { "",    " 1",	    "-1",   "+1",  "K",	  "1X",
					     "1KK", "1 K",	    "1Ki ", "1iB", "nan", "inf",
					     "8E",  "99999999999E", "0x10", "1e3", ".5" };
	uint64_t bytes = 77;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(!size_parse(cases[i], &bytes), "%s", cases[i]);
	ck_assert_uint_eq(bytes, 77);
}
END_TEST

START_TEST(sizes_are_formatted)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1048575, "1.0 MiB" },
		{ 1ULL << 40, "1.0 TiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};
	char text[16];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_format(cases[i].bytes, text);
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

START_TEST(durations_are_parsed)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "0", 0 },
		{ "5", 5 * NS_PER_SECOND },
		{ "5s", 5 * NS_PER_SECOND },
		{ "250ms", 250 * NS_PER_MS },
		{ "1.5s", 1500 * NS_PER_MS },
		{ "2m", 120 * NS_PER_SECOND },
		{ "1h", 3600 * NS_PER_SECOND },
		{ "3d", 3 * 86400 * NS_PER_SECOND },
	};
	int64_t ns;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ns = 1;
		ck_assert_msg(duration_parse(cases[i].text, &ns), "%s", cases[i].text);
		ck_assert_int_eq(ns, cases[i].ns);
	}
}
END_TEST

START_TEST(what_is_no_duration_is_refused)
{
	static const char *const cases[] = { "",   "-1",   "s",	  "5 s", "5S",	    "1h30m",
					     "5y", "1e30", "nan", "inf", "999999d", "0x5" };
	int64_t ns = 77;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(!duration_parse(cases[i], &ns), "%s", cases[i]);
	ck_assert_int_eq(ns, 77);
}
END_TEST

START_TEST(durations_are_formatted)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "0s" },	   { 59, "59s" },      { 60, "1m00s" },
		{ 3725, "1h02m" }, { 86400, "1d00h" }, { 97200, "1d03h" },
	};
	char text[24];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		duration_format(cases[i].seconds * NS_PER_SECOND, text);
		ck_assert_str_eq(text, cases[i].text);
	}
	duration_format(INT64_MAX, text);
	ck_assert_str_eq(text, "106751d23h");
}
END_TEST

UNIT_MAIN("size", sizes_are_parsed, what_is_no_size_is_refused, sizes_are_formatted,
	  durations_are_parsed, what_is_no_duration_is_refused, durations_are_formatted)
