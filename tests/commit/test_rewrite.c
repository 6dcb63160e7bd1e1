/* SPDX-License-Identifier: Apache-2.0 */
/* Scattered files are stored together, beside writes and crashes. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/fetch.h"
#include "cache/fetch_job.h"
#include "cache/fragments.h"
#include "cache/rewrite.h"
#include "cache/rewriter.h"
#include "tests/commit/world.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define FILE_NUMBER 1
#define BLOCK	    (64u << 10)
#define BLOCKS	    24
#define CRASH_EXIT  77

static char *scratch;
static char *directory;
static char *fresh_directory;
static char *url;
static struct world world;
static struct upload_pool *pool;
static struct digest expected;

static void open_world(const char *cache_directory)
{
	struct world_conf conf = { .directory = cache_directory,
				   .url = url,
				   .upload_delay_ns = 3600 * NS_PER_SECOND };

	world_open(&world, &conf);
	world.cache.fetch = fetch_start(&world.cache, 2);
	pool = upload_pool_start(&world.cache, 1);
}

static void close_world(void)
{
	upload_pool_stop(pool);
	fetch_stop(world.cache.fetch);
	world_close(&world);
}

/* The blocks of a file, each overwritten in a commit of its own. */
static void scatter(void)
{
	unsigned int i;

	world_create(&world, FILE_NUMBER);
	world_write(&world, FILE_NUMBER, 1, 0, BLOCKS * BLOCK);
	world_wait(&world);
	for (i = 0; i < BLOCKS; i += 2) {
		world_write(&world, FILE_NUMBER, 1000 + i, i * BLOCK, BLOCK);
		world_wait(&world);
	}
}

static void setup(void)
{
	scratch = scratch_make();
	directory = xasprintf("%s/cache", scratch);
	fresh_directory = xasprintf("%s/fresh", scratch);
	url = xasprintf("file://%s/store", scratch);
	open_world(directory);
	scatter();
	expected = state_of(&world);
}

static void teardown(void)
{
	close_world();
	scratch_remove(scratch);
	free(directory);
	free(fresh_directory);
	free(url);
}

static void assert_expected(void)
{
	struct digest state = state_of(&world);

	ck_assert_mem_eq(&state, &expected, sizeof(state));
}

/* In how many packs are the bytes of the file? */
static unsigned int count_packs(void)
{
	uint64_t packs[1024];
	unsigned int count = 0;
	struct extent_cursor cursor;
	struct content_row content;
	struct extent extent;
	struct chunk_row chunk;
	struct pack_row pack;
	unsigned int i, j;

	ck_assert_int_eq(
		extent_content_get(world.cache.index, world_ino(&world, FILE_NUMBER), &content), 0);
	ck_assert_int_eq(extent_cursor_open(&cursor, world.cache.index,
					    world_ino(&world, FILE_NUMBER), content.generation, 0),
			 0);
	while (extent_cursor_next(&cursor, &extent) > 0) {
		for (i = 0; i < extent.row.refs_count; i++) {
			ck_assert_int_eq(fetch_locate(world.cache.index, extent.row.refs[i].chunk,
						      &chunk, &pack),
					 0);
			for (j = 0; j < count && packs[j] != chunk.pack; j++)
				;
			if (j == count)
				packs[count++] = chunk.pack;
		}
	}
	extent_cursor_close(&cursor);
	return count;
}

static uint64_t rewrite(void)
{
	struct rewrite_range ranges[2] = {
		{ world_ino(&world, FILE_NUMBER), 0, FRAGMENTS_REGION_BYTES },
		{ world_ino(&world, FILE_NUMBER), FRAGMENTS_REGION_BYTES,
		  2 * FRAGMENTS_REGION_BYTES },
	};
	uint64_t bytes = 0;
	int result = rewrite_ranges(&world.cache, pool, ranges, 2, &bytes);

	ck_assert_msg(!result, "%s", err_message(result));
	return bytes;
}

/* Opens a cache that was empty instead. */
static void restore(void)
{
	close_world();
	open_world(fresh_directory);
}

START_TEST(scattered_bytes_are_in_few_packs_after_and_the_same)
{
	ck_assert_uint_gt(count_packs(), FRAGMENTS_PACKS_MAX);
	ck_assert_uint_eq(rewrite(), BLOCKS * BLOCK);
	ck_assert_uint_le(count_packs(), 2); /* of 1 MiB */
	assert_expected();
	world_wait(&world);
	ck_assert_uint_eq(dirty_rows(&world), 0);
	restore();
	ck_assert_uint_le(count_packs(), 2);
	assert_expected();
	state_assert_tidy(&world);
}
END_TEST

START_TEST(a_range_is_rewritten_and_what_lies_beside_it_is_not)
{
	struct rewrite_range range = { world_ino(&world, FILE_NUMBER), BLOCK + 1000,
				       5 * BLOCK - 1000 };
	uint64_t bytes = 0;

	ck_assert_int_eq(rewrite_ranges(&world.cache, pool, &range, 1, &bytes), 0);
	ck_assert_uint_eq(bytes, 4 * BLOCK - 2000);
	assert_expected();
	world_wait(&world);
	restore();
	assert_expected();
}
END_TEST

START_TEST(what_is_in_no_segment_any_more_is_rewritten_too)
{
	restore();
	ck_assert_uint_eq(rewrite(), BLOCKS * BLOCK);
	ck_assert_uint_le(count_packs(), 2);
	assert_expected();
	world_wait(&world);
	assert_expected();
}
END_TEST

static void write_meanwhile(enum crash_point point, void *arg)
{
	(void)point;
	(void)arg;
	world_write(&world, FILE_NUMBER, 5000, 3 * BLOCK, 2 * BLOCK);
	expected = state_of(&world);
}

START_TEST(a_write_in_between_wins)
{
	crash_arm(CRASH_rewrite_stored, 1, write_meanwhile, NULL);
	ck_assert_uint_eq(rewrite(), (BLOCKS - 2) * BLOCK);
	crash_disarm();
	assert_expected();
	ck_assert_uint_eq(dirty_bytes(&world), 2 * BLOCK);
	world_wait(&world);
	restore();
	assert_expected();
}
END_TEST

static void unlink_meanwhile(enum crash_point point, void *arg)
{
	(void)point;
	(void)arg;
	world_unlink(&world, FILE_NUMBER);
	expected = state_of(&world);
}

START_TEST(a_file_that_goes_in_between_is_gone)
{
	crash_arm(CRASH_rewrite_stored, 1, unlink_meanwhile, NULL);
	ck_assert_uint_eq(rewrite(), 0);
	crash_disarm();
	world_wait(&world);
	ck_assert_uint_eq(dirty_rows(&world), 0);
	restore();
	assert_expected();
	state_assert_tidy(&world);
}
END_TEST

static void die(enum crash_point point, void *arg)
{
	(void)point;
	(void)arg;
	_exit(CRASH_EXIT);
}

static const enum crash_point points[] = { CRASH_pack_acknowledged, CRASH_pack_recorded,
					   CRASH_rewrite_stored, CRASH_rewrite_swapped };

START_TEST(a_crash_in_between_loses_nothing)
{
	unsigned int i;
	int status;

	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		pid_t child;

		close_world();
		child = fork();
		ck_assert_int_ge(child, 0);
		if (!child) {
			open_world(directory);
			crash_arm(points[i], 1, die, NULL);
			rewrite();
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), CRASH_EXIT);
		open_world(directory);
		assert_expected();
	}
	world_wait(&world);
	ck_assert_uint_le(count_packs(), 2);
	restore();
	assert_expected();
}
END_TEST

static void wait_for_pass(struct rewriter *rewriter, struct rewriter_stats *stats)
{
	uint64_t passes;

	rewriter_stats_get(rewriter, stats);
	passes = stats->rewrite_passes_total;
	while (stats->rewrite_passes_total < passes + 2) {
		usleep(1000);
		rewriter_stats_get(rewriter, stats);
	}
}

START_TEST(the_rewriter_finds_scattered_files_by_itself_once)
{
	struct rewriter_stats stats;
	struct rewriter *rewriter;

	world.cache.conf.rewrite_bytes = 1ull << 30;
	world.cache.conf.rewrite_age_ns = NS_PER_MS;
	rewriter = rewriter_start(&world.cache);
	do
		wait_for_pass(rewriter, &stats);
	while (!stats.rewritten_bytes_total);
	world_wait(&world);
	wait_for_pass(rewriter, &stats);
	/* The first region has 8 overwritten blocks and the rest, in 9 packs; the
	 * second one 4. */
	ck_assert_uint_eq(stats.rewritten_bytes_total, FRAGMENTS_REGION_BYTES);
	wait_for_pass(rewriter, &stats);
	ck_assert_uint_eq(stats.rewritten_bytes_total, FRAGMENTS_REGION_BYTES);
	rewriter_stop(rewriter);
	assert_expected();
}
END_TEST

START_TEST(the_rewriter_leaves_what_waits_to_be_uploaded_and_its_readers_alone)
{
	struct rewriter_stats stats;
	struct rewriter *rewriter;

	world_create(&world, FILE_NUMBER + 1);
	world_write(&world, FILE_NUMBER + 1, 1, 0, BLOCK);
	world.cache.conf.rewrite_bytes = 1ull << 30;
	world.cache.conf.rewrite_age_ns = NS_PER_MS;
	rewriter = rewriter_start(&world.cache);
	usleep(50 * 1000); /* time to do what it should not */
	rewriter_stats_get(rewriter, &stats);
	ck_assert_uint_eq(stats.rewrite_passes_total, 0);
	rewriter_stop(rewriter);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		scattered_bytes_are_in_few_packs_after_and_the_same,
		a_range_is_rewritten_and_what_lies_beside_it_is_not,
		what_is_in_no_segment_any_more_is_rewritten_too,
		a_write_in_between_wins,
		a_file_that_goes_in_between_is_gone,
		a_crash_in_between_loses_nothing,
		the_rewriter_finds_scattered_files_by_itself_once,
		the_rewriter_leaves_what_waits_to_be_uploaded_and_its_readers_alone,
	};
	TCase *cases = tcase_create("rewrite");
	size_t i;

	tcase_add_checked_fixture(cases, setup, teardown);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(cases, tests[i]);
	return unit_run_cases("rewrite", cases);
}
