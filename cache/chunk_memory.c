/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/chunk_memory.h"

#include <assert.h>
#include <stdlib.h>

#define CHUNK_MEMORY_BUCKETS 1024

struct chunk_memory {
	size_t bytes_max;
	size_t bytes;
	struct chunk_bytes *buckets[CHUNK_MEMORY_BUCKETS];
	struct chunk_bytes *newest;
	struct chunk_bytes *oldest;
};

struct chunk_memory *chunk_memory_new(size_t bytes_max)
{
	struct chunk_memory *memory = xcalloc(1, sizeof(*memory));

	memory->bytes_max = bytes_max;
	return memory;
}

struct chunk_bytes *chunk_bytes_new(uint64_t chunk, struct buffer *raw, struct buffer_pool *pool)
{
	struct chunk_bytes *bytes = xcalloc(1, sizeof(*bytes));

	bytes->chunk = chunk;
	bytes->pool = pool;
	bytes->capacity = raw->capacity;
	bytes->data = buffer_steal(raw, &bytes->length);
	atomic_init(&bytes->references, 1);
	atomic_init(&bytes->unread, bytes->length);
	return bytes;
}

struct chunk_bytes *chunk_bytes_get(struct chunk_bytes *bytes)
{
	atomic_fetch_add(&bytes->references, 1);
	return bytes;
}

void chunk_bytes_put(struct chunk_bytes *bytes)
{
	struct buffer raw;

	if (!bytes || atomic_fetch_sub(&bytes->references, 1) != 1)
		return;
	raw = (struct buffer){ bytes->data, bytes->length, bytes->capacity };
	buffer_pool_give(bytes->pool, &raw);
	free(bytes);
}

size_t chunk_bytes_note_read(struct chunk_bytes *bytes, size_t length)
{
	size_t unread = atomic_load(&bytes->unread);
	size_t first;

	do {
		first = unread < length ? unread : length;
	} while (first && !atomic_compare_exchange_weak(&bytes->unread, &unread, unread - first));
	return first;
}

static struct chunk_bytes **bucket_of(struct chunk_memory *memory, uint64_t chunk)
{
	return &memory->buckets[chunk % CHUNK_MEMORY_BUCKETS];
}

static void order_unlink(struct chunk_memory *memory, struct chunk_bytes *bytes)
{
	if (bytes->newer)
		bytes->newer->older = bytes->older;
	else
		memory->newest = bytes->older;
	if (bytes->older)
		bytes->older->newer = bytes->newer;
	else
		memory->oldest = bytes->newer;
}

static void order_push(struct chunk_memory *memory, struct chunk_bytes *bytes)
{
	bytes->newer = NULL;
	bytes->older = memory->newest;
	if (memory->newest)
		memory->newest->newer = bytes;
	else
		memory->oldest = bytes;
	memory->newest = bytes;
}

static void order_push_oldest(struct chunk_memory *memory, struct chunk_bytes *bytes)
{
	bytes->older = NULL;
	bytes->newer = memory->oldest;
	if (memory->oldest)
		memory->oldest->older = bytes;
	else
		memory->newest = bytes;
	memory->oldest = bytes;
}

static void drop_oldest(struct chunk_memory *memory)
{
	struct chunk_bytes *bytes = memory->oldest;
	struct chunk_bytes **link = bucket_of(memory, bytes->chunk);

	while (*link != bytes)
		link = &(*link)->hash_next;
	*link = bytes->hash_next;
	order_unlink(memory, bytes);
	assert(memory->bytes >= bytes->length);
	memory->bytes -= bytes->length;
	chunk_bytes_put(bytes);
}

static struct chunk_bytes *find_in_bucket(struct chunk_memory *memory, uint64_t chunk)
{
	struct chunk_bytes *bytes = *bucket_of(memory, chunk);

	while (bytes && bytes->chunk != chunk)
		bytes = bytes->hash_next;
	return bytes;
}

struct chunk_bytes *chunk_memory_find(struct chunk_memory *memory, uint64_t chunk)
{
	struct chunk_bytes *bytes = find_in_bucket(memory, chunk);

	if (!bytes)
		return NULL;
	order_unlink(memory, bytes);
	order_push(memory, bytes);
	return chunk_bytes_get(bytes);
}

void chunk_memory_retire(struct chunk_memory *memory, uint64_t chunk)
{
	struct chunk_bytes *bytes = find_in_bucket(memory, chunk);

	if (!bytes)
		return;
	order_unlink(memory, bytes);
	order_push_oldest(memory, bytes);
}

void chunk_memory_add(struct chunk_memory *memory, struct chunk_bytes *bytes)
{
	struct chunk_bytes **bucket = bucket_of(memory, bytes->chunk);

	if (find_in_bucket(memory, bytes->chunk) || bytes->length > memory->bytes_max)
		return;
	bytes->hash_next = *bucket;
	*bucket = chunk_bytes_get(bytes);
	order_push(memory, bytes);
	memory->bytes += bytes->length;
	while (memory->bytes > memory->bytes_max)
		drop_oldest(memory);
}

void chunk_memory_free(struct chunk_memory *memory)
{
	if (!memory)
		return;
	while (memory->oldest)
		drop_oldest(memory);
	free(memory);
}
