/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page: some entries of a directory, read in one go and then looked at
 * without locks. ns_readdir() and state_walk() list directories page by page.
 */
#ifndef DRAY_CACHE_NS_PAGE_H
#define DRAY_CACHE_NS_PAGE_H

#include <stdbool.h>

#include "backend/base/buffer.h"

struct cache;

struct ns_page {
	struct buffer bytes;
	struct reader reader;
	uint64_t next; /* cookie that the following page goes on after */
	bool last;     /* no page follows */
};

/* An entry; its name is in the page, and ends with a NUL. */
struct ns_page_entry {
	const char *name;
	size_t name_length;
	uint64_t ino;
	uint64_t cookie;
	uint8_t type; /* DT_* */
};

/* Reads the entries behind cookie `after` (0: from "." on), at most limit of
 * them. A zeroed page is empty; ns_page_release() ends it. -ENOENT, -ENOTDIR: it is
 * an empty last page then. */
int ns_page_read(struct cache *cache, uint64_t directory, uint64_t after, unsigned int limit,
		 struct ns_page *page);
/* False at the end of the page. */
bool ns_page_next(struct ns_page *page, struct ns_page_entry *out);
void ns_page_release(struct ns_page *page);

#endif
