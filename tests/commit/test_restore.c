/* SPDX-License-Identifier: Apache-2.0 */
/* Restores, and what opening does when bucket and cache do not agree. */
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "backend/store_mem.h"
#include "cache/cache_local.h"
#include "cache/commit_record.h"
#include "tests/commit/world.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define BUCKET "restore"
#define OTHER  "restore-other"

static char *scratch;
static char *directories[3];
static struct world_conf confs[3]; /* three machines, one bucket */

static void setup(void)
{
	int i;

	scratch = scratch_make();
	for (i = 0; i < 3; i++) {
		directories[i] = xasprintf("%s/%d", scratch, i);
		confs[i] = (struct world_conf){ .directory = directories[i],
						.url = "mem://" BUCKET,
						.upload_delay_ns = 3600 * NS_PER_SECOND,
						.takeover = true };
	}
}

static void teardown(void)
{
	int i;

	store_mem_forget(BUCKET);
	store_mem_forget(OTHER);
	scratch_remove(scratch);
	for (i = 0; i < 3; i++)
		free(directories[i]);
}

/* A volume with some commits, made on machine 0. */
static struct digest make_volume(void)
{
	struct world world;
	struct digest state;
	unsigned int i;

	world_open(&world, &confs[0]);
	for (i = 0; i < 3; i++) {
		world_create(&world, i);
		world_write(&world, i, i + 1, 0, 2000);
		world_wait(&world);
	}
	state = state_of(&world);
	world_close(&world);
	return state;
}

static void assert_fails(const struct world_conf *conf, int code, const char *word)
{
	struct world world;

	ck_assert_int_eq(world_try_open(&world, conf), code);
	ck_assert_msg(strstr(err_message(code), word), "%s", err_message(code));
}

static void assert_opens_as(const struct world_conf *conf, const struct digest *expected)
{
	struct world world;
	struct digest state;

	world_open(&world, conf);
	state = state_of(&world);
	world_close(&world);
	ck_assert_mem_eq(state.bytes, expected->bytes, DIGEST_BYTES);
}

/* Changes an object of the bucket by hand. */
static void edit_object(const char *name, void (*edit)(struct buffer *bytes))
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct store *store = store_mem_open(BUCKET);

	ck_assert_int_eq(store_get(store, name, 0, STORE_GET_ALL, &bytes), 0);
	edit(&bytes);
	ck_assert_int_eq(store_remove(store, name), 0);
	ck_assert_int_eq(store_put(store, name, bytes.data, bytes.length, 0), 0);
	store_free(store);
}

static void remove_object(const char *name)
{
	struct store *store = store_mem_open(BUCKET);

	ck_assert_int_eq(store_remove(store, name), 0);
	store_free(store);
}

static void flip_bit(struct buffer *bytes)
{
	bytes->data[bytes->length / 2] ^= 4;
}

static void cut_end(struct buffer *bytes)
{
	bytes->length -= 5;
}

START_TEST(a_damaged_commit_is_named_and_nothing_is_served)
{
	char name[OBJECT_NAME_SIZE];

	setup();
	make_volume();
	object_name_log(3, name);
	edit_object(name, _i ? flip_bit : cut_end);
	assert_fails(&confs[1], -ERR_commit_corrupt, name);
	teardown();
}
END_TEST

START_TEST(a_log_that_ends_too_early_is_not_taken_for_the_whole)
{
	struct commit_record record;
	struct world world;
	char name[OBJECT_NAME_SIZE];

	setup();
	make_volume();
	world_open(&world, &confs[0]);
	ck_assert_int_eq(commit_record_get(world.cache.index, &record), 0);
	world_close(&world);
	object_name_log(record.seq, name);
	remove_object(name);
	assert_fails(&confs[1], -ERR_object_missing, name);
	assert_fails(&confs[0], -ERR_diverged, name);
	teardown();
}
END_TEST

/* A commit of another bucket with the same uuid and seq. */
START_TEST(a_commit_that_does_not_continue_the_chain_is_refused)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct world_conf other;
	struct store *store;
	char name[OBJECT_NAME_SIZE];
	struct world world;

	setup();
	other = confs[2];
	other.url = "mem://" OTHER;
	world_open(&world, &other);
	world_create(&world, 7);
	world_wait(&world);
	world_create(&world, 8);
	world_wait(&world);
	world_close(&world);
	make_volume();
	object_name_log(3, name);
	store = store_mem_open(OTHER);
	ck_assert_int_eq(store_get(store, name, 0, STORE_GET_ALL, &bytes), 0);
	store_free(store);
	remove_object(name);
	store = store_mem_open(BUCKET);
	ck_assert_int_eq(store_put(store, name, bytes.data, bytes.length, 0), 0);
	store_free(store);
	assert_fails(&confs[1], -ERR_commit_corrupt, "does not continue");
	teardown();
}
END_TEST

START_TEST(numbers_of_a_lost_machine_are_not_given_out_again)
{
	struct index_counters before;
	struct index_counters after;
	struct world world;

	setup();
	world_open(&world, &confs[0]);
	world_create(&world, 1);
	world_wait(&world);
	world_create(&world, 2); /* the cloud never hears of it */
	index_counters_get(world.cache.index, &before);
	world_kill(&world);
	world_open(&world, &confs[1]);
	index_counters_get(world.cache.index, &after);
	ck_assert_uint_ge(after.next_ino, before.next_ino);
	ck_assert_uint_ge(after.next_ino, UINT64_C(1) << 32);
	ck_assert_uint_ge(after.next_chunk, before.next_chunk);
	world_create(&world, 2);
	ck_assert_uint_ge(world_ino(&world, 2), before.next_ino);
	world_kill(&world);
	teardown();
}
END_TEST

START_TEST(a_clean_cache_follows_what_another_machine_did)
{
	struct digest state;
	struct world world;

	setup();
	make_volume();
	world_open(&world, &confs[1]);
	world_unlink(&world, 0);
	world_write(&world, 1, 77, 0, 2000);
	world_create(&world, 5);
	world_write(&world, 5, 78, 0, 100);
	world_truncate(&world, 2);
	world_wait(&world);
	state = state_of(&world);
	world_close(&world);
	assert_opens_as(&confs[0], &state);
	/* ... and back, without a fight. */
	world_open(&world, &confs[0]);
	world_create(&world, 9);
	world_wait(&world);
	state = state_of(&world);
	world_close(&world);
	assert_opens_as(&confs[1], &state);
	assert_opens_as(&confs[2], &state);
	teardown();
}
END_TEST

/* What the index of a directory says, looked at without a bucket. */
static struct digest local_state(const struct world_conf *conf)
{
	struct world world;
	struct digest state;

	memset(&world, 0, sizeof(world));
	world.cache.directory = (char *)(uintptr_t)conf->directory;
	world.cache.seal = seal_null();
	world.cache.store = store_mem_open(BUCKET);
	ck_assert_int_eq(cache_local_open(&world.cache, false), 0);
	state = state_of(&world);
	cache_local_close(&world.cache);
	store_free(world.cache.store);
	return state;
}

START_TEST(a_dirty_cache_is_kept_when_another_machine_changed_the_volume)
{
	struct digest state;
	struct digest kept;
	struct world world;

	setup();
	make_volume();
	world_open(&world, &confs[0]);
	world_write(&world, 0, 99, 0, 2000);
	state = state_of(&world);
	world_kill(&world);
	world_open(&world, &confs[1]);
	world_create(&world, 5);
	world_wait(&world);
	world_close(&world);
	assert_fails(&confs[0], -ERR_diverged, "nothing was merged or dropped");
	kept = local_state(&confs[0]);
	ck_assert_mem_eq(kept.bytes, state.bytes, DIGEST_BYTES);
	teardown();
}
END_TEST

START_TEST(a_dirty_cache_goes_on_when_another_machine_only_looked)
{
	struct digest state;
	struct world world;

	setup();
	make_volume();
	world_open(&world, &confs[0]);
	world_write(&world, 0, 99, 0, 2000);
	state = state_of(&world);
	world_kill(&world);
	world_open(&world, &confs[1]);
	world_close(&world);
	world_open(&world, &confs[0]);
	world_wait(&world);
	world_close(&world);
	assert_opens_as(&confs[2], &state);
	teardown();
}
END_TEST

static void go_down(enum crash_point point, void *arg)
{
	(void)point;
	store_fault_set_down(arg, true);
}

/* Its commit was decided, but never put; somebody else's has the place. */
START_TEST(a_commit_that_lost_its_place_is_made_again)
{
	struct store_fault_conf faults = { .seed = 1 };
	struct digest state;
	struct world world;
	int tries = 0;

	setup();
	make_volume();
	confs[0].faults = &faults;
	confs[0].upload_delay_ns = NS_PER_MS;
	world_open(&world, &confs[0]);
	crash_arm(CRASH_commit_before_put, 1, go_down, world.fault);
	world_write(&world, 0, 99, 0, 2000);
	while (!crash_passes() && tries++ < 2000)
		usleep(5000);
	ck_assert_uint_eq(crash_passes(), 1);
	world_kill(&world);
	crash_disarm();
	state = local_state(&confs[0]);
	world_open(&world, &confs[1]);
	world_close(&world);
	world_open(&world, &confs[0]);
	ck_assert_uint_gt(dirty_rows(&world), 0);
	world_wait(&world);
	ck_assert_uint_eq(dirty_bytes(&world), 0);
	world_close(&world);
	assert_opens_as(&confs[2], &state);
	teardown();
}
END_TEST

START_TEST(the_loser_of_a_takeover_stops_and_keeps_its_data)
{
	struct digest state;
	struct digest kept;
	struct world one;
	struct world two;

	setup();
	make_volume();
	world_open(&one, &confs[0]);
	world_open(&two, &confs[1]);
	world_create(&one, 11);
	world_write(&one, 11, 5, 0, 500);
	ck_assert_int_eq(cache_wait(&one.cache, INT64_MAX, NULL, NULL), -ERR_fenced);
	ck_assert_msg(strstr(err_message(-ERR_fenced), "took over"), "%s",
		      err_message(-ERR_fenced));
	ck_assert_int_eq(cache_check_writable(&one.cache), -ERR_fenced);
	state = state_of(&one);
	world_kill(&one);
	kept = local_state(&confs[0]);
	ck_assert_mem_eq(kept.bytes, state.bytes, DIGEST_BYTES);
	world_create(&two, 12);
	world_wait(&two);
	world_close(&two);
	assert_fails(&confs[0], -ERR_diverged, "another gateway");
	teardown();
}
END_TEST

/* The old writer's commit lands between the new one's look at the log and its
 * fence. */
static void commit_meanwhile(enum crash_point point, void *arg)
{
	(void)point;
	world_wait(arg);
}

START_TEST(a_commit_that_wins_against_the_fence_is_taken_in)
{
	struct digest state;
	struct world one;
	struct world two;

	setup();
	make_volume();
	/* The old one does not look for a new epoch before its commit. */
	confs[0].lease_ttl_ns = 3600 * NS_PER_SECOND;
	world_open(&one, &confs[0]);
	world_create(&one, 11);
	world_write(&one, 11, 5, 0, 500);
	crash_arm(CRASH_restore_before_fence, 1, commit_meanwhile, &one);
	world_open(&two, &confs[1]);
	crash_disarm();
	ck_assert_uint_eq(crash_passes(), 2);
	state = state_of(&one);
	ck_assert_mem_eq(state_of(&two).bytes, state.bytes, DIGEST_BYTES);
	world_kill(&one);
	world_close(&two);
	teardown();
}
END_TEST

static int count_object(const struct store_object *object, void *arg)
{
	(void)object;
	++*(unsigned int *)arg;
	return 0;
}

static int note_first(const struct store_object *object, void *arg)
{
	snprintf(arg, OBJECT_NAME_SIZE, "%s", object->key);
	return 1;
}

static unsigned int count_xattrs(struct world *world, uint64_t ino)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	unsigned int count = 0;

	key_xattr(&start, ino, "", 0);
	ck_assert_int_eq(index_cursor_open(world->cache.index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) > 0 &&
	       key_table(key, key_length) == TABLE_XATTR && key_number(key, key_length) == ino)
		count++;
	index_cursor_close(cursor);
	return count;
}

START_TEST(many_commits_are_read_ahead_and_taken_in_order)
{
	struct digest state;
	struct world world;
	unsigned int i;

	setup();
	world_open(&world, &confs[0]);
	for (i = 0; i < 60; i++) {
		world_create(&world, i % WORLD_FILES);
		world_write(&world, i % WORLD_FILES, i, 0, 100);
		world_wait(&world);
	}
	state = state_of(&world);
	world_close(&world);
	assert_opens_as(&confs[1], &state);
	teardown();
}
END_TEST

START_TEST(a_commit_of_many_rows_is_put_in_parts)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	char part[OBJECT_NAME_SIZE];
	unsigned int objects = 0;
	struct store *store;
	struct world world;
	struct batch batch;
	struct row_key key;
	unsigned int i;
	uint64_t ino;

	setup();
	world_open(&world, &confs[0]);
	world_create(&world, 1);
	ino = world_ino(&world, 1);
	for (i = 0; i < 320; i++) {
		char name[32];

		snprintf(name, sizeof(name), "user.%04u", i);
		key_xattr(&key, ino, name, strlen(name));
		buffer_clear(&value);
		noise_fill(i, buffer_extend(&value, 60000), 60000);
		batch_init(&batch, BATCH_ROWS, 0);
		batch_put(&batch, &key, &value, ROW_CLOUD);
		ck_assert_int_eq(index_commit(world.cache.index, &batch, NULL), 0);
		batch_release(&batch);
	}
	world_wait(&world);
	ck_assert_uint_eq(dirty_rows(&world), 0);
	ck_assert_int_eq(
		store_list(world.cache.store, OBJECT_PREFIX_META, NULL, count_object, &objects), 0);
	ck_assert_uint_eq(objects, 2);
	world_close(&world);
	world_open(&world, &confs[1]);
	ck_assert_uint_eq(count_xattrs(&world, ino), 320);
	world_close(&world);
	store = store_mem_open(BUCKET);
	ck_assert_int_eq(store_list(store, OBJECT_PREFIX_META, NULL, note_first, part), 1);
	store_free(store);
	remove_object(part);
	assert_fails(&confs[2], -ERR_object_missing, part);
	teardown();
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("restore");

	tcase_add_loop_test(cases, a_damaged_commit_is_named_and_nothing_is_served, 0, 2);
	tcase_add_test(cases, a_log_that_ends_too_early_is_not_taken_for_the_whole);
	tcase_add_test(cases, a_commit_that_does_not_continue_the_chain_is_refused);
	tcase_add_test(cases, numbers_of_a_lost_machine_are_not_given_out_again);
	tcase_add_test(cases, a_clean_cache_follows_what_another_machine_did);
	tcase_add_test(cases, a_dirty_cache_is_kept_when_another_machine_changed_the_volume);
	tcase_add_test(cases, a_dirty_cache_goes_on_when_another_machine_only_looked);
	tcase_add_test(cases, a_commit_that_lost_its_place_is_made_again);
	tcase_add_test(cases, the_loser_of_a_takeover_stops_and_keeps_its_data);
	tcase_add_test(cases, a_commit_that_wins_against_the_fence_is_taken_in);
	tcase_add_test(cases, many_commits_are_read_ahead_and_taken_in_order);
	tcase_add_test(cases, a_commit_of_many_rows_is_put_in_parts);
	return unit_run_cases("restore", cases);
}
