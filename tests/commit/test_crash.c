/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process ends at a crash point, in a child; what it leaves is looked at:
 *
 *	the bucket as it is     restores to a state that the volume had, not
 *				older than what a finished wait promised
 *	the cache, opened again has all that was done, and goes on: what it
 *				sends then restores to the same
 *
 * The states that the volume went through are those of a run without crash:
 * the operations depend on nothing but their seed.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "tests/commit/world.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define STEPS	   60
#define CRASH_EXIT 77

/* Seen by parent and child. */
struct shared {
	struct digest states[STEPS + 1]; /* after so many operations */
	int done;
	int waited; /* operations that are in the cloud for certain */
	unsigned int passes;
	char point[64];
};

static struct shared *shared;
static char *scratch;
static char *bucket;
static char *cache_directory;
static char *fresh_directory;
static struct world_conf conf;

static void setup(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	scratch = scratch_make();
	bucket = xasprintf("file://%s/bucket", scratch);
	cache_directory = xasprintf("%s/cache", scratch);
	fresh_directory = xasprintf("%s/fresh", scratch);
	conf = (struct world_conf){ .directory = cache_directory,
				    .url = bucket,
				    .upload_delay_ns = 2 * NS_PER_MS,
				    .takeover = true };
}

static void clear(void)
{
	CLEANUP_FREE char *command = xasprintf("rm -rf '%s'/*", scratch);

	ck_assert_int_eq(system(command), 0);
}

static void teardown(void)
{
	munmap(shared, sizeof(*shared));
	scratch_remove(scratch);
	free(bucket);
	free(cache_directory);
	free(fresh_directory);
}

/* What the child does; with states: writes them down. */
static void run_steps(uint64_t seed, bool states)
{
	uint64_t state = seed;
	struct world world;
	int i;

	world_open(&world, &conf);
	for (i = 0; i < STEPS; i++) {
		if (states)
			shared->states[i] = state_of(&world);
		world_step(&world, &state);
		shared->done = i + 1;
		if (i % 12 == 5) {
			world_wait(&world);
			shared->waited = i + 1;
		}
		if (i == STEPS / 2) {
			world_kill(&world);
			world_open(&world, &conf);
		}
	}
	world_wait(&world);
	shared->waited = STEPS;
	if (states)
		shared->states[STEPS] = state_of(&world);
	world_close(&world);
}

static void die(enum crash_point point, void *arg)
{
	(void)arg;
	snprintf(shared->point, sizeof(shared->point), "%s", crash_point_name(point));
	_exit(CRASH_EXIT);
}

static void pass_by(enum crash_point point, void *arg)
{
	(void)point;
	(void)arg;
}

/* Runs in a child; pass 0: without a crash, counting. */
static int run_child(uint64_t seed, unsigned int pass)
{
	pid_t child;
	int status;

	shared->done = shared->waited = 0;
	fflush(NULL);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		crash_arm(CRASH_ANY, pass, pass ? die : pass_by, NULL);
		run_steps(seed, !pass);
		if (!pass)
			shared->passes = crash_passes();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The bucket as the crash left it, taken to a new machine. */
static void check_bucket(void)
{
	CLEANUP_FREE char *copy_url = xasprintf("file://%s/copy", scratch);
	CLEANUP_FREE char *command = xasprintf("cp -r '%s/bucket' '%s/copy'", scratch, scratch);
	struct world_conf fresh = conf;
	struct digest state;
	struct world world;
	int i;

	ck_assert_int_eq(system(command), 0);
	fresh.directory = fresh_directory;
	fresh.url = copy_url;
	world_open(&world, &fresh);
	state_assert_tidy(&world);
	state = state_of(&world);
	world_close(&world);
	for (i = shared->waited; i <= shared->done + 1 && i <= STEPS; i++)
		if (!memcmp(&state, &shared->states[i], sizeof(state)))
			return;
	ck_abort_msg("crash at %s after %d operations: the bucket has no state that the volume had "
		     "since operation %d",
		     shared->point, shared->done, shared->waited);
}

/* The cache goes on where it was. */
static void check_cache(void)
{
	CLEANUP_FREE char *command = xasprintf("rm -rf '%s'", fresh_directory);
	struct world_conf fresh = conf;
	struct digest restored;
	struct digest state;
	struct world world;

	world_open(&world, &conf);
	state = state_of(&world);
	ck_assert_msg(!memcmp(&state, &shared->states[shared->done], sizeof(state)) ||
			      (shared->done < STEPS &&
			       !memcmp(&state, &shared->states[shared->done + 1], sizeof(state))),
		      "crash at %s after %d operations: the cache lost or gained something",
		      shared->point, shared->done);
	world_wait(&world);
	state = state_of(&world);
	world_close(&world);
	ck_assert_int_eq(system(command), 0);
	fresh.directory = fresh_directory;
	world_open(&world, &fresh);
	state_assert_tidy(&world);
	restored = state_of(&world);
	world_close(&world);
	ck_assert_msg(!memcmp(&state, &restored, sizeof(state)),
		      "crash at %s after %d operations: what was sent afterwards is not the same",
		      shared->point, shared->done);
}

START_TEST(a_crash_at_any_point_loses_nothing)
{
	enum { CRASHES = 12 };
	uint64_t seed = (uint64_t)_i * 104729 + 1;
	uint64_t state = seed;
	int crashes;

	setup();
	ck_assert_int_eq(run_child(seed, 0), 0);
	ck_assert_uint_gt(shared->passes, 20);
	clear();
	for (crashes = 0; crashes < CRASHES; crashes++) {
		unsigned int pass = (unsigned int)(noise_next(&state) % shared->passes) + 1;

		/* The number of passes varies from run to run. */
		if (run_child(seed, pass) == CRASH_EXIT) {
			check_bucket();
			check_cache();
		}
		clear();
	}
	teardown();
}
END_TEST

/* Each point by its name, so that none is left to chance. */
static const enum crash_point points[] = {
	CRASH_fence_claim,	   CRASH_fence_claimed,	   CRASH_restore_before_fence,
	CRASH_restore_after_fence, CRASH_restore_loaded,   CRASH_restore_load_committed,
	CRASH_restore_followed,	   CRASH_capture_cut,	   CRASH_commit_claimed,
	CRASH_upload_before_put,   CRASH_upload_after_put, CRASH_pack_acknowledged,
	CRASH_pack_recorded,	   CRASH_pack_attached,	   CRASH_commit_before_flush,
	CRASH_commit_flushed,	   CRASH_outbox_part,	   CRASH_outbox_commit,
	CRASH_commit_in_outbox,	   CRASH_commit_part_put,  CRASH_commit_before_put,
	CRASH_commit_after_put,	   CRASH_commit_verified,  CRASH_settle_begin,
	CRASH_settle_recorded,	   CRASH_settle_places,	   CRASH_settle_attached,
	CRASH_settle_marked_some,  CRASH_settle_flushed,
};

/* A file too large to ride in a commit, and many rows. */
static void run_large(void)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct world world;
	struct row_key key;
	struct batch batch;
	unsigned int i;

	world_open(&world, &conf);
	world_create(&world, 1);
	world_create(&world, 2);
	for (i = 0; i < 160; i++) {
		char name[32];

		snprintf(name, sizeof(name), "user.%04u", i);
		key_xattr(&key, world_ino(&world, 2), name, strlen(name));
		buffer_clear(&value);
		noise_fill(i, buffer_extend(&value, 60000), 60000);
		batch_init(&batch, BATCH_ROWS, 0);
		batch_put(&batch, &key, &value, ROW_CLOUD);
		ck_assert_int_eq(index_commit(world.cache.index, &batch, NULL), 0);
		batch_release(&batch);
	}
	world_write(&world, 1, 3, 0, 3 << 20);
	shared->states[0] = state_of(&world);
	shared->done = 1;
	world_wait(&world);
	world_write(&world, 2, 4, 0, 1000);
	shared->states[1] = state_of(&world);
	shared->done = 2;
	world_wait(&world);
	shared->done = 3;
	world_kill(&world);
	world_open(&world, &conf);
	world_close(&world);
}

START_TEST(each_point_is_survived)
{
	struct world_conf fresh = conf;
	struct digest state;
	struct digest restored;
	struct world world;
	pid_t child;
	int status;

	setup();
	conf.upload_delay_ns = 3600 * NS_PER_SECOND;
	fresh = conf;
	fresh.directory = fresh_directory;
	shared->done = 0;
	fflush(NULL);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		crash_arm(points[_i], 1, die, NULL);
		run_large();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	if (points[_i] != CRASH_restore_followed)
		ck_assert_msg(WEXITSTATUS(status) == CRASH_EXIT, "%s was not passed",
			      crash_point_name(points[_i]));
	world_open(&world, &conf);
	state = state_of(&world);
	if (shared->done)
		ck_assert(!memcmp(&state, &shared->states[0], sizeof(state)) ||
			  !memcmp(&state, &shared->states[1], sizeof(state)));
	world_wait(&world);
	ck_assert_uint_eq(dirty_rows(&world), 0);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	state = state_of(&world);
	world_close(&world);
	world_open(&world, &fresh);
	restored = state_of(&world);
	state_assert_tidy(&world);
	world_close(&world);
	ck_assert_mem_eq(&state, &restored, sizeof(state));
	teardown();
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("crash");

	tcase_add_loop_test(cases, each_point_is_survived, 0,
			    (int)(sizeof(points) / sizeof(points[0])));
	tcase_add_loop_test(cases, a_crash_at_any_point_loses_nothing, 0, 8);
	return unit_run_cases("crash", cases);
}
