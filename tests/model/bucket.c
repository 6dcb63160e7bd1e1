/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/lock.h"

struct change {
	char *key;
	bool removed;
	struct buffer bytes;
};

struct bucket {
	struct lock lock;
	/* guarded by lock */
	struct change *changes;
	size_t count;
	size_t capacity;
};

struct bucket_store {
	struct store base;
	struct bucket *bucket;
};

static struct bucket_store *bucket_store(struct store *store)
{
	return (struct bucket_store *)store;
}

struct bucket *bucket_new(void)
{
	struct bucket *bucket = xcalloc(1, sizeof(*bucket));

	lock_init(&bucket->lock, LOCK_RANK_STORE);
	return bucket;
}

void bucket_free(struct bucket *bucket)
{
	size_t i;

	for (i = 0; i < bucket->count; i++) {
		free(bucket->changes[i].key);
		buffer_release(&bucket->changes[i].bytes);
	}
	free(bucket->changes);
	lock_destroy(&bucket->lock);
	free(bucket);
}

/*
 * A caller learns that its change was made only when it is noted, so that what
 * follows from it comes later in the history as well.
 */
static void note_locked(struct bucket *bucket, const char *key, bool removed, const void *bytes,
			size_t length)
{
	struct change *change;

	lock_assert_held(&bucket->lock);
	if (bucket->count == bucket->capacity) {
		bucket->capacity = bucket->capacity ? 2 * bucket->capacity : 256;
		bucket->changes =
			xrealloc(bucket->changes, bucket->capacity * sizeof(*bucket->changes));
	}
	change = &bucket->changes[bucket->count++];
	memset(change, 0, sizeof(*change));
	change->key = xstrdup(key);
	change->removed = removed;
	if (length)
		buffer_append(&change->bytes, bytes, length);
}

static int bucket_put(struct store *store, const char *key, const void *bytes, size_t length,
		      enum store_put_flags flags)
{
	struct bucket *bucket = bucket_store(store)->bucket;
	int result = store_put(store->below, key, bytes, length, flags);

	if (result)
		return result;
	lock_acquire(&bucket->lock);
	note_locked(bucket, key, false, bytes, length);
	lock_release(&bucket->lock);
	return 0;
}

static int bucket_get(struct store *store, const char *key, uint64_t offset, size_t length,
		      struct buffer *out)
{
	return store_get(store->below, key, offset, length, out);
}

static int bucket_head(struct store *store, const char *key, uint64_t *size_out)
{
	return store_head(store->below, key, size_out);
}

static int bucket_remove(struct store *store, const char *key)
{
	struct bucket *bucket = bucket_store(store)->bucket;
	int result = store_remove(store->below, key);

	if (result)
		return result;
	lock_acquire(&bucket->lock);
	note_locked(bucket, key, true, NULL, 0);
	lock_release(&bucket->lock);
	return 0;
}

static int bucket_list(struct store *store, const char *prefix, const char *after,
		       store_list_fn *fn, void *arg)
{
	return store_list(store->below, prefix, after, fn, arg);
}

static void bucket_store_free(struct store *store)
{
	store_release(store);
	free(store);
}

static const struct store_ops bucket_ops = {
	.put = bucket_put,
	.get = bucket_get,
	.head = bucket_head,
	.remove = bucket_remove,
	.list = bucket_list,
	.free = bucket_store_free,
};

struct store *bucket_store_new(struct bucket *bucket, struct store *below)
{
	struct bucket_store *store = xcalloc(1, sizeof(*store));

	store_init(&store->base, &bucket_ops, "bucket", below->url, below);
	store->bucket = bucket;
	return &store->base;
}

size_t bucket_changes(struct bucket *bucket)
{
	size_t count;

	lock_acquire(&bucket->lock);
	count = bucket->count;
	lock_release(&bucket->lock);
	return count;
}

int bucket_repeat(struct bucket *bucket, size_t change, struct store *store)
{
	const struct change *at = &bucket->changes[change];

	if (at->removed)
		return store_remove(store, at->key);
	return store_put(store, at->key, at->bytes.data, at->bytes.length, 0);
}

const char *bucket_key(struct bucket *bucket, size_t change)
{
	return bucket->changes[change].key;
}
