/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/store_mem.h"
#include "cache/commit_record.h"
#include "tests/commit/world.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define URL "mem://commit"

static char *scratch;
static struct world_conf here;
static struct world_conf there;
static char *here_directory;
static char *there_directory;

static void setup(void)
{
	scratch = scratch_make();
	here_directory = xasprintf("%s/here", scratch);
	there_directory = xasprintf("%s/there", scratch);
	here = (struct world_conf){ .directory = here_directory,
				    .url = URL,
				    .upload_delay_ns = 20 * NS_PER_MS };
	there = here;
	there.directory = there_directory;
	there.takeover = true;
}

static void teardown(void)
{
	store_mem_forget("commit");
	scratch_remove(scratch);
	free(here_directory);
	free(there_directory);
}

/* The volume on a new machine is what `expected` says. */
static void assert_restores_to(const struct digest *expected)
{
	struct world world;
	struct digest state;

	world_open(&world, &there);
	state = state_of(&world);
	state_assert_tidy(&world);
	world_close(&world);
	ck_assert_mem_eq(state.bytes, expected->bytes, DIGEST_BYTES);
}

START_TEST(a_file_comes_back_on_a_new_machine)
{
	struct world world;
	struct digest state;

	setup();
	world_open(&world, &here);
	world_create(&world, 1);
	world_write(&world, 1, 7, 0, 1000);
	world_chmod(&world, 1, 0600);
	world_set_xattr(&world, 1, 99);
	world_wait(&world);
	ck_assert_uint_eq(dirty_rows(&world), 0);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	state = state_of(&world);
	world_close(&world);
	assert_restores_to(&state);
	teardown();
}
END_TEST

START_TEST(a_large_file_comes_back_and_a_copy_of_it_costs_nothing)
{
	struct committer_status status;
	struct segments_stats segments;
	struct world world;
	struct digest state;

	setup();
	world_open(&world, &here);
	world_create(&world, 1);
	world_create(&world, 2);
	world_write(&world, 1, 3, 0, 3 << 20);
	world_wait(&world);
	world_write(&world, 2, 3, 0, 3 << 20);
	world_wait(&world);
	segments_stats_get(world.cache.segments, &segments);
	ck_assert_uint_eq(segments.dirty_bytes, 0);
	committer_status_get(world.cache.committer, &status);
	ck_assert_uint_eq(status.logical_bytes, 6 << 20);
	ck_assert_uint_eq(status.pending_files, 0);
	ck_assert(!status.failing);
	state = state_of(&world);
	world_close(&world);
	assert_restores_to(&state);
	teardown();
}
END_TEST

START_TEST(a_large_file_is_uploaded_ahead_and_committed_when_it_is_there)
{
	struct committer_status status;
	struct world world;
	struct digest state;
	int tries = 0;

	setup();
	world_open(&world, &here);
	world_create(&world, 1);
	world_write(&world, 1, 5, 0, 20 << 20);
	do {
		usleep(5000);
		committer_status_get(world.cache.committer, &status);
	} while (status.logical_bytes < 20 << 20 && tries++ < 4000);
	ck_assert_uint_eq(status.logical_bytes, 20 << 20);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	ck_assert_uint_eq(status.pending_files, 0);
	state = state_of(&world);
	world_close(&world);
	assert_restores_to(&state);
	teardown();
}
END_TEST

START_TEST(a_wait_for_more_than_a_commit_carries_ends)
{
	struct world world;
	struct digest state;
	unsigned int i;

	setup();
	here.upload_delay_ns = 3600 * NS_PER_SECOND;
	world_open(&world, &here);
	for (i = 0; i < 5; i++) {
		world_create(&world, i);
		world_write(&world, i, 3 * i + 1, 0, 60 << 20);
	}
	world_wait(&world);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	ck_assert_uint_eq(dirty_rows(&world), 0);
	state = state_of(&world);
	world_close(&world);
	assert_restores_to(&state);
	teardown();
}
END_TEST

START_TEST(whatever_happens_to_files_comes_back)
{
	uint64_t state = (uint64_t)_i * 7919 + 1;
	struct digest expected;
	struct world world;
	int i;

	setup();
	world_open(&world, &here);
	for (i = 0; i < 300; i++) {
		world_step(&world, &state);
		if (noise_next(&state) % 60 == 0)
			world_wait(&world);
		if (noise_next(&state) % 100 == 0) {
			expected = state_of(&world);
			world_kill(&world);
			world_open(&world, &here);
			ck_assert_mem_eq(state_of(&world).bytes, expected.bytes, DIGEST_BYTES);
		}
	}
	world_wait(&world);
	expected = state_of(&world);
	world_close(&world);
	assert_restores_to(&expected);
	teardown();
}
END_TEST

START_TEST(nothing_to_carry_makes_no_commit)
{
	struct committer_status status;
	struct world world;
	uint64_t seq;

	setup();
	world_open(&world, &here);
	world_create(&world, 1);
	world_wait(&world);
	committer_status_get(world.cache.committer, &status);
	seq = status.committed_seq;
	ck_assert_uint_gt(seq, 1);
	world_wait(&world);
	world_wait(&world);
	committer_status_get(world.cache.committer, &status);
	ck_assert_uint_eq(status.committed_seq, seq);
	ck_assert_int_eq(status.oldest_dirty_age_ns, 0);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(the_group_is_sealed_by_its_age)
{
	struct committer_status status;
	struct world world;
	int tries = 0;

	setup();
	world_open(&world, &here);
	world_create(&world, 1);
	world_write(&world, 1, 1, 0, 10);
	do {
		usleep(5000);
		committer_status_get(world.cache.committer, &status);
	} while (!status.logical_bytes && tries++ < 2000);
	ck_assert_uint_eq(status.logical_bytes, 10);
	world_close(&world);
	teardown();
}
END_TEST

static struct committer_status status_of(struct world *world)
{
	struct committer_status status;

	committer_status_get(world->cache.committer, &status);
	return status;
}

/* A log file that nobody closes. */
START_TEST(a_file_that_grows_for_ever_is_committed_again_and_again)
{
	const uint32_t step = 1 << 20;
	struct world world;
	uint64_t committed = 0;
	unsigned int times = 0;
	uint64_t at;

	setup();
	world_open(&world, &here);
	world.cache.conf.rpo_ns = 200 * NS_PER_MS;
	world_create(&world, 1);
	world_hold_open(&world, 1);
	for (at = 0; times < 3 && at < 300; at++) {
		world_write(&world, 1, 70, at * step, step);
		usleep(20000);
		times += status_of(&world).logical_bytes > committed;
		committed = status_of(&world).logical_bytes;
	}
	ck_assert_uint_eq(times, 3);
	world_let_go(&world);
	world_wait(&world);
	world_close(&world);
	teardown();
}
END_TEST

/* Each content once, however long it is late and however many look. */
START_TEST(a_deadline_that_is_missed_is_counted_once)
{
	struct store_fault_conf faults = { .seed = 1 };
	struct world world;
	unsigned int i;

	setup();
	here.faults = &faults;
	here.impatient = true;
	world_open(&world, &here);
	world.cache.conf.rpo_ns = 60 * NS_PER_SECOND;
	world_create(&world, 1);
	world_write(&world, 1, 1, 0, 10);
	world_wait(&world);
	ck_assert_uint_eq(status_of(&world).breaches, 0);
	store_fault_set_down(world.fault, true);
	world.cache.conf.rpo_ns = 10 * NS_PER_MS;
	policies_forget(&world.cache);
	world_create(&world, 2);
	world_write(&world, 1, 2, 0, 10);
	world_write(&world, 2, 3, 0, 10);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(
			cache_wait(&world.cache, clock_boot_ns() + 50 * NS_PER_MS, NULL, NULL),
			-ERR_try_again);
	store_fault_set_down(world.fault, false);
	world_wait(&world);
	ck_assert_uint_eq(status_of(&world).breaches, 2);
	ck_assert_uint_eq(status_of(&world).late_files, 0);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(waiting_ends_at_its_deadline)
{
	struct store_fault_conf faults = { .seed = 1 };
	struct world world;

	setup();
	here.faults = &faults;
	world_open(&world, &here);
	store_fault_set_down(world.fault, true);
	world_create(&world, 1);
	ck_assert_int_eq(cache_wait(&world.cache, clock_boot_ns() + 50 * NS_PER_MS, NULL, NULL),
			 -ERR_try_again);
	store_fault_set_down(world.fault, false);
	world_wait(&world);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(lost_replies_and_busy_stores_change_nothing)
{
	struct store_fault_conf faults = {
		.seed = (uint64_t)_i + 1,
		.rates = { [STORE_PUT] = { .busy = 0.2, .unreachable = 0.1, .reply_lost = 0.3 },
			   [STORE_GET] = { .busy = 0.2, .reply_lost = 0.1 },
			   [STORE_HEAD] = { .busy = 0.2 },
			   [STORE_LIST] = { .reply_lost = 0.2 } }
	};
	uint64_t state = (uint64_t)_i + 100;
	struct digest expected;
	struct world world;
	int i;

	setup();
	here.faults = &faults;
	world_open(&world, &here);
	for (i = 0; i < 200; i++) {
		world_step(&world, &state);
		if (i % 20 == 0)
			world_wait(&world);
	}
	world_wait(&world);
	ck_assert_uint_gt(store_fault_count(world.fault), 0);
	expected = state_of(&world);
	world_close(&world);
	assert_restores_to(&expected);
	teardown();
}
END_TEST

static uint64_t content_size(struct world *world, unsigned int file)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct content_row row = { 0 };
	struct row_key key;

	key_content(&key, world_ino(world, file));
	if (!index_get(world->cache.index, &key, &value))
		ck_assert_int_eq(row_get_content(value.data, value.length, &row), 0);
	return row.size;
}

static void go_down(enum crash_point point, void *arg)
{
	(void)point;
	store_fault_set_down(arg, true);
}

/* The commit is decided, its put fails for good; the next attempt must bring
 * the same bytes, although much has changed since. */
START_TEST(a_decided_commit_is_put_by_a_later_attempt)
{
	struct store_fault_conf faults = { .seed = 1 };
	struct committer_status status;
	struct digest expected;
	struct world world;
	int tries = 0;

	setup();
	here.faults = &faults;
	here.impatient = true;
	world_open(&world, &here);
	world_wait(&world);
	crash_arm(CRASH_commit_before_put, 1, go_down, world.fault);
	world_create(&world, 1);
	world_write(&world, 1, 1, 0, 500);
	do {
		usleep(5000);
		committer_status_get(world.cache.committer, &status);
	} while (!status.failing && tries++ < 2000);
	ck_assert(status.failing);
	crash_disarm();
	world_write(&world, 1, 2, 0, 500);
	world_create(&world, 2);
	store_fault_set_down(world.fault, false);
	world_wait(&world);
	committer_status_get(world.cache.committer, &status);
	ck_assert(!status.failing);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	expected = state_of(&world);
	world_close(&world);
	assert_restores_to(&expected);
	teardown();
}
END_TEST

/* Flips a bit of the file's only extent on the disk. */
static void spoil(struct world *world, unsigned int file)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	CLEANUP_FREE char *path = NULL;
	struct extent_row row;
	struct row_key key;
	uint8_t byte;
	int fd;

	key_extent(&key, world_ino(world, file), 0, 1000);
	ck_assert_int_eq(index_get(world->cache.index, &key, &value), 0);
	ck_assert_int_eq(row_get_extent(value.data, value.length, &row), 0);
	path = xasprintf("%s/segments/%016llx.seg", here_directory,
			 (unsigned long long)row.segment);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	/* In the data, behind header and checksums. */
	ck_assert_int_eq(pread(fd, &byte, 1, row.record + 600), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, row.record + 600), 1);
	close(fd);
}

START_TEST(rotten_bytes_are_not_uploaded_and_hold_up_nobody)
{
	struct committer_status status;
	struct world world;
	uint64_t two;

	setup();
	here.upload_delay_ns = 3600 * NS_PER_SECOND;
	world_open(&world, &here);
	world_create(&world, 1);
	world_create(&world, 2);
	world_write(&world, 1, 1, 0, 1000);
	world_write(&world, 2, 2, 0, 1000);
	two = world_ino(&world, 2);
	spoil(&world, 1);
	ck_assert_int_eq(cache_wait(&world.cache, INT64_MAX, NULL, NULL), -ERR_segment_corrupt);
	committer_status_get(world.cache.committer, &status);
	ck_assert_uint_eq(status.lost_files, 1);
	ck_assert(status.failing);
	ck_assert_uint_eq(dirty_bytes(&world), 1000);
	ck_assert_uint_gt(dirty_rows(&world), 0);
	ck_assert_int_eq(cache_check_writable(&world.cache), 0);
	world_close(&world);
	world_open(&world, &there);
	ck_assert_uint_eq(world_ino(&world, 2), two);
	ck_assert_uint_eq(content_size(&world, 2), 1000);
	ck_assert_uint_ne(world_ino(&world, 1), 0);
	ck_assert_uint_eq(content_size(&world, 1), 0);
	world_close(&world);
	teardown();
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("commit");

	tcase_add_test(cases, a_file_comes_back_on_a_new_machine);
	tcase_add_test(cases, a_large_file_comes_back_and_a_copy_of_it_costs_nothing);
	tcase_add_test(cases, a_large_file_is_uploaded_ahead_and_committed_when_it_is_there);
	tcase_add_test(cases, a_wait_for_more_than_a_commit_carries_ends);
	tcase_add_loop_test(cases, whatever_happens_to_files_comes_back, 0, 10);
	tcase_add_test(cases, nothing_to_carry_makes_no_commit);
	tcase_add_test(cases, the_group_is_sealed_by_its_age);
	tcase_add_test(cases, a_file_that_grows_for_ever_is_committed_again_and_again);
	tcase_add_test(cases, a_deadline_that_is_missed_is_counted_once);
	tcase_add_test(cases, waiting_ends_at_its_deadline);
	tcase_add_loop_test(cases, lost_replies_and_busy_stores_change_nothing, 0, 5);
	tcase_add_test(cases, a_decided_commit_is_put_by_a_later_attempt);
	tcase_add_test(cases, rotten_bytes_are_not_uploaded_and_hold_up_nobody);
	return unit_run_cases("commit", cases);
}
