/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/store_s3_xml.h"
#include "tests/lib/unit.h"

#define HEAD                                         \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>" \
	"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
#define TAIL	  "</ListBucketResult>"
#define ENTRY_A	  "<Contents><Key>v/a</Key><Size>5</Size></Contents>"
#define COMPLETE  "<IsTruncated>false</IsTruncated>"
#define TRUNCATED "<IsTruncated>true</IsTruncated>"

static const char *parse_list(const char *text, struct s3_list_page *page)
{
	return s3_xml_parse_list(text, strlen(text), page);
}

START_TEST(a_page_gives_its_entries_and_the_token_of_the_next)
{
	struct s3_list_page page;

	ck_assert_ptr_null(parse_list(
		HEAD "<Name>bucket</Name><Prefix>v/</Prefix><KeyCount>2</KeyCount>" TRUNCATED
		     "<NextContinuationToken>to&amp;ken==</NextContinuationToken>\n"
		     "<Contents><Key>v/a</Key><LastModified>2026-11-22T00:00:00.000Z</LastModified>"
		     "<ETag>&quot;e&quot;</ETag><Size>18446744073709551</Size>"
		     "<Owner><ID>Key</ID><Key>not this</Key></Owner>"
		     "<StorageClass>STANDARD</StorageClass></Contents>\n"
		     "<Contents><Size>0</Size><Key>v/b%20+c</Key></Contents>" TAIL "\n",
		&page));
	ck_assert_uint_eq(page.count, 2);
	ck_assert_str_eq(page.entries[0].key, "v/a");
	ck_assert_uint_eq(page.entries[0].size, 18446744073709551u);
	/* without EncodingType keys are as they are */
	ck_assert_str_eq(page.entries[1].key, "v/b%20+c");
	ck_assert_uint_eq(page.entries[1].size, 0);
	ck_assert(page.truncated);
	ck_assert_str_eq(page.next_token, "to&ken==");
	s3_list_page_release(&page);
}
END_TEST

START_TEST(encoded_keys_are_decoded)
{
	struct s3_list_page page;

	ck_assert_ptr_null(parse_list(
		HEAD "<Contents><Key>%3Ca%26+%2B%C3%A9%3e</Key><Size>1</Size></Contents>" COMPLETE
		     "<EncodingType>url</EncodingType>" TAIL,
		&page));
	ck_assert_str_eq(page.entries[0].key, "<a& +\303\251>");
	ck_assert(!page.truncated);
	ck_assert_ptr_null(page.next_token);
	s3_list_page_release(&page);
}
END_TEST

START_TEST(many_entries_and_long_texts_arrive_whole)
{
	struct buffer text = BUFFER_INIT;
	struct s3_list_page page;
	unsigned int i;

	buffer_put_text(&text, HEAD COMPLETE);
	for (i = 0; i < 1000; i++)
		buffer_printf(&text, "<Contents><Key>%0900u&amp;%u</Key><Size>%u</Size></Contents>",
			      7, i, i);
	buffer_put_text(&text, TAIL);
	ck_assert_ptr_null(s3_xml_parse_list(text.data, text.length, &page));
	ck_assert_uint_eq(page.count, 1000);
	ck_assert_uint_eq(strlen(page.entries[999].key), 904);
	ck_assert_str_eq(page.entries[999].key + 899, "7&999");
	ck_assert_uint_eq(page.entries[999].size, 999);
	s3_list_page_release(&page);
	buffer_release(&text);
}
END_TEST

static const char *const no_pages[] = {
	"",
	"not XML",
	HEAD COMPLETE,					/* ends early */
	HEAD ENTRY_A TAIL,				/* IsTruncated is missing */
	HEAD TRUNCATED ENTRY_A TAIL,			/* no token */
	HEAD TRUNCATED "<NextContinuationToken/>" TAIL, /* empty token */
	HEAD "<IsTruncated>maybe</IsTruncated>" TAIL,
	HEAD COMPLETE "<Contents><Key>v/a</Key></Contents>" TAIL,
	HEAD COMPLETE "<Contents><Size>1</Size></Contents>" TAIL,
	HEAD COMPLETE "<Contents/>" TAIL,
	HEAD COMPLETE "<Contents><Key></Key><Size>1</Size></Contents>" TAIL,
	HEAD COMPLETE "<Contents><Key>a</Key><Key>b</Key><Size>1</Size></Contents>" TAIL,
	HEAD COMPLETE "<Contents><Key>a</Key><Size>-1</Size></Contents>" TAIL,
	HEAD COMPLETE "<Contents><Key>a</Key><Size>1e3</Size></Contents>" TAIL,
	HEAD COMPLETE "<Contents><Key>a</Key><Size>99999999999999999999</Size></Contents>" TAIL,
	HEAD COMPLETE "<EncodingType>url</EncodingType>"
		      "<Contents><Key>a%0</Key><Size>1</Size></Contents>" TAIL,
	HEAD COMPLETE "<EncodingType>url</EncodingType>"
		      "<Contents><Key>a%00</Key><Size>1</Size></Contents>" TAIL,
	HEAD COMPLETE TAIL "<more/>",
	"<Error><Code>InternalError</Code></Error>",
	"<html><body>sign in</body></html>",
	HEAD COMPLETE "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a>"
		      "</a></a></a></a></a></a></a></a></a></a></a></a></a>" TAIL,
	"<!DOCTYPE d [<!ENTITY e \"v/a\">]><ListBucketResult>" COMPLETE
	"<Contents><Key>&e;</Key><Size>1</Size></Contents>" TAIL,
};

START_TEST(what_is_no_whole_page_is_refused)
{
	struct s3_list_page page;
	size_t i;

	for (i = 0; i < sizeof(no_pages) / sizeof(no_pages[0]); i++) {
		ck_assert_msg(parse_list(no_pages[i], &page) != NULL, "accepted: %s", no_pages[i]);
		ck_assert_uint_eq(page.count, 0);
		ck_assert_ptr_null(page.entries);
		ck_assert_ptr_null(page.next_token);
	}
}
END_TEST

START_TEST(a_page_cut_anywhere_is_refused)
{
	static const char text[] = HEAD ENTRY_A COMPLETE TAIL;
	struct s3_list_page page;
	size_t length;

	for (length = 0; length < sizeof(text) - 1; length++)
		ck_assert_ptr_nonnull(s3_xml_parse_list(text, length, &page));
	ck_assert_ptr_null(s3_xml_parse_list(text, sizeof(text) - 1, &page));
	s3_list_page_release(&page);
}
END_TEST

static bool parse_error(const char *text, struct s3_error *error)
{
	return s3_xml_parse_error(text, strlen(text), error);
}

START_TEST(an_error_document_gives_code_message_and_region)
{
	struct s3_error error;

	ck_assert(
		parse_error("<?xml version=\"1.0\"?>\n<Error><Code>AuthorizationHeaderMalformed"
			    "</Code><Message>expecting &apos;eu-west-1&apos;\nnow\xc3\xa9</Message>"
			    "<Region>eu-west-1</Region><More><Code>no</Code></More></Error>",
			    &error));
	ck_assert_str_eq(error.code, "AuthorizationHeaderMalformed");
	ck_assert_str_eq(error.message, "expecting 'eu-west-1'?now\?\?");
	ck_assert_str_eq(error.region, "eu-west-1");
}
END_TEST

START_TEST(long_texts_of_an_error_are_cut)
{
	struct buffer text = BUFFER_INIT;
	struct s3_error error;

	buffer_printf(&text, "<Error><Code>%0100d</Code><Message>%05000d</Message></Error>", 1, 2);
	ck_assert(s3_xml_parse_error(text.data, text.length, &error));
	ck_assert_uint_eq(strlen(error.code), sizeof(error.code) - 1);
	ck_assert_uint_eq(strlen(error.message), sizeof(error.message) - 1);
	buffer_release(&text);
}
END_TEST

START_TEST(what_is_no_error_document_gives_none)
{
	struct s3_error error;

	ck_assert(!parse_error("", &error));
	ck_assert(!parse_error("<html>503</html>", &error));
	ck_assert(!parse_error("<Error><Code>SlowDown</Code>", &error));
	ck_assert_str_eq(error.code, "");
	ck_assert(!parse_error("<!DOCTYPE Error><Error><Code>SlowDown</Code></Error>", &error));
	ck_assert_str_eq(error.code, "");
}
END_TEST

UNIT_MAIN("store_s3_xml", a_page_gives_its_entries_and_the_token_of_the_next,
	  encoded_keys_are_decoded, many_entries_and_long_texts_arrive_whole,
	  what_is_no_whole_page_is_refused, a_page_cut_anywhere_is_refused,
	  an_error_document_gives_code_message_and_region, long_texts_of_an_error_are_cut,
	  what_is_no_error_document_gives_none)
