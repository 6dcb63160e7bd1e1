/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <dirent.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/cookie.h"
#include "cache/neighbours.h"
#include "cache/ns_int.h"
#include "cache/ns_page.h"

/* About what one READDIR of the kernel (4 KiB at least) takes. */
#define READDIR_ENTRIES 128

static void page_add(struct ns_page *page, uint64_t cookie, uint64_t ino, uint8_t type,
		     const void *name, size_t length)
{
	buffer_put_u64(&page->bytes, cookie);
	buffer_put_u64(&page->bytes, ino);
	buffer_put_u8(&page->bytes, type);
	buffer_put_u8(&page->bytes, (uint8_t)length);
	buffer_append(&page->bytes, name, length);
	buffer_put_u8(&page->bytes, 0);
	page->next = cookie;
}

bool ns_page_next(struct ns_page *page, struct ns_page_entry *out)
{
	if (!reader_left(&page->reader))
		return false;
	out->cookie = reader_get_u64(&page->reader);
	out->ino = reader_get_u64(&page->reader);
	out->type = reader_get_u8(&page->reader);
	out->name_length = reader_get_u8(&page->reader);
	out->name = (const char *)reader_get_bytes(&page->reader, out->name_length + 1);
	assert(!page->reader.failed);
	return true;
}

void ns_page_release(struct ns_page *page)
{
	buffer_release(&page->bytes);
	memset(page, 0, sizeof(*page));
}

/* One row of the cursor: 1 when it was an entry (or a placeholder), 0 when the
 * directory has no more. */
static int read_row(struct cache *cache, struct index_cursor *cursor, struct ns_page *page)
{
	struct dirent_row row;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t parent;
	uint64_t cookie;
	int result;

	result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
	if (result <= 0)
		return result;
	result = row_get_dirent(value, value_length, &row);
	if (result)
		return result;
	if (key_dirent_parse(key, key_length, &parent, &cookie) && row.ino) {
		page_add(page, cookie, row.ino, row.type, row.name, row.name_length);
		neighbours_named(cache, parent, cookie, row.ino);
	}
	return 1;
}

static int read_rows(struct cache *cache, uint64_t directory, uint64_t after, unsigned int limit,
		     struct ns_page *page)
{
	struct index_cursor *cursor;
	struct row_key start;
	int result;

	key_dirent(&start, directory, after + 1);
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	index_cursor_bound(cursor, &start, start.length - sizeof(uint64_t));
	do {
		result = read_row(cache, cursor, page);
	} while (result == 1 && --limit);
	page->last = result == 0;
	index_cursor_close(cursor);
	return result < 0 ? result : 0;
}

int ns_page_read(struct cache *cache, uint64_t directory, uint64_t after, unsigned int limit,
		 struct ns_page *page)
{
	struct node *node = inode_lock_shared(cache, directory);
	struct inode inode = { 0 };
	int result;

	assert(limit);
	buffer_clear(&page->bytes);
	page->next = after;
	page->last = true;
	result = inode_load_directory(cache, directory, &inode);
	if (result)
		goto out;
	if (after < COOKIE_DOT)
		page_add(page, COOKIE_DOT, directory, DT_DIR, ".", 1);
	if (after < COOKIE_DOT_DOT)
		page_add(page, COOKIE_DOT_DOT, inode.row.parent, DT_DIR, "..", 2);
	result = read_rows(cache, directory, page->next, limit, page);
	reader_init(&page->reader, page->bytes.data, page->bytes.length);
out:
	inode_unlock_shared(cache, node);
	inode_release(&inode);
	return result;
}

int ns_readdir(struct cache *cache, uint64_t ino, uint64_t after, ns_readdir_fn *fn, void *arg)
{
	struct ns_page page = { .next = after };
	struct ns_page_entry entry;
	bool stopped = false;
	int result;

	do {
		result = ns_page_read(cache, ino, page.next, READDIR_ENTRIES, &page);
		if (result)
			break;
		while (!stopped && ns_page_next(&page, &entry))
			stopped = fn(entry.name, entry.name_length, entry.ino, entry.type,
				     entry.cookie, arg);
	} while (!stopped && !page.last);
	ns_page_release(&page);
	return result;
}
