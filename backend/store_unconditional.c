/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/store_unconditional.h"

#include <errno.h>
#include <stdlib.h>

#include "backend/base/buffer.h"

static int unconditional_put(struct store *store, const char *key, const void *bytes, size_t length,
			     enum store_put_flags flags)
{
	uint64_t size;
	int result;

	if (flags & STORE_IF_ABSENT) {
		result = store_head(store->below, key, &size);
		if (result != -ENOENT)
			return result ? result : -EEXIST;
	}
	return store_put(store->below, key, bytes, length, flags & ~(unsigned int)STORE_IF_ABSENT);
}

static int unconditional_get(struct store *store, const char *key, uint64_t offset, size_t length,
			     struct buffer *out)
{
	return store_get(store->below, key, offset, length, out);
}

static int unconditional_head(struct store *store, const char *key, uint64_t *size_out)
{
	return store_head(store->below, key, size_out);
}

static int unconditional_remove(struct store *store, const char *key)
{
	return store_remove(store->below, key);
}

static int unconditional_list(struct store *store, const char *prefix, const char *after,
			      store_list_fn *fn, void *arg)
{
	return store_list(store->below, prefix, after, fn, arg);
}

static void unconditional_free(struct store *store)
{
	store_release(store);
	free(store);
}

static const struct store_ops unconditional_ops = {
	.put = unconditional_put,
	.get = unconditional_get,
	.head = unconditional_head,
	.remove = unconditional_remove,
	.list = unconditional_list,
	.free = unconditional_free,
};

struct store *store_unconditional_new(struct store *below)
{
	struct store *store = xcalloc(1, sizeof(*store));

	store_init(store, &unconditional_ops, "unconditional", below->url, below);
	return store;
}
