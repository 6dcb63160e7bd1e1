/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "cache/cleaner.h"
#include "cache/fetch.h"
#include "cache/flusher.h"
#include "cache/io.h"
#include "tests/lib/fake_cloud.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/noise.h"
#include "tests/lib/segment_sums.h"
#include "tests/lib/unit.h"

#define MIB	   (1u << 20)
#define FILE_BYTES (4 * MIB)
#define BLOCK	   4096u

static struct local_cache local;
static uint64_t ino;
static uint8_t want[FILE_BYTES];
static uint8_t got[FILE_BYTES];

/* A cache with segments of 1 MiB and one file of 4 MiB. */
static void start(void)
{
	const struct local_cache conf = { .cache_bytes = 32 * MIB };

	local_cache_init_as(&local, &conf);
	ino = local_cache_make_file(&local, "file");
	noise_fill(1, want, sizeof(want));
	ck_assert_int_eq(io_write(local.cache, ino, 0, want, sizeof(want)), 0);
}

static void check_file(void)
{
	size_t count;

	ck_assert_int_eq(io_read(local.cache, ino, NULL, 0, sizeof(got), 0, got, &count), 0);
	ck_assert_uint_eq(count, sizeof(want));
	ck_assert(!memcmp(got, want, sizeof(want)));
}

static void end(void)
{
	segment_sums_check(local.cache);
	check_file();
	local_cache_kill(&local);
	segment_sums_check(local.cache);
	check_file();
	local_cache_release(&local);
}

static void overwrite(uint64_t *seed, unsigned int blocks)
{
	uint64_t offset;

	while (blocks--) {
		offset = noise_next(seed) % (FILE_BYTES / BLOCK) * BLOCK;
		noise_fill(*seed, want + offset, BLOCK);
		ck_assert_int_eq(io_write(local.cache, ino, offset, want + offset, BLOCK), 0);
	}
}

static uint64_t written_bytes(void)
{
	struct segments_stats stats;

	segments_stats_get(local.cache->segments, &stats);
	return stats.written_bytes;
}

START_TEST(overwrites_for_ever_stay_within_the_bound)
{
	struct cleaner cleaner = { 0 };
	uint64_t seed = 5;
	int i;

	start();
	for (i = 0; i < 40; i++) {
		overwrite(&seed, 256);
		ck_assert_int_eq(cleaner_keep_bound(&cleaner, local.cache), 0);
		ck_assert_int_eq(flusher_flush(local.cache), 0);
		/* What is alive has headers as well, hence the 5. */
		ck_assert_uint_le(written_bytes(),
				  2 * FILE_BYTES + (CLEANER_SPARE_SEGMENTS + 5) * MIB);
	}
	ck_assert_uint_gt(cleaner.segments_total, 10);
	ck_assert_uint_gt(cleaner.stats.moved_bytes, 0);
	end();
}
END_TEST

START_TEST(room_is_made_by_dropping_what_is_in_the_cloud)
{
	struct cleaner cleaner = { 0 };
	uint64_t seed = 5;
	uint64_t before;

	start();
	overwrite(&seed, 100);
	fake_cloud_store_file(local.cache, ino);
	overwrite(&seed, 20);
	ck_assert_int_eq(segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN), 0);
	before = written_bytes();
	ck_assert_int_eq(cleaner_make_room(&cleaner, local.cache, 0), 0);
	ck_assert_uint_lt(written_bytes(), before);
	ck_assert_uint_gt(cleaner.stats.dropped_bytes, 0);
	ck_assert_uint_ge(cleaner.stats.moved_bytes, BLOCK);
	ck_assert_uint_le(segments_dirty_bytes(local.cache->segments), 20 * BLOCK);
	ck_assert_uint_ge(segments_dirty_bytes(local.cache->segments), 15 * BLOCK);
	segment_sums_check(local.cache);
	local.cache->fetch = fetch_start(local.cache, 1);
	check_file();
	fetch_stop(local.cache->fetch);
	local_cache_release(&local);
}
END_TEST

START_TEST(synced_bytes_that_move_are_synced_by_the_next_fsync)
{
	struct clean_stats stats = { 0 };
	uint64_t seed = 5;

	start();
	overwrite(&seed, 100);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_int_eq(segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN), 0);
	ck_assert_int_eq(clean_segment(local.cache, 1, false, &stats), 0);
	ck_assert_uint_gt(stats.moved_bytes, 0);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	end();
}
END_TEST

static void *write_on(void *arg)
{
	uint64_t seed = 9;

	(void)arg;
	overwrite(&seed, 3000);
	return NULL;
}

START_TEST(writers_go_on_while_their_segments_are_cleaned)
{
	struct cleaner cleaner = { 0 };
	struct clean_stats stats = { 0 };
	pthread_t writer;
	uint64_t segment;

	start();
	ck_assert_int_eq(pthread_create(&writer, NULL, write_on, NULL), 0);
	for (segment = 1; segment < 30; segment++) {
		ck_assert_int_eq(clean_segment(local.cache, segment, false, &stats), 0);
		ck_assert_int_eq(cleaner_keep_bound(&cleaner, local.cache), 0);
	}
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert_uint_gt(stats.moved_bytes, 0);
	end();
}
END_TEST

static struct segment_info info(uint64_t number, uint64_t size, uint64_t live)
{
	return (struct segment_info){ .number = number, .size = size, .live = live, .dirty = 1 };
}

START_TEST(the_emptiest_come_first_and_full_ones_not_at_all)
{
	struct segment_info list[] = { info(1, 100, 90), info(2, 100, 40), info(3, 100, 5),
				       info(4, 100, 0), info(5, 100, 1) };
	size_t count = 5;

	list[3].open = true;
	list[4].pinned = true;
	ck_assert_uint_eq(cleaner_choose(list, &count, 0), 500 - 2 * (90 + 40 + 5 + 0 + 1));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(list[0].number, 3);
	ck_assert_uint_eq(list[1].number, 2);
}
END_TEST

START_TEST(within_the_bound_nothing_is_to_be_emptied)
{
	struct segment_info list[] = { info(1, 100, 10), info(2, 100, 10) };
	size_t count = 2;

	ck_assert_uint_eq(cleaner_choose(list, &count, 20), 0);
	count = 2;
	ck_assert_uint_eq(cleaner_choose(list, &count, 19), 8);
}
END_TEST

UNIT_MAIN("cleaner", overwrites_for_ever_stay_within_the_bound,
	  room_is_made_by_dropping_what_is_in_the_cloud,
	  synced_bytes_that_move_are_synced_by_the_next_fsync,
	  writers_go_on_while_their_segments_are_cleaned,
	  the_emptiest_come_first_and_full_ones_not_at_all,
	  within_the_bound_nothing_is_to_be_emptied)
