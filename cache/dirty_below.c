/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/dirty_below.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/cookie.h"
#include "cache/ns.h"
#include "cache/ns_page.h"

#define PAGE_ENTRIES 256

struct number_list {
	uint64_t *numbers;
	size_t count;
	size_t capacity;
};

static void add(struct number_list *list, uint64_t number)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity * 2 + 64;
		list->numbers = xrealloc(list->numbers, list->capacity * sizeof(*list->numbers));
	}
	list->numbers[list->count++] = number;
}

/* All dirty contents of the volume, ascending. */
static int list_dirty(struct cache *cache, struct number_list *out)
{
	struct row_key start = { .length = 2, .bytes = { TABLE_DIRTY, TABLE_CONTENT } };
	struct index_cursor *cursor;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result = index_cursor_open(cache->index, &start, &cursor);

	if (result)
		return result;
	index_cursor_bound(cursor, &start, start.length);
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0)
		add(out, key_number(key + 1, key_length - 1));
	index_cursor_close(cursor);
	return result;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void keep_if_dirty(const struct number_list *dirty, uint64_t ino, struct number_list *out)
{
	if (dirty->count &&
	    bsearch(&ino, dirty->numbers, dirty->count, sizeof(ino), compare_numbers))
		add(out, ino);
}

/* One directory: its files, and its directories to be looked at later. */
static int look_into(struct cache *cache, uint64_t directory, const struct number_list *dirty,
		     struct number_list *directories, struct number_list *out)
{
	struct ns_page page = { 0 };
	struct ns_page_entry entry;
	int result;

	do {
		result = ns_page_read(cache, directory, page.next, PAGE_ENTRIES, &page);
		while (!result && ns_page_next(&page, &entry)) {
			if (entry.cookie < COOKIE_FIRST)
				continue;
			if (entry.type == DT_DIR)
				add(directories, entry.ino);
			else
				keep_if_dirty(dirty, entry.ino, out);
		}
	} while (!result && !page.last);
	ns_page_release(&page);
	return result == -ENOENT ? 0 : result; /* removed meanwhile */
}

/* Hard links are seen more than once. */
static void sort(struct number_list *list)
{
	size_t kept = 0;
	size_t i;

	if (list->count)
		qsort(list->numbers, list->count, sizeof(*list->numbers), compare_numbers);
	for (i = 0; i < list->count; i++)
		if (!kept || list->numbers[kept - 1] != list->numbers[i])
			list->numbers[kept++] = list->numbers[i];
	list->count = kept;
}

int dirty_below(struct cache *cache, const char *path, uint64_t **inos_out, size_t *count_out)
{
	struct number_list directories = { 0 };
	struct number_list dirty = { 0 };
	struct number_list found = { 0 };
	struct attributes attributes;
	int result = ns_resolve(cache, path, &attributes);

	if (!result)
		result = list_dirty(cache, &dirty);
	if (!result && S_ISDIR(attributes.mode))
		add(&directories, attributes.ino);
	else if (!result)
		keep_if_dirty(&dirty, attributes.ino, &found);
	while (!result && dirty.count && directories.count)
		result = look_into(cache, directories.numbers[--directories.count], &dirty,
				   &directories, &found);
	free(directories.numbers);
	free(dirty.numbers);
	if (result) {
		free(found.numbers);
		return result;
	}
	sort(&found);
	*inos_out = found.numbers;
	*count_out = found.count;
	return 0;
}
