/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk by itself, beside a committer that sleeps. */
#include <string.h>

#include "backend/base/error.h"
#include "backend/object_name.h"
#include "backend/store_mem.h"
#include "cache/bulk.h"
#include "tests/commit/world.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define MIB (1u << 20)

static char *scratch;
static char *directory;
static struct world world;
static struct upload_pool *pool;
static struct upload_claims claims;
static struct bulk *bulk;
static _Atomic uint64_t active_lsn; /* 0: all changes are recent */

static struct lock lock;
static struct condition changed;
static unsigned int done_count;
static int done_result;

static void note_done(void *arg, int result)
{
	(void)arg;
	lock_acquire(&lock);
	done_count++;
	done_result = result;
	condition_broadcast(&changed);
	lock_release(&lock);
}

static void setup(void)
{
	struct world_conf conf = { .url = "mem://bulk", .upload_delay_ns = 3600 * NS_PER_SECOND };
	struct bulk_conf bulk_conf = { .cache = &world.cache,
				       .claims = &claims,
				       .active_lsn = &active_lsn,
				       .done = note_done };

	scratch = scratch_make();
	directory = xasprintf("%s/cache", scratch);
	conf.directory = directory;
	world_open(&world, &conf);
	lock_init(&lock, LOCK_RANK_LEAF);
	condition_init(&changed);
	upload_claims_init(&claims);
	pool = upload_pool_start(&world.cache, 2);
	bulk_conf.pool = pool;
	bulk = bulk_start(&bulk_conf);
}

static void teardown(void)
{
	upload_pool_cancel(pool);
	bulk_stop(bulk);
	upload_pool_stop(pool);
	upload_claims_release(&claims);
	world_kill(&world);
	store_mem_forget("bulk");
	scratch_remove(scratch);
	free(directory);
}

static void offer(unsigned int file, bool wanted)
{
	struct bulk_work work = { .ino = world_ino(&world, file),
				  .bytes = UINT64_MAX,
				  .wanted = wanted };
	unsigned int before;

	lock_acquire(&lock);
	before = done_count;
	lock_release(&lock);
	bulk_offer(bulk, &work, 1);
	lock_acquire(&lock);
	while (done_count == before)
		condition_wait(&changed, &lock);
	lock_release(&lock);
}

static int add_size(const struct store_object *object, void *arg)
{
	*(uint64_t *)arg += object->size;
	return 0;
}

static uint64_t pack_bytes(void)
{
	uint64_t bytes = 0;

	ck_assert_int_eq(store_list(world.cache.store, OBJECT_PREFIX_PACK, NULL, add_size, &bytes),
			 0);
	return bytes;
}

/* Blocks get their bytes from seed + number of the block. */
static void write_mib(unsigned int file, uint32_t from, uint32_t until)
{
	world_write(&world, file, 3000, (uint64_t)from * MIB, (until - from) * MIB);
}

/* Uploaded while it grows, its copy at once: both must be cut at the same
 * places, or the copy would be stored again. */
START_TEST(a_growing_file_is_cut_like_its_copy)
{
	const size_t tail_max = 131072;
	uint64_t packed;
	uint32_t at;

	setup();
	world_create(&world, 1);
	world_create(&world, 2);
	world_hold_open(&world, 1);
	for (at = 0; at < 24; at += 2) {
		write_mib(1, at, at + 2);
		offer(1, false);
		ck_assert_int_eq(done_result, 0);
		ck_assert_uint_gt(dirty_bytes(&world), 0);
		ck_assert_uint_lt(dirty_bytes(&world), tail_max);
	}
	world_let_go(&world);
	offer(1, false);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	packed = pack_bytes();
	ck_assert_uint_gt(packed, 12 * MIB);
	write_mib(2, 0, 24);
	offer(2, false);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	/* The last piece of the first was too short to be cut. */
	ck_assert_uint_lt(pack_bytes() - packed, tail_max);
	world_wait(&world);
	ck_assert_uint_eq(dirty_rows(&world), 0);
	teardown();
}
END_TEST

START_TEST(a_file_that_is_wanted_is_uploaded_to_its_end)
{
	setup();
	world_create(&world, 1);
	world_hold_open(&world, 1);
	write_mib(1, 0, 2);
	offer(1, true);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	world_let_go(&world);
	teardown();
}
END_TEST

START_TEST(more_than_a_slice_is_uploaded_in_turns)
{
	setup();
	world_create(&world, 1);
	write_mib(1, 0, BULK_SLICE_BYTES / MIB + 20);
	offer(1, false);
	ck_assert_int_eq(done_result, 0);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	world_wait(&world);
	teardown();
}
END_TEST

START_TEST(what_the_committer_has_claimed_is_left_alone)
{
	uint64_t ino;

	setup();
	world_create(&world, 1);
	write_mib(1, 0, 2);
	ino = world_ino(&world, 1);
	ck_assert_uint_eq(upload_claims_close(&claims), 0);
	upload_claims_take(&claims, &ino, 1);
	offer(1, false);
	ck_assert_uint_eq(dirty_bytes(&world), 2 * MIB);
	ck_assert(bulk_is_idle(bulk));
	upload_claims_drop(&claims);
	offer(1, false);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	teardown();
}
END_TEST

/* Overwritten while it is uploaded: what is new stays dirty. */
START_TEST(bytes_behind_the_look_at_the_file_stay_dirty)
{
	struct digest state;

	setup();
	world_create(&world, 1);
	write_mib(1, 0, 4);
	offer(1, false);
	world_write(&world, 1, 77, MIB, 65536);
	ck_assert_uint_eq(dirty_bytes(&world), 65536);
	state = state_of(&world);
	world_wait(&world);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	ck_assert_mem_eq(state_of(&world).bytes, state.bytes, DIGEST_BYTES);
	teardown();
}
END_TEST

UNIT_MAIN("bulk", a_growing_file_is_cut_like_its_copy, a_file_that_is_wanted_is_uploaded_to_its_end,
	  more_than_a_slice_is_uploaded_in_turns, what_the_committer_has_claimed_is_left_alone,
	  bytes_behind_the_look_at_the_file_stay_dirty)
