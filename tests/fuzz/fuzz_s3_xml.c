/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of S3: a page that is accepted is whole, an error fits a log. */
#include "backend/store_s3_xml.h"
#include "tests/fuzz/fuzz.h"

static void check_page(struct s3_list_page *page)
{
	size_t i;

	assert(page->truncated == (page->next_token != NULL));
	for (i = 0; i < page->count; i++)
		assert(page->entries[i].key && *page->entries[i].key);
	s3_list_page_release(page);
}

static void check_line(const char *text, size_t size)
{
	const char *p;

	assert(memchr(text, '\0', size));
	for (p = text; *p; p++)
		assert(*p >= ' ' && *p <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct s3_list_page page;
	struct s3_error error;

	if (!s3_xml_parse_list(data, size, &page))
		check_page(&page);
	if (!s3_xml_parse_error(data, size, &error))
		assert(!error.code[0] && !error.message[0] && !error.region[0]);
	check_line(error.code, sizeof(error.code));
	check_line(error.message, sizeof(error.message));
	check_line(error.region, sizeof(error.region));
	return 0;
}
