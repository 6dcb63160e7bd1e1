/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/memtable_merge.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"

/* Where a table stands; its key is kept, because all are compared often. */
struct source {
	struct memtable_cursor cursor;
	const uint8_t *key; /* NULL: at the end */
	size_t key_length;
};

struct memtable_merge {
	size_t count;
	struct source *sources; /* newest first */
};

struct memtable_merge *memtable_merge_new(void)
{
	return xcalloc(1, sizeof(struct memtable_merge));
}

void memtable_merge_free(struct memtable_merge *merge)
{
	free(merge->sources);
	free(merge);
}

static void read_key(struct source *source)
{
	source->key = NULL;
	if (source->cursor.node)
		source->key = memtable_key(&source->cursor, &source->key_length);
}

void memtable_merge_add(struct memtable_merge *merge, const struct memtable *table)
{
	struct source *source;

	merge->sources = xrealloc(merge->sources, (merge->count + 1) * sizeof(*merge->sources));
	source = &merge->sources[merge->count++];
	memtable_seek(table, NULL, 0, &source->cursor);
	read_key(source);
}

static int compare(const struct source *a, const struct source *b)
{
	size_t shared = a->key_length < b->key_length ? a->key_length : b->key_length;
	int order = memcmp(a->key, b->key, shared);

	if (order)
		return order;
	return a->key_length < b->key_length ? -1 : a->key_length > b->key_length;
}

static void step(struct source *source)
{
	memtable_next(&source->cursor);
	read_key(source);
}

const struct memtable_value *memtable_merge_next(struct memtable_merge *merge, const uint8_t **key,
						 size_t *key_length)
{
	struct source *least = NULL;
	const struct memtable_value *value;
	struct source *source;
	int order;

	for (source = merge->sources; source < merge->sources + merge->count; source++) {
		if (!source->key)
			continue;
		order = least ? compare(source, least) : -1;
		if (order < 0)
			least = source;
		else if (!order)
			step(source); /* an older value of the same key */
	}
	if (!least)
		return NULL;
	*key = least->key;
	*key_length = least->key_length;
	value = memtable_value(&least->cursor);
	step(least);
	return value;
}
