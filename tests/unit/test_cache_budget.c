/* SPDX-License-Identifier: Apache-2.0 */
/* Writes against limits, in a cache without a store: nothing becomes clean but by
 * being removed. */
#include <pthread.h>
#include <string.h>

#include "cache/budget.h"
#include "cache/evict.h"
#include "cache/flusher.h"
#include "cache/io.h"
#include "cache/space.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/unit.h"

#define MIB (1ull << 20)

static struct local_cache local;
static uint8_t data[MIB];

/* A turn that tells of its coming. */
struct waiter {
	struct io_turn turn;
	pthread_mutex_t lock;
	pthread_cond_t came;
	bool has_come;
};

static void come(struct io_turn *turn)
{
	struct waiter *waiter = (struct waiter *)turn;

	pthread_mutex_lock(&waiter->lock);
	waiter->has_come = true;
	pthread_cond_signal(&waiter->came);
	pthread_mutex_unlock(&waiter->lock);
}

static void waiter_init(struct waiter *waiter, uint64_t flow, bool needs_room)
{
	memset(waiter, 0, sizeof(*waiter));
	pthread_mutex_init(&waiter->lock, NULL);
	pthread_cond_init(&waiter->came, NULL);
	waiter->turn = (struct io_turn){
		.item = { .flow = flow, .bytes = MIB },
		.needs_room = needs_room,
		.fn = come,
	};
}

static bool has_come(struct waiter *waiter)
{
	bool result;

	pthread_mutex_lock(&waiter->lock);
	result = waiter->has_come;
	pthread_mutex_unlock(&waiter->lock);
	return result;
}

static void await(struct waiter *waiter)
{
	pthread_mutex_lock(&waiter->lock);
	while (!waiter->has_come)
		pthread_cond_wait(&waiter->came, &waiter->lock);
	pthread_mutex_unlock(&waiter->lock);
}

static void begin(uint64_t cache_bytes, uint64_t dirty_bytes, enum full_policy on_full)
{
	const struct limits_conf conf = {
		.cache_bytes = cache_bytes,
		.dirty_bytes = dirty_bytes,
		.min_free_bytes = 1,
		.on_full = on_full,
	};

	local_cache_init_as(&local, &(struct local_cache){ .cache_bytes = cache_bytes });
	limits_init(&local.cache->limits, &conf);
	local.cache->evictor = evict_start(local.cache);
	local.cache->flusher = flusher_start(local.cache);
	local.cache->budget = budget_start(local.cache);
}

static void end(void)
{
	budget_stop(local.cache->budget);
	evict_stop(local.cache->evictor);
	flusher_stop(local.cache->flusher);
	local.cache->evictor = NULL;
	local_cache_release(&local);
}

/* Writes until there is no room, over and over the same `span` bytes; how much. */
static uint64_t fill(uint64_t ino, uint64_t span)
{
	uint64_t written = 0;

	while (written < 1024 * MIB && io_budget_take_room(local.cache, MIB)) {
		ck_assert_int_eq(io_write(local.cache, ino, written % span, data, MIB), 0);
		io_budget_return_room(local.cache, MIB);
		written += MIB;
	}
	return written;
}

START_TEST(nothing_is_taken_in_above_the_dirty_limit)
{
	struct space space;
	uint64_t written;

	begin(256 * MIB, 20 * MIB, FULL_BLOCK);
	written = fill(local_cache_make_file(&local, "file"), UINT64_MAX);
	ck_assert_uint_le(written, 20 * MIB);
	ck_assert_uint_ge(written, 18 * MIB);
	space_get(local.cache, &space);
	ck_assert_uint_le(space.dirty_bytes, space.dirty_limit);
	end();
}
END_TEST

/* Dead bytes take as much of the disk; what the cleaner cannot gain stops writers. */
START_TEST(overwrites_stay_within_the_cache)
{
	struct space space;

	begin(64 * MIB, 0, FULL_BLOCK);
	fill(local_cache_make_file(&local, "file"), 8 * MIB);
	space_get(local.cache, &space);
	ck_assert_uint_le(space.data_bytes, space.data_limit);
	ck_assert_uint_le(evict_used_bytes(local.cache), 64 * MIB);
	end();
}
END_TEST

START_TEST(room_is_reserved_by_writes_under_way)
{
	unsigned int taken = 0;

	begin(256 * MIB, 20 * MIB, FULL_BLOCK);
	while (taken < 100 && io_budget_take_room(local.cache, MIB))
		taken++;
	ck_assert_uint_eq(taken, 20);
	io_budget_return_room(local.cache, MIB);
	ck_assert(io_budget_take_room(local.cache, MIB));
	ck_assert(!io_budget_take_room(local.cache, MIB));
	end();
}
END_TEST

START_TEST(a_write_without_room_is_done_when_something_was_removed)
{
	struct waiter waiter;
	uint64_t ino;

	begin(256 * MIB, 20 * MIB, FULL_BLOCK);
	ino = local_cache_make_file(&local, "file");
	fill(ino, UINT64_MAX);
	waiter_init(&waiter, 1, true);
	ck_assert(io_budget_must_wait(local.cache, &waiter.turn));
	ck_assert(!has_come(&waiter));
	ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, "file"), 0);
	ns_forget(local.cache, ino);
	await(&waiter);
	io_budget_return_room(local.cache, MIB);
	end();
}
END_TEST

START_TEST(the_end_keeps_nobody_waiting)
{
	struct waiter reply;
	struct waiter write;

	begin(256 * MIB, 20 * MIB, FULL_BLOCK);
	fill(local_cache_make_file(&local, "file"), UINT64_MAX);
	waiter_init(&reply, 1, false);
	waiter_init(&write, 2, true);
	ck_assert(io_budget_must_wait(local.cache, &reply.turn));
	ck_assert(io_budget_must_wait(local.cache, &write.turn));
	end();
	ck_assert(has_come(&reply));
	ck_assert(has_come(&write));
}
END_TEST

START_TEST(who_is_refused_does_not_wait)
{
	struct waiter waiter;

	begin(256 * MIB, 20 * MIB, FULL_ENOSPC);
	ck_assert_uint_ge(fill(local_cache_make_file(&local, "file"), 200 * MIB), 20 * MIB);
	ck_assert_int_eq(io_budget_refuse(local.cache, false), -ENOSPC);
	waiter_init(&waiter, 1, false);
	if (io_budget_must_wait(local.cache, &waiter.turn))
		await(&waiter);
	end();
}
END_TEST

START_TEST(metadata_takes_the_place_of_data_but_not_all_of_it)
{
	ck_assert_uint_eq(space_data_limit(1000 * MIB, 0), 950 * MIB);
	ck_assert_uint_eq(space_data_limit(1000 * MIB, 300 * MIB), 650 * MIB);
	ck_assert_uint_eq(space_data_limit(1000 * MIB, 900 * MIB), 250 * MIB);
	ck_assert_uint_eq(space_data_limit(1000 * MIB, 9000 * MIB), 250 * MIB);
	ck_assert_uint_eq(space_data_limit(0, 0), 0);
}
END_TEST

UNIT_MAIN("cache_budget", nothing_is_taken_in_above_the_dirty_limit,
	  overwrites_stay_within_the_cache, room_is_reserved_by_writes_under_way,
	  a_write_without_room_is_done_when_something_was_removed, the_end_keeps_nobody_waiting,
	  who_is_refused_does_not_wait, metadata_takes_the_place_of_data_but_not_all_of_it)
