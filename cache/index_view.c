/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/index_view.h"

#include <assert.h>
#include <stdlib.h>

#include "backend/base/buffer.h"

static struct index_view *view_alloc(size_t count)
{
	struct index_view *view = xcalloc(1, sizeof(*view) + count * sizeof(view->tables[0]));

	atomic_init(&view->references, 1);
	view->count = count;
	return view;
}

struct index_view *index_view_new(void)
{
	struct index_view *view = view_alloc(1);

	view->tables[0].memtable = memtable_new();
	return view;
}

struct index_view *index_view_get(struct index_view *view)
{
	atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
	return view;
}

void index_view_put(struct index_view *view)
{
	size_t i;

	if (atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) > 1)
		return;
	for (i = 0; i < view->count; i++)
		memtable_put(view->tables[i].memtable);
	free(view);
}

/* Shares `count` tables of `from` with `to`, which has them from `first`. */
static void share_tables(struct index_view *to, size_t first, const struct index_view *from,
			 size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		to->tables[first + i] = from->tables[i];
		memtable_get(from->tables[i].memtable);
	}
}

struct index_view *index_view_freeze(const struct index_view *view, uint64_t last_lsn)
{
	struct index_view *next = view_alloc(view->count + 1);

	next->tables[0].memtable = memtable_new();
	share_tables(next, 1, view, view->count);
	next->tables[1].last_lsn = last_lsn;
	return next;
}

struct index_view *index_view_drop_oldest(const struct index_view *view, size_t count)
{
	struct index_view *next;

	assert(view->count > count);
	next = view_alloc(view->count - count);
	share_tables(next, 0, view, view->count - count);
	return next;
}

const struct memtable_value *index_view_find(const struct index_view *view, size_t first,
					     const void *key, size_t key_length)
{
	const struct memtable_value *value;
	size_t i;

	for (i = first; i < view->count; i++) {
		value = memtable_find(view->tables[i].memtable, key, key_length);
		if (value)
			return value;
	}
	return NULL;
}
