/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/url.h"

#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"
#include "tests/lib/unit.h"

START_TEST(file_urls_are_normalised)
{
	static const char *const cases[][2] = {
		{ "file:///data", "/data" },
		{ "file:///data/", "/data" },
		{ "file:////data//x///", "/data/x" },
		{ "file:///./data/./x/.", "/data/x" },
		{ "file:///a b/100%25/c?d#e", "/a b/100%25/c?d#e" },
		{ "file:///..data/x..", "/..data/x.." },
		{ "file:///d\xc3\xa4ta", "/d\xc3\xa4ta" },
	};
	struct url url;
	char *text;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(url_parse(cases[i][0], &url), 0);
		ck_assert_int_eq(url.scheme, URL_FILE);
		ck_assert_str_eq(url.path, cases[i][1]);
		text = xasprintf("file://%s", cases[i][1]);
		ck_assert_str_eq(url.text, text);
		free(text);
		url_release(&url);
	}
}
END_TEST

START_TEST(s3_urls_give_bucket_and_prefix)
{
	static const char *const cases[][4] = {
		{ "s3://bucket", "bucket", "", "s3://bucket" },
		{ "s3://bucket/", "bucket", "", "s3://bucket" },
		{ "s3://my-bucket.1/a/b", "my-bucket.1", "a/b", "s3://my-bucket.1/a/b" },
		{ "s3://bkt//a//b//", "bkt", "a/b", "s3://bkt/a/b" },
		{ "s3://bucket/./a", "bucket", "a", "s3://bucket/a" },
	};
	struct url url;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(url_parse(cases[i][0], &url), 0);
		ck_assert_int_eq(url.scheme, URL_S3);
		ck_assert_str_eq(url.bucket, cases[i][1]);
		ck_assert_str_eq(url.prefix, cases[i][2]);
		ck_assert_str_eq(url.text, cases[i][3]);
		ck_assert_ptr_null(url.path);
		url_release(&url);
	}
}
END_TEST

START_TEST(mem_urls_give_a_name)
{
	struct url url;

	ck_assert_int_eq(url_parse("mem://test-1", &url), 0);
	ck_assert_int_eq(url.scheme, URL_MEM);
	ck_assert_str_eq(url.name, "test-1");
	ck_assert_str_eq(url.text, "mem://test-1");
	url_release(&url);
}
END_TEST

START_TEST(normalised_text_parses_to_itself)
{
	static const char *const cases[] = { "file:////a//b/", "s3://bucket//p/", "mem://m" };
	struct url once, twice;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(url_parse(cases[i], &once), 0);
		ck_assert_int_eq(url_parse(once.text, &twice), 0);
		ck_assert_str_eq(once.text, twice.text);
		url_release(&once);
		url_release(&twice);
	}
}
END_TEST

/* Each bad URL, and a word that the sentence must contain. */
START_TEST(bad_urls_are_explained)
{
	static const char *const cases[][2] = {
		{ "", "empty" },
		{ "/data", "did you mean file:///data" },
		{ "data", "unknown kind" },
		{ "ftp://host/x", "unknown kind" },
		{ "S3://bucket", "unknown kind" },
		{ "s3:/bucket", "unknown kind" },
		{ "file:/data", "unknown kind" },
		{ "file://", "absolute" },
		{ "file://data", "absolute" },
		{ "file://host/data", "absolute" },
		{ "file:///", "root directory" },
		{ "file:///.", "root directory" },
		{ "file:///a/../b", "\"..\"" },
		{ "file:///..", "\"..\"" },
		{ "s3://", "bucket is missing" },
		{ "s3:///prefix", "bucket is missing" },
		{ "s3://ab/prefix", "3 to 255" },
		{ "s3://buck et", "letters" },
		{ "s3://-bucket", "letters" },
		{ "s3://bucket:9000/x", "letters" },
		{ "s3://bucket/a/../b", "\"..\"" },
		{ "s3://bucket/a?region=x", "AWS_REGION" },
		{ "s3://bucket/a#b", "'#'" },
		{ "s3://key:secret@bucket", "AWS_ACCESS_KEY_ID" },
		{ "mem://", "name" },
		{ "mem://a/b", "name" },
		{ "file:///a\nb", "control character" },
	};
	struct url url;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(url_parse(cases[i][0], &url) == -ERR_bad_url, "%s", cases[i][0]);
		ck_assert_msg(strstr(err_message(-ERR_bad_url), cases[i][1]) != NULL, "%s: %s",
			      cases[i][0], err_message(-ERR_bad_url));
	}
}
END_TEST

START_TEST(secret_in_a_url_is_not_repeated)
{
	struct url url;

	ck_assert_int_eq(url_parse("s3://key:secret@bucket", &url), -ERR_bad_url);
	ck_assert_ptr_null(strstr(err_message(-ERR_bad_url), "secret"));
}
END_TEST

START_TEST(over_long_parts_are_refused)
{
	char text[700];
	struct url url;

	memset(text, 'b', sizeof(text));
	memcpy(text, "s3://", 5);
	text[5 + 255] = '\0';
	ck_assert_int_eq(url_parse(text, &url), 0);
	url_release(&url);
	text[5 + 255] = 'b';
	text[5 + 256] = '\0';
	ck_assert_int_eq(url_parse(text, &url), -ERR_bad_url);
	text[5 + 256] = 'b';
	memcpy(text, "s3://bkt/", 9);
	text[9 + 511] = '\0';
	ck_assert_int_eq(url_parse(text, &url), 0);
	url_release(&url);
	text[9 + 511] = 'b';
	text[9 + 512] = '\0';
	ck_assert_int_eq(url_parse(text, &url), -ERR_bad_url);
}
END_TEST

UNIT_MAIN("url", file_urls_are_normalised, s3_urls_give_bucket_and_prefix, mem_urls_give_a_name,
	  normalised_text_parses_to_itself, bad_urls_are_explained, secret_in_a_url_is_not_repeated,
	  over_long_parts_are_refused)
