/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_s3_xml.h"

#include <assert.h>
#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"

#define DEPTH_MAX 16
#define KEY_MAX	  1024 /* S3's own bound */

/* The state of one parse. Elements are told apart by depth, parent and name. */
struct parse {
	XML_Parser parser;
	const char *problem; /* the first one; NULL: none yet */
	unsigned int depth;
	char parent[32]; /* name of the open element at depth 2 */
	struct buffer text;
	bool text_is_wanted;

	struct s3_list_page *page; /* NULL in an error document */
	size_t capacity;
	bool url_encoded;
	bool seen_truncated;
	bool seen_key; /* of the entry that is open */
	bool seen_size;

	struct s3_error *error; /* NULL in a listing */
};

static void fail(struct parse *parse, const char *problem)
{
	if (!parse->problem)
		parse->problem = problem;
	XML_StopParser(parse->parser, XML_FALSE);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	fail(arg, "the document has a DOCTYPE");
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int length)
{
	struct parse *parse = arg;

	if (parse->text_is_wanted)
		buffer_append(&parse->text, text, (size_t)length);
}

static bool is(const char *name, const char *expected)
{
	return strcmp(name, expected) == 0;
}

/* Ends the collected text with a NUL and returns it. */
static char *take_text(struct parse *parse)
{
	buffer_put_u8(&parse->text, '\0');
	return (char *)parse->text.data;
}

static void open_entry(struct parse *parse)
{
	struct s3_list_page *page = parse->page;

	if (page->count == parse->capacity) {
		parse->capacity = parse->capacity ? 2 * parse->capacity : 64;
		page->entries = xrealloc(page->entries, parse->capacity * sizeof(*page->entries));
	}
	page->entries[page->count++] = (struct s3_list_entry){ 0 };
	parse->seen_key = false;
	parse->seen_size = false;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct parse *parse = arg;

	(void)attributes;
	if (++parse->depth > DEPTH_MAX) {
		fail(parse, "the document is nested too deeply");
		return;
	}
	if (parse->depth == 1 && !is(name, parse->page ? "ListBucketResult" : "Error")) {
		fail(parse, "the document is of another kind");
		return;
	}
	if (parse->depth == 2) {
		strncpy(parse->parent, name, sizeof(parse->parent) - 1);
		if (parse->page && is(name, "Contents"))
			open_entry(parse);
	}
	buffer_clear(&parse->text);
	parse->text_is_wanted = parse->depth == 2 || parse->depth == 3;
}

/* A decimal number that fits; anything else is a failure. */
static void take_size(struct parse *parse, struct s3_list_entry *entry)
{
	const char *p = take_text(parse);

	if (!*p || strlen(p) > 19 || strspn(p, "0123456789") != strlen(p)) {
		fail(parse, "a size is not a number");
		return;
	}
	for (entry->size = 0; *p; p++)
		entry->size = entry->size * 10 + (uint64_t)(*p - '0');
	parse->seen_size = true;
}

static void take_key(struct parse *parse, struct s3_list_entry *entry)
{
	if (parse->seen_key || !parse->text.length || parse->text.length > 3 * KEY_MAX) {
		fail(parse, "a key is empty, too long or given twice");
		return;
	}
	entry->key = xstrdup(take_text(parse));
	parse->seen_key = true;
}

static void take_truncated(struct parse *parse)
{
	const char *text = take_text(parse);

	parse->page->truncated = is(text, "true");
	parse->seen_truncated = true;
	if (!is(text, "true") && !is(text, "false"))
		fail(parse, "IsTruncated is neither true nor false");
}

static void take_token(struct parse *parse)
{
	free(parse->page->next_token);
	parse->page->next_token = xstrdup(take_text(parse));
}

static void end_in_list(struct parse *parse, const char *name)
{
	struct s3_list_page *page = parse->page;
	bool in_entry = is(parse->parent, "Contents");

	if (parse->depth == 3 && in_entry) {
		if (is(name, "Key"))
			take_key(parse, &page->entries[page->count - 1]);
		else if (is(name, "Size"))
			take_size(parse, &page->entries[page->count - 1]);
	}
	if (parse->depth != 2)
		return;
	if (in_entry && !(parse->seen_key && parse->seen_size))
		fail(parse, "an entry has no key or no size");
	else if (is(name, "IsTruncated"))
		take_truncated(parse);
	else if (is(name, "NextContinuationToken"))
		take_token(parse);
	else if (is(name, "EncodingType"))
		parse->url_encoded = is(take_text(parse), "url");
}

/* Cut to the size, in whole characters as far as a log cares. */
static void copy_line(char *to, size_t size, const struct buffer *text)
{
	size_t length = text->length < size - 1 ? text->length : size - 1;
	size_t i;

	for (i = 0; i < length; i++) {
		uint8_t c = text->data[i];

		to[i] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	to[length] = '\0';
}

static void end_in_error(struct parse *parse, const char *name)
{
	struct s3_error *error = parse->error;

	if (parse->depth != 2)
		return;
	if (is(name, "Code"))
		copy_line(error->code, sizeof(error->code), &parse->text);
	else if (is(name, "Message"))
		copy_line(error->message, sizeof(error->message), &parse->text);
	else if (is(name, "Region"))
		copy_line(error->region, sizeof(error->region), &parse->text);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct parse *parse = arg;

	if (parse->page)
		end_in_list(parse, name);
	else
		end_in_error(parse, name);
	parse->depth--;
	buffer_clear(&parse->text);
	parse->text_is_wanted = false;
}

/* Returns NULL or the problem. */
static const char *run(struct parse *parse, const void *bytes, size_t length)
{
	enum XML_Status status;

	if (length > INT_MAX)
		return "the document is too large";
	parse->parser = XML_ParserCreate(NULL);
	assert(parse->parser); /* out of memory, as in xmalloc() */
	XML_SetUserData(parse->parser, parse);
	XML_SetStartDoctypeDeclHandler(parse->parser, on_doctype);
	XML_SetElementHandler(parse->parser, on_start, on_end);
	XML_SetCharacterDataHandler(parse->parser, on_text);
	status = XML_Parse(parse->parser, length ? bytes : "", (int)length, 1);
	if (status != XML_STATUS_OK && !parse->problem)
		parse->problem = XML_ErrorString(XML_GetErrorCode(parse->parser));
	XML_ParserFree(parse->parser);
	buffer_release(&parse->text);
	return parse->problem;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* In place. False for a bad escape and for an escaped NUL. */
static bool url_decode(char *text)
{
	char *out = text;
	const char *p;

	for (p = text; *p; p++) {
		int high;
		int low;

		if (*p != '%') {
			*out++ = *p == '+' ? ' ' : *p;
			continue;
		}
		high = hex_value(p[1]);
		low = high < 0 ? -1 : hex_value(p[2]);
		if (low < 0 || !(high || low))
			return false;
		*out++ = (char)(high << 4 | low);
		p += 2;
	}
	*out = '\0';
	return true;
}

/* What can only be seen at the end of the document. */
static const char *finish_list(const struct parse *parse)
{
	struct s3_list_page *page = parse->page;
	size_t i;

	if (!parse->seen_truncated)
		return "IsTruncated is missing";
	if (page->truncated && !(page->next_token && *page->next_token))
		return "the token of the next page is missing";
	if (!page->truncated) {
		free(page->next_token);
		page->next_token = NULL;
	}
	for (i = 0; parse->url_encoded && i < page->count; i++) {
		if (!url_decode(page->entries[i].key))
			return "a key is not encoded as announced";
	}
	return NULL;
}

const char *s3_xml_parse_list(const void *bytes, size_t length, struct s3_list_page *out)
{
	struct parse parse = { .page = out };
	const char *problem;

	memset(out, 0, sizeof(*out));
	problem = run(&parse, bytes, length);
	if (!problem)
		problem = finish_list(&parse);
	if (problem)
		s3_list_page_release(out);
	return problem;
}

void s3_list_page_release(struct s3_list_page *page)
{
	size_t i;

	for (i = 0; i < page->count; i++)
		free(page->entries[i].key);
	free(page->entries);
	free(page->next_token);
	memset(page, 0, sizeof(*page));
}

bool s3_xml_parse_error(const void *bytes, size_t length, struct s3_error *out)
{
	struct parse parse = { .error = out };

	memset(out, 0, sizeof(*out));
	if (!run(&parse, bytes, length))
		return true;
	memset(out, 0, sizeof(*out));
	return false;
}
