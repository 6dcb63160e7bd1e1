/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cache/buffer_pool.h"
#include "cache/chunk_memory.h"
#include "tests/lib/unit.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct buffer_pool *pool;

static struct chunk_memory *memory_new(size_t chunks)
{
	pool = buffer_pool_new(8 * MIB);
	return chunk_memory_new(chunks * MIB);
}

static void memory_free(struct chunk_memory *memory)
{
	chunk_memory_free(memory);
	buffer_pool_free(pool);
}

static void add(struct chunk_memory *memory, uint64_t chunk)
{
	struct buffer raw = buffer_pool_take(pool, MIB);
	struct chunk_bytes *bytes;

	memset(buffer_extend(&raw, MIB), (int)chunk, MIB);
	bytes = chunk_bytes_new(chunk, &raw, pool);
	chunk_memory_add(memory, bytes);
	chunk_bytes_put(bytes);
}

static bool holds(struct chunk_memory *memory, uint64_t chunk)
{
	struct chunk_bytes *bytes = chunk_memory_find(memory, chunk);
	bool found = bytes != NULL;

	if (found)
		ck_assert_uint_eq(bytes->data[bytes->length - 1], (uint8_t)chunk);
	chunk_bytes_put(bytes);
	return found;
}

START_TEST(the_chunk_used_least_lately_leaves)
{
	struct chunk_memory *memory = memory_new(3);

	add(memory, 1);
	add(memory, 2);
	add(memory, 3);
	ck_assert(holds(memory, 1));
	add(memory, 4);
	ck_assert(!holds(memory, 2));
	ck_assert(holds(memory, 1) && holds(memory, 3) && holds(memory, 4));
	memory_free(memory);
}
END_TEST

START_TEST(what_was_read_to_its_end_leaves_before_what_was_read_ahead)
{
	struct chunk_memory *memory = memory_new(3);

	add(memory, 1);
	add(memory, 2);
	add(memory, 3);
	ck_assert(holds(memory, 3));
	chunk_memory_retire(memory, 3);
	chunk_memory_retire(memory, 99); /* not there: nothing happens */
	add(memory, 4);
	ck_assert(!holds(memory, 3));
	ck_assert(holds(memory, 1) && holds(memory, 2) && holds(memory, 4));
	/* The only one, and the newest, may be retired as well. */
	chunk_memory_retire(memory, 4);
	chunk_memory_retire(memory, 4);
	add(memory, 5);
	ck_assert(!holds(memory, 4));
	memory_free(memory);
}
END_TEST

START_TEST(bytes_live_until_their_last_user_is_done)
{
	struct chunk_memory *memory = memory_new(1);
	struct chunk_bytes *kept;

	add(memory, 7);
	kept = chunk_memory_find(memory, 7);
	add(memory, 8);
	ck_assert(!holds(memory, 7));
	ck_assert_uint_eq(kept->data[MIB - 1], 7);
	chunk_bytes_put(kept);
	memory_free(memory);
}
END_TEST

START_TEST(a_pool_gives_memory_again_to_who_fits_in)
{
	struct buffer small, large, found;
	uint8_t *small_data, *large_data;

	pool = buffer_pool_new(4 * MIB);
	small = buffer_pool_take(pool, 100 * KIB);
	large = buffer_pool_take(pool, 2 * MIB);
	small_data = small.data;
	large_data = large.data;
	buffer_append(&small, "x", 1);
	buffer_pool_give(pool, &large);
	buffer_pool_give(pool, &small);
	ck_assert_ptr_null(small.data);
	found = buffer_pool_take(pool, 50 * KIB);
	ck_assert_ptr_eq(found.data, small_data);
	ck_assert_uint_eq(found.length, 0);
	buffer_pool_give(pool, &found);
	found = buffer_pool_take(pool, MIB);
	ck_assert_ptr_eq(found.data, large_data);
	buffer_pool_give(pool, &found);
	found = buffer_pool_take(pool, 3 * MIB);
	ck_assert_ptr_ne(found.data, large_data);
	ck_assert_uint_ge(found.capacity, 3 * MIB);
	/* More than the pool may keep. */
	buffer_pool_give(pool, &found);
	ck_assert_ptr_null(found.data);
	buffer_pool_free(pool);
}
END_TEST

UNIT_MAIN("cache/chunk_memory", the_chunk_used_least_lately_leaves,
	  what_was_read_to_its_end_leaves_before_what_was_read_ahead,
	  bytes_live_until_their_last_user_is_done, a_pool_gives_memory_again_to_who_fits_in)
