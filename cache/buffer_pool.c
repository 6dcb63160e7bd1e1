/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/buffer_pool.h"

#include <stdlib.h>

#include "backend/base/lock.h"

#define BUFFERS_MAX 64
/* Of new buffers, so that many fit each other's place. */
#define SIZE_STEP (256u << 10)

struct buffer_pool {
	/* immutable */
	size_t bytes_max;
	/* guarded by lock */
	struct lock lock;
	size_t bytes;
	size_t count;
	struct buffer buffers[BUFFERS_MAX];
};

struct buffer_pool *buffer_pool_new(size_t bytes_max)
{
	struct buffer_pool *pool = xcalloc(1, sizeof(*pool));

	pool->bytes_max = bytes_max;
	lock_init(&pool->lock, LOCK_RANK_LEAF);
	return pool;
}

void buffer_pool_free(struct buffer_pool *pool)
{
	while (pool->count)
		buffer_release(&pool->buffers[--pool->count]);
	lock_destroy(&pool->lock);
	free(pool);
}

/* The smallest that is large enough; `count` when none is. */
static size_t find_locked(const struct buffer_pool *pool, size_t least)
{
	size_t best = pool->count;
	size_t i;

	lock_assert_held(&pool->lock);
	for (i = 0; i < pool->count; i++)
		if (pool->buffers[i].capacity >= least &&
		    (best == pool->count ||
		     pool->buffers[i].capacity < pool->buffers[best].capacity))
			best = i;
	return best;
}

struct buffer buffer_pool_take(struct buffer_pool *pool, size_t least)
{
	struct buffer found = BUFFER_INIT;
	size_t place;

	lock_acquire(&pool->lock);
	place = find_locked(pool, least);
	if (place < pool->count) {
		found = pool->buffers[place];
		pool->buffers[place] = pool->buffers[--pool->count];
		pool->bytes -= found.capacity;
	}
	lock_release(&pool->lock);
	if (!found.data) {
		found.capacity = (least / SIZE_STEP + 1) * SIZE_STEP;
		found.data = xmalloc(found.capacity);
	}
	return found;
}

void buffer_pool_give(struct buffer_pool *pool, struct buffer *buffer)
{
	bool kept;

	buffer_clear(buffer);
	lock_acquire(&pool->lock);
	kept = pool->count < BUFFERS_MAX && pool->bytes + buffer->capacity <= pool->bytes_max;
	if (kept) {
		pool->bytes += buffer->capacity;
		pool->buffers[pool->count++] = *buffer;
	}
	lock_release(&pool->lock);
	if (kept)
		*buffer = (struct buffer)BUFFER_INIT;
	else
		buffer_release(buffer);
}
