/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoints make superfluous goes, and nothing else; caches that were away
 * for longer than the log is kept. */
#include "tests/commit/checkpoint_box.h"
#include "tests/lib/unit.h"

START_TEST(what_is_superfluous_goes_after_two_checkpoints_and_a_day)
{
	struct retention_result removed;
	uint64_t state = 31;
	struct digest digest;
	struct world world;
	uint64_t base;
	unsigned int i;

	setup();
	world_open(&world, &conf);
	steps(&world, &state, 80);
	world_chmod(&world, 0, 0600);
	world_wait(&world);
	checkpoint(&world, START_NS);
	steps(&world, &state, 60);
	base = committed(&world);
	checkpoint(&world, START_NS + HOUR_NS);
	steps(&world, &state, 20);
	checkpoint(&world, START_NS + 2 * HOUR_NS);
	/* Two newer ones, but young. */
	removed = retain(&world, START_NS + 23 * HOUR_NS);
	ck_assert_uint_eq(removed.base_seq, 0);
	steps(&world, &state, 20);
	checkpoint(&world, START_NS + 3 * HOUR_NS);
	/* Old enough, but the newest three stay whatever their age. */
	removed = retain(&world, START_NS + 100 * HOUR_NS);
	ck_assert_uint_eq(removed.base_seq, base);
	ck_assert_uint_eq(removed.roots, 1);
	ck_assert_uint_ge(removed.runs, 1);
	ck_assert_uint_ge(removed.commits, 1);
	ck_assert_uint_eq(count_files("root"), 3);
	ck_assert_uint_eq(retain(&world, START_NS + 100 * HOUR_NS).runs, 0);
	digest = state_of(&world);
	assert_restores_as(&digest);
	/* Each of the three that stay can be restored from. */
	damage_root(committed(&world));
	assert_restores_as(&digest);
	for (i = 0; i < 10; i++)
		steps(&world, &state, 3);
	digest = state_of(&world);
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(runs_that_younger_checkpoints_share_stay)
{
	struct retention_result removed;
	struct checkpoint_result made;
	struct digest digest;
	struct world world;
	unsigned int i;

	setup();
	world_open(&world, &conf);
	world_create(&world, 1);
	add_xattrs(&world, 1, 100, 100);
	for (i = 0; i < 5; i++) {
		world_chmod(&world, 1, 0600 + i);
		world_wait(&world);
		made = checkpoint(&world, START_NS);
	}
	ck_assert_uint_ge(made.merge.runs_kept, 3);
	removed = retain(&world, START_NS + 25 * HOUR_NS);
	ck_assert_uint_eq(removed.roots, 2);
	ck_assert_uint_ge(removed.runs, 2);
	digest = state_of(&world);
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

/* Another machine changes the volume until the log that this one knows is gone. */
static struct digest change_elsewhere(uint64_t *state)
{
	CLEANUP_FREE char *other_directory = xasprintf("%s/other", scratch);
	struct world_conf other = conf;
	struct digest digest;
	struct world world;
	unsigned int i;

	other.directory = other_directory;
	world_open(&world, &other);
	/* No contents, whose packs would keep the commits. */
	for (i = 0; i < 4; i++) {
		world_chmod(&world, i, 0600 + i);
		world_create(&world, 12 + i);
		world_set_xattr(&world, i + 4, i);
		world_unlink(&world, i + 8);
		world_rename(&world, 20 + i, 30 + i);
		world_wait(&world);
		checkpoint(&world, START_NS);
	}
	ck_assert_uint_gt(retain(&world, START_NS + 25 * HOUR_NS).commits, 0);
	steps(&world, state, 30);
	digest = state_of(&world);
	world_close(&world);
	return digest;
}

START_TEST(a_clean_cache_older_than_the_log_is_brought_to_the_newest_checkpoint)
{
	uint64_t state = 3 + (uint64_t)_i;
	struct digest expected;
	struct digest digest;
	struct world world;

	setup();
	world_open(&world, &conf);
	steps(&world, &state, 50);
	world_close(&world);
	expected = change_elsewhere(&state);
	world_open(&world, &conf);
	state_assert_tidy(&world);
	digest = state_of(&world);
	ck_assert_mem_eq(digest.bytes, expected.bytes, DIGEST_BYTES);
	steps(&world, &state, 30);
	digest = state_of(&world);
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(a_dirty_cache_older_than_the_log_is_kept_as_it_is)
{
	uint64_t state = 3;
	struct world world;

	setup();
	world_open(&world, &conf);
	steps(&world, &state, 50);
	world_set_xattr(&world, 3, 77);
	world_create(&world, 3);
	world_kill(&world);
	change_elsewhere(&state);
	ck_assert_int_eq(world_try_open(&world, &conf), -ERR_diverged);
	ck_assert_msg(strstr(err_message(-ERR_diverged), "nothing was merged"), "%s",
		      err_message(-ERR_diverged));
	teardown();
}
END_TEST

/* Content that lies in a commit keeps it for as long as a state needs it. */
START_TEST(a_commit_stays_while_a_file_is_in_it)
{
	struct retention_result removed;
	struct digest digest;
	struct world world;
	unsigned int i;

	setup();
	world_open(&world, &conf);
	world_create(&world, 1);
	world_write(&world, 1, 1, 0, 2000); /* inline in commit 2 or 3 */
	world_wait(&world);
	for (i = 0; i < 5; i++) {
		world_chmod(&world, 1, 0600 + i);
		world_wait(&world);
		checkpoint(&world, START_NS);
	}
	removed = retain(&world, START_NS + 25 * HOUR_NS);
	ck_assert_uint_eq(removed.commits_kept, 1);
	ck_assert_uint_ge(removed.commits, 2);
	digest = state_of(&world);
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

/* Parts of a large commit go with it. */
START_TEST(parts_of_removed_commits_are_removed)
{
	struct retention_result removed;
	struct digest digest;
	struct world world;
	unsigned int i;

	setup();
	world_open(&world, &conf);
	world_create(&world, 1);
	add_xattrs(&world, 1, 160, 60000);
	world_wait(&world);
	for (i = 0; i < 3; i++) {
		world_create(&world, 10 + i);
		world_wait(&world);
		checkpoint(&world, START_NS);
	}
	removed = retain(&world, START_NS + 25 * HOUR_NS);
	ck_assert_uint_eq(removed.parts, 1);
	digest = state_of(&world);
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("retention");

	tcase_add_test(cases, what_is_superfluous_goes_after_two_checkpoints_and_a_day);
	tcase_add_test(cases, runs_that_younger_checkpoints_share_stay);
	tcase_add_loop_test(
		cases, a_clean_cache_older_than_the_log_is_brought_to_the_newest_checkpoint, 0, 4);
	tcase_add_test(cases, a_dirty_cache_older_than_the_log_is_kept_as_it_is);
	tcase_add_test(cases, a_commit_stays_while_a_file_is_in_it);
	tcase_add_test(cases, parts_of_removed_commits_are_removed);
	return unit_run_cases("retention", cases);
}
