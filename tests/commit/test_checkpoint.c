/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: what is restored from them, and what happens when one of them is
 * damaged or does not come about. */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/crash.h"
#include "cache/checkpointer.h"
#include "cache/log_read.h"
#include "cache/root_read.h"
#include "tests/commit/checkpoint_box.h"
#include "tests/lib/unit.h"

START_TEST(each_of_many_checkpoints_restores_to_the_state_it_was_made_of)
{
	uint64_t state = (uint64_t)_i * 7919 + 3;
	uint64_t kept = 0;
	struct digest digest;
	struct world world;
	unsigned int i;

	setup();
	world_open(&world, &conf);
	for (i = 0; i < 12; i++) {
		steps(&world, &state, 1 + (unsigned int)(noise_next(&state) % 40));
		if (i == 6) {
			world_close(&world);
			world_open(&world, &conf);
		}
		kept += checkpoint(&world, START_NS).merge.runs_kept;
		if (i % 3 == 1)
			steps(&world, &state, 5); /* a log behind the checkpoint */
		digest = state_of(&world);
		assert_restores_as(&digest);
	}
	ck_assert_uint_gt(kept, 0);
	/* The log before the newest checkpoint is not read any more. */
	checkpoint(&world, START_NS);
	world_close(&world);
	remove_files("log/*");
	ck_assert_int_eq(try_restore(&world), 0);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(the_log_before_a_checkpoint_is_not_read)
{
	struct checkpoint_result made;
	char name[OBJECT_NAME_SIZE];
	uint64_t state = 77;
	struct digest digest;
	struct world world;
	uint64_t seq;

	setup();
	world_open(&world, &conf);
	for (seq = 0; seq < 5; seq++)
		steps(&world, &state, 30);
	made = checkpoint(&world, START_NS);
	ck_assert(made.made);
	ck_assert_uint_ge(made.commits, 5);
	ck_assert_uint_ge(made.merge.runs_written, 2);
	ck_assert(!checkpoint(&world, START_NS).made);
	digest = state_of(&world);
	seq = committed(&world);
	/* Inline packs stay: they are content. */
	for (; seq > 0; seq--) {
		struct log_entry entry;
		bool has_pack;

		ck_assert_int_eq(log_get(&world.cache, seq, &entry), 0);
		has_pack = entry.commit.pack_length > 0;
		log_entry_release(&entry);
		object_name_log(seq, name);
		if (!has_pack)
			remove_files(name);
	}
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

/* The counters go on behind those of the lost machine. */
START_TEST(numbers_continue_behind_a_checkpoint)
{
	struct index_counters before;
	struct index_counters after;
	struct world world;

	setup();
	world_open(&world, &conf);
	world_create(&world, 1);
	world_wait(&world);
	checkpoint(&world, START_NS);
	index_counters_get(world.cache.index, &before);
	world_kill(&world);
	ck_assert_int_eq(try_restore(&world), 0);
	index_counters_get(world.cache.index, &after);
	ck_assert_uint_ge(after.next_ino, before.next_ino + (UINT64_C(1) << 32));
	ck_assert_uint_ge(after.next_chunk, UINT64_C(1) << 32);
	world_close(&world);
	teardown();
}
END_TEST

enum damage_kind { ROOT_DAMAGED, ROOT_GONE, RUN_DAMAGED, RUN_GONE, DAMAGE_KINDS };

/* Of the newest root only; the first run that no other root names. */
static void damage_newest(struct world *world, uint64_t newest, uint64_t before,
			  enum damage_kind kind)
{
	char name[OBJECT_NAME_SIZE];
	struct root older;
	struct root root;
	struct root_run run;
	struct root_run old;
	bool shared = true;

	object_name_root(newest, name);
	if (kind == ROOT_DAMAGED)
		damage(name);
	if (kind == ROOT_GONE)
		remove_files(name);
	if (kind < RUN_DAMAGED)
		return;
	ck_assert_int_eq(root_get(&world->cache, newest, &root), 0);
	ck_assert_int_eq(root_get(&world->cache, before, &older), 0);
	while (shared) {
		ck_assert_int_eq(root_next(&root, &run), 1);
		root_rewind(&older);
		shared = false;
		while (root_next(&older, &old) > 0)
			shared |= id_equal(&old.part.id, &run.part.id);
	}
	object_name_meta(run.part.epoch, &run.part.id, name);
	root_release(&root);
	root_release(&older);
	if (kind == RUN_DAMAGED)
		damage(name);
	else
		remove_files(name);
}

START_TEST(a_damaged_checkpoint_falls_back_to_the_one_before)
{
	struct checkpoint_result made;
	uint64_t state = 5 + (uint64_t)_i;
	struct digest digest;
	struct world world;
	uint64_t before;

	setup();
	world_open(&world, &conf);
	steps(&world, &state, 100);
	checkpoint(&world, START_NS);
	before = committed(&world);
	steps(&world, &state, 30);
	checkpoint(&world, START_NS);
	damage_newest(&world, committed(&world), before, (enum damage_kind)_i);
	steps(&world, &state, 10);
	digest = state_of(&world);
	assert_restores_as(&digest);
	/* So does the next checkpoint, if it has to read what is damaged. */
	steps(&world, &state, 200);
	ck_assert_int_eq(try_checkpoint(&world, START_NS, &made), 0);
	ck_assert(made.made);
	digest = state_of(&world);
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(without_any_whole_checkpoint_the_log_from_its_beginning_will_do)
{
	uint64_t state = 9;
	struct digest digest;
	struct world world;

	setup();
	world_open(&world, &conf);
	steps(&world, &state, 60);
	checkpoint(&world, START_NS);
	damage_root(committed(&world));
	digest = state_of(&world);
	assert_restores_as(&digest);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(what_cannot_be_restored_is_refused_by_the_name_of_the_newest)
{
	char name[OBJECT_NAME_SIZE];
	struct world world;
	struct world fresh;
	uint64_t state = 9;
	int result;

	setup();
	world_open(&world, &conf);
	steps(&world, &state, 60);
	checkpoint(&world, START_NS);
	object_name_root(committed(&world), name);
	damage(name);
	remove_files("log/0000000000000001");
	result = try_restore(&fresh);
	ck_assert_int_eq(result, -ERR_commit_corrupt);
	ck_assert_msg(strstr(err_message(result), name), "%s", err_message(result));
	world_close(&world);
	teardown();
}
END_TEST

/* The process ends at each point of a checkpoint and of the removal. */
static const enum crash_point points[] = {
	CRASH_checkpoint_before_run,   CRASH_checkpoint_run_put,      CRASH_checkpoint_before_root,
	CRASH_checkpoint_root_put,     CRASH_retention_before_remove, CRASH_retention_before_remove,
	CRASH_retention_before_remove, CRASH_retention_before_remove,
};

static void die(enum crash_point point, void *arg)
{
	(void)point;
	(void)arg;
	_exit(77);
}

START_TEST(a_crash_in_a_checkpoint_harms_nothing)
{
	struct digest *digest = mmap(NULL, sizeof(*digest), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int pass = (unsigned int)_i < 4 ? 1 : (unsigned int)_i - 3;
	uint64_t state = 21;
	struct world world;
	pid_t child;
	int status;

	setup();
	fflush(NULL);
	child = fork();
	if (!child) {
		unsigned int i;

		world_open(&world, &conf);
		for (i = 0; i < 4; i++) {
			steps(&world, &state, 60);
			*digest = state_of(&world);
			if (i == 2)
				crash_arm(points[_i], pass, die, NULL);
			checkpoint(&world, START_NS);
		}
		retain(&world, START_NS + 25 * HOUR_NS);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 77);
	assert_restores_as(digest);
	/* The cache goes on, with checkpoints and with removing. */
	world_open(&world, &conf);
	steps(&world, &state, 60);
	checkpoint(&world, START_NS + 30 * HOUR_NS);
	steps(&world, &state, 10);
	checkpoint(&world, START_NS + 31 * HOUR_NS);
	*digest = state_of(&world);
	assert_restores_as(digest);
	retain(&world, START_NS + 90 * HOUR_NS);
	assert_restores_as(digest);
	world_close(&world);
	munmap(digest, sizeof(*digest));
	teardown();
}
END_TEST

START_TEST(a_gateway_that_lost_its_epoch_makes_no_checkpoint_and_removes_nothing)
{
	CLEANUP_FREE char *other_directory = NULL;
	struct checkpoint_result made;
	struct retention_conf retention;
	struct retention_result removed;
	struct world_conf other;
	uint64_t state = 4;
	unsigned int roots;
	unsigned int logs;
	struct world one;
	struct world two;
	unsigned int i;

	setup();
	world_open(&one, &conf);
	for (i = 0; i < 3; i++) {
		steps(&one, &state, 30);
		checkpoint(&one, START_NS);
	}
	world_create(&one, 1);
	world_wait(&one);
	world_write(&one, 1, 1, 0, 10);
	world_wait(&one);
	other_directory = xasprintf("%s/other", scratch);
	other = conf;
	other.directory = other_directory;
	world_open(&two, &other);
	roots = count_files("root");
	logs = count_files("log");
	/* Longer than the fence trusts its last look. */
	while (fence_verify(one.cache.fence) != -ERR_fenced)
		usleep(1000);
	ck_assert_int_eq(try_checkpoint(&one, START_NS, &made), -ERR_fenced);
	retention = (struct retention_conf){ .cache = &one.cache,
					     .now_real_ns = START_NS + 100 * HOUR_NS };
	ck_assert_int_eq(retention_run(&retention, &removed), -ERR_fenced);
	ck_assert_uint_eq(count_files("root"), roots);
	ck_assert_uint_eq(count_files("log"), logs);
	world_kill(&one);
	world_close(&two);
	teardown();
}
END_TEST

START_TEST(a_checkpoint_that_fails_leaves_nothing_behind)
{
	struct store_fault_conf faults = { 0 };
	struct checkpoint_result made;
	struct world_conf failing;
	uint64_t state = 4;
	unsigned int metas;
	struct world world;

	setup();
	failing = conf;
	failing.faults = &faults;
	world_open(&world, &failing);
	steps(&world, &state, 60);
	checkpoint(&world, START_NS);
	steps(&world, &state, 60);
	metas = count_files("meta");
	remove_files("log/0000000000000001");
	damage_root(committed(&world) - 1);
	ck_assert_int_eq(try_checkpoint(&world, START_NS, &made), -ERR_object_missing);
	ck_assert_uint_eq(count_files("meta"), metas);
	world_close(&world);
	teardown();
}
END_TEST

START_TEST(a_checkpoint_is_due_by_commits_or_by_rows_in_proportion)
{
	struct checkpoint_load load = { .commits = 10 };

	ck_assert(!checkpoint_is_due(&load, 11, 100));
	ck_assert(checkpoint_is_due(&load, 10, 100));
	load.row_bytes = 100;
	ck_assert(checkpoint_is_due(&load, 11, 100));
	load.runs_bytes = 8000;
	ck_assert(!checkpoint_is_due(&load, 11, 100));
	load.row_bytes = 1000;
	ck_assert(checkpoint_is_due(&load, 11, 100));
	load.commits = 0;
	ck_assert(!checkpoint_is_due(&load, 11, 100));
}
END_TEST

START_TEST(the_thread_makes_checkpoints_by_itself)
{
	struct checkpointer *checkpointer;
	struct root_list roots;
	struct world world;
	uint64_t state = 3;
	uint64_t seq;

	setup();
	world_open(&world, &conf);
	world.cache.conf.checkpoint_commits = 2;
	world.cache.conf.checkpoint_bytes = 1 << 20;
	checkpointer = checkpointer_start(&world.cache);
	steps(&world, &state, 20);
	steps(&world, &state, 20);
	seq = committed(&world);
	while (checkpointer_seq(checkpointer) < seq)
		usleep(10000);
	checkpointer_stop(checkpointer);
	ck_assert_int_eq(root_list_get(&world.cache, &roots), 0);
	ck_assert_uint_ge(roots.count, 1);
	ck_assert_uint_eq(roots.seqs[roots.count - 1], seq);
	root_list_release(&roots);
	world_close(&world);
	teardown();
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("checkpoint");

	tcase_add_loop_test(cases, each_of_many_checkpoints_restores_to_the_state_it_was_made_of, 0,
			    4);
	tcase_add_test(cases, the_log_before_a_checkpoint_is_not_read);
	tcase_add_test(cases, numbers_continue_behind_a_checkpoint);
	tcase_add_loop_test(cases, a_damaged_checkpoint_falls_back_to_the_one_before, 0,
			    DAMAGE_KINDS);
	tcase_add_test(cases, without_any_whole_checkpoint_the_log_from_its_beginning_will_do);
	tcase_add_test(cases, what_cannot_be_restored_is_refused_by_the_name_of_the_newest);
	tcase_add_loop_test(cases, a_crash_in_a_checkpoint_harms_nothing, 0,
			    (int)(sizeof(points) / sizeof(points[0])));
	tcase_add_test(cases,
		       a_gateway_that_lost_its_epoch_makes_no_checkpoint_and_removes_nothing);
	tcase_add_test(cases, a_checkpoint_that_fails_leaves_nothing_behind);
	tcase_add_test(cases, a_checkpoint_is_due_by_commits_or_by_rows_in_proportion);
	tcase_add_test(cases, the_thread_makes_checkpoints_by_itself);
	return unit_run_cases("checkpoint", cases);
}
