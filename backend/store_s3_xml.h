/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two XML documents that S3 answers with: a page of a listing, and an
 * error. Pure; any bytes may come in. Documents with a DOCTYPE (and so with
 * entities of their own) are refused, and so is deep nesting.
 *
 * A page is accepted whole or not at all: a document that ends early, lacks
 * IsTruncated, or has an entry without key or size is no page, because a
 * part of a listing must never pass for the whole.
 */
#ifndef DRAY_STORE_S3_XML_H
#define DRAY_STORE_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_list_entry {
	char *key; /* decoded; full, with the prefix of the volume */
	uint64_t size;
};

/* A page; s3_list_page_release() frees it. */
struct s3_list_page {
	struct s3_list_entry *entries;
	size_t count;
	bool truncated;	  /* there are more pages */
	char *next_token; /* set exactly when truncated */
};

/* Parses a ListObjectsV2 answer. Returns NULL and fills *out, or returns
 * what is wrong with the document; *out needs no release then. */
const char *s3_xml_parse_list(const void *bytes, size_t length, struct s3_list_page *out);
void s3_list_page_release(struct s3_list_page *page);

/* An error document. Texts are cut to their sizes, and bytes that do not
 * belong into a line of a log are replaced by '?'. */
struct s3_error {
	char code[64];
	char message[256];
	char region[64]; /* the bucket's, when the error is about it */
};

/* False, and all texts empty, when the bytes are no error document. */
bool s3_xml_parse_error(const void *bytes, size_t length, struct s3_error *out);

#endif
