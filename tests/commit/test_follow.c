/* SPDX-License-Identifier: Apache-2.0 */
/* Followers: caches that show what another machine commits, and put nothing. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/store_stats.h"
#include "cache/follow.h"
#include "cache/io.h"
#include "cache/ns.h"
#include "tests/commit/checkpoint_box.h"
#include "tests/lib/unit.h"

#define BLOCK (64u << 10)

struct follower {
	struct cache *cache;
	struct store *stats;
};

/* Of the volume that worlds make. */
static void fill_volume(struct volume_params *volume)
{
	volume_params_init(volume);
	snprintf(volume->name, sizeof(volume->name), "world");
	snprintf(volume->created, sizeof(volume->created), "2026-11-23T00:00:00Z");
}

static int try_follow(struct follower *follower, const char *name)
{
	CLEANUP_FREE char *follower_directory = xasprintf("%s/%s", scratch, name);
	struct cache_conf cache_conf = { .directory = follower_directory,
					 .url = conf.url,
					 .follow = true };
	int result;

	fill_volume(&cache_conf.volume);
	ck_assert_int_eq(store_open(conf.url, true, &cache_conf.store), 0);
	cache_conf.store = cache_conf.stats = store_stats_new(cache_conf.store);
	follower->stats = cache_conf.stats;
	result = cache_open(&cache_conf, &follower->cache);
	if (result)
		store_free(cache_conf.store);
	return result;
}

static void must_follow(struct follower *follower, const char *name)
{
	int result = try_follow(follower, name);

	ck_assert_msg(!result, "%s", err_message(result));
}

static void poll_told(struct follower *follower, cache_changed_fn *fn, void *arg)
{
	int result = follow_poll(follower->cache->follow, fn, arg);

	ck_assert_msg(!result, "%s", err_message(result));
}

static void poll_once(struct follower *follower)
{
	poll_told(follower, NULL, NULL);
}

static struct store_stats_snapshot requests(struct follower *follower)
{
	struct store_stats_snapshot snapshot;

	store_stats_get(follower->stats, &snapshot);
	return snapshot;
}

static struct follow_status status_of(struct follower *follower)
{
	struct follow_status status;

	follow_status_get(follower->cache->follow, &status);
	return status;
}

/* Shows the same as the writer, and only that. */
static void assert_shows(struct follower *follower, struct world *writer)
{
	struct digest expected = state_of(writer);
	struct world shown = { .held = NULL };
	struct digest state;

	shown.cache.index = follower->cache->index;
	shown.cache.segments = follower->cache->segments;
	shown.cache.store = follower->cache->store;
	shown.cache.seal = follower->cache->seal;
	shown.cache.conf.volume = follower->cache->conf.volume;
	state = state_of(&shown);
	ck_assert_mem_eq(state.bytes, expected.bytes, DIGEST_BYTES);
	ck_assert_uint_eq(dirty_rows(&shown), 0);
}

static void assert_only_read(struct follower *follower)
{
	struct store_stats_snapshot made = requests(follower);

	ck_assert_uint_eq(made.puts_total, 0);
	ck_assert_uint_eq(made.removes_total, 0);
	ck_assert_uint_eq(made.heads_total, 0);
}

START_TEST(each_commit_is_shown_for_one_get_and_one_a_poll)
{
	struct follower follower;
	uint64_t state = 5;
	struct world writer;
	unsigned int i;

	setup();
	world_open(&writer, &conf);
	steps(&writer, &state, 50);
	must_follow(&follower, "follower");
	assert_shows(&follower, &writer);
	for (i = 0; i < 60; i++) {
		uint64_t before = committed(&writer);
		uint64_t gets = requests(&follower).gets_total;

		steps(&writer, &state, 1 + i % 7);
		poll_once(&follower);
		ck_assert_uint_eq(requests(&follower).gets_total - gets,
				  1 + committed(&writer) - before);
		ck_assert_uint_eq(status_of(&follower).seq, committed(&writer));
		assert_shows(&follower, &writer);
	}
	ck_assert_uint_gt(status_of(&follower).commits, 30);
	ck_assert_uint_eq(requests(&follower).lists_total, 2); /* when it was opened */
	assert_only_read(&follower);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(nothing_new_is_one_get_a_poll)
{
	struct store_stats_snapshot before;
	struct follower follower;
	struct world writer;
	unsigned int i;

	setup();
	world_open(&writer, &conf);
	world_create(&writer, 1);
	world_wait(&writer);
	must_follow(&follower, "follower");
	before = requests(&follower);
	for (i = 0; i < 5 * FOLLOW_POLLS_QUIET; i++)
		poll_once(&follower);
	ck_assert_uint_eq(requests(&follower).gets_total - before.gets_total,
			  5 * FOLLOW_POLLS_QUIET);
	ck_assert_uint_eq(requests(&follower).lists_total, before.lists_total);
	assert_only_read(&follower);
	ck_assert_uint_eq(status_of(&follower).reloads, 0);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(an_empty_volume_is_followed_from_its_first_commit)
{
	struct attributes root;
	struct follower follower;
	struct world writer;

	setup();
	must_follow(&follower, "follower");
	poll_once(&follower);
	ck_assert_int_eq(attr_get(follower.cache, ROOT_INO, &root), 0);
	world_open(&writer, &conf);
	world_create(&writer, 1);
	world_write(&writer, 1, 1, 0, 3000);
	world_wait(&writer);
	poll_once(&follower);
	assert_shows(&follower, &writer);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(a_takeover_is_followed)
{
	CLEANUP_FREE char *other_directory = NULL;
	struct follower follower;
	struct world_conf other;
	uint64_t state = 6;
	struct world writer;

	setup();
	other = conf;
	other.directory = other_directory = xasprintf("%s/other", scratch);
	world_open(&writer, &conf);
	steps(&writer, &state, 30);
	must_follow(&follower, "follower");
	world_kill(&writer);
	world_open(&writer, &other);
	steps(&writer, &state, 30);
	poll_once(&follower);
	assert_shows(&follower, &writer);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(a_follower_goes_on_where_it_was)
{
	struct follower follower;
	uint64_t state = 7;
	struct world writer;
	unsigned int i;

	setup();
	world_open(&writer, &conf);
	for (i = 0; i < 6; i++) {
		steps(&writer, &state, 20);
		must_follow(&follower, "follower");
		assert_shows(&follower, &writer);
		steps(&writer, &state, 20);
		poll_once(&follower);
		assert_shows(&follower, &writer);
		if (i % 2)
			cache_close(follower.cache);
		else
			cache_abandon(follower.cache);
	}
	world_close(&writer);
	teardown();
}
END_TEST

/* Commits and checkpoints until the next commit is not in the log any more. */
static void outlive_the_log(struct world *writer, uint64_t *state)
{
	uint64_t seq = committed(writer);
	char name[OBJECT_NAME_SIZE];
	uint64_t size;
	unsigned int i;

	/* One without a pack in it, which would be kept. */
	add_xattrs(writer, 0, 1, 8 + seq % 100);
	world_wait(writer);
	for (i = 0; i < 5; i++) {
		steps(writer, state, 40);
		checkpoint(writer, START_NS + i * HOUR_NS);
	}
	ck_assert_uint_ge(retain(writer, START_NS + 100 * HOUR_NS).commits, 1);
	object_name_log(seq + 1, name);
	ck_assert_int_eq(store_head(writer->cache.store, name, &size), -ENOENT);
	steps(writer, state, 10);
}

START_TEST(who_is_behind_a_log_that_was_removed_starts_over)
{
	struct follower follower;
	uint64_t state = 8;
	struct world writer;
	unsigned int polls = 0;

	setup();
	world_open(&writer, &conf);
	steps(&writer, &state, 60);
	world_create(&writer, 0);
	world_wait(&writer);
	must_follow(&follower, "follower");
	outlive_the_log(&writer, &state);
	/* The lease tells of the commits when it is renewed next. */
	while (!status_of(&follower).reloads) {
		poll_once(&follower);
		usleep(1000);
		ck_assert_uint_lt(++polls, 100 * FOLLOW_POLLS_QUIET);
	}
	assert_shows(&follower, &writer);
	assert_only_read(&follower);
	steps(&writer, &state, 10);
	poll_once(&follower);
	assert_shows(&follower, &writer);
	/* Also when it was closed meanwhile. */
	cache_close(follower.cache);
	world_create(&writer, 0);
	world_wait(&writer);
	outlive_the_log(&writer, &state);
	must_follow(&follower, "follower");
	assert_shows(&follower, &writer);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(who_is_behind_learns_it_from_a_writer_of_a_later_epoch)
{
	struct follower follower;
	uint64_t state = 9;
	struct world writer;
	unsigned int polls = 0;

	setup();
	world_open(&writer, &conf);
	steps(&writer, &state, 60);
	must_follow(&follower, "follower");
	world_close(&writer);
	world_open(&writer, &conf);
	world_close(&writer);
	world_open(&writer, &conf);
	world_create(&writer, 0);
	world_wait(&writer);
	outlive_the_log(&writer, &state);
	world_close(&writer);
	while (!status_of(&follower).reloads) {
		poll_once(&follower);
		ck_assert_uint_lt(++polls, FOLLOW_POLLS_QUIET + 10);
	}
	world_open(&writer, &conf);
	poll_once(&follower);
	assert_shows(&follower, &writer);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(a_bucket_that_was_set_back_is_an_error_and_the_state_stays)
{
	CLEANUP_FREE char *save = NULL;
	CLEANUP_FREE char *set_back = NULL;
	struct follower follower;
	uint64_t state = 10;
	struct world writer;
	uint64_t seq;

	setup();
	save = xasprintf("cp -r %s/bucket %s/saved", scratch, scratch);
	set_back = xasprintf("rm -rf %s/bucket/* %s/cache; mv %s/saved/* %s/bucket", scratch,
			     scratch, scratch, scratch);
	world_open(&writer, &conf);
	steps(&writer, &state, 30);
	world_close(&writer);
	ck_assert_int_eq(system(save), 0);
	world_open(&writer, &conf);
	steps(&writer, &state, 30);
	must_follow(&follower, "follower");
	seq = status_of(&follower).seq;
	world_close(&writer);
	ck_assert_int_eq(system(set_back), 0);
	world_open(&writer, &conf);
	while (committed(&writer) <= seq)
		steps(&writer, &state, 3);
	ck_assert_int_eq(follow_poll(follower.cache->follow, NULL, NULL), -ERR_diverged);
	ck_assert(status_of(&follower).failing);
	ck_assert_uint_eq(status_of(&follower).seq, seq);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

/* What was told, as text: "attributes 7", "content 7", "entry 1 file-3", a line each. */
static void write_down(const struct cache_change *change, void *arg)
{
	static const char *const kinds[] = { "", "attributes", "content", "entry", "much" };

	buffer_printf(arg, "%s %llu%s%.*s\n", kinds[change->kind], (unsigned long long)change->ino,
		      change->name_length ? " " : "", (int)change->name_length, change->name);
}

/* One poll tells this, and maybe more. */
static void assert_tells(struct follower *follower, unsigned int count, const char *const *lines)
{
	CLEANUP_BUFFER struct buffer told = BUFFER_INIT;
	unsigned int i;

	poll_told(follower, write_down, &told);
	buffer_put_u8(&told, 0);
	for (i = 0; i < count; i++)
		ck_assert_msg(strstr((char *)told.data, lines[i]), "\"%s\" is not in:\n%s",
			      lines[i], (char *)told.data);
}

START_TEST(what_changed_is_told)
{
	const char *const created[] = { "content 1\n", "entry 1 file-2\n" };
	const char *const renamed[] = { "content 1\n", "entry 1 file-2\n", "entry 1 file-3\n" };
	const char *const removed[] = { "content 1\n", "entry 1 file-3\n" };
	CLEANUP_FREE char *content = NULL;
	CLEANUP_FREE char *attributes = NULL;
	CLEANUP_BUFFER struct buffer told = BUFFER_INIT;
	struct follower follower;
	struct world writer;

	setup();
	world_open(&writer, &conf);
	must_follow(&follower, "follower");
	world_create(&writer, 2);
	world_write(&writer, 2, 1, 0, 1000);
	content = xasprintf("content %llu\n", (unsigned long long)world_ino(&writer, 2));
	attributes = xasprintf("attributes %llu\n", (unsigned long long)world_ino(&writer, 2));
	world_wait(&writer);
	assert_tells(&follower, 2, created);
	world_write(&writer, 2, 2, 0, 1000);
	world_wait(&writer);
	assert_tells(&follower, 1, (const char *const *)&content);
	world_chmod(&writer, 2, 0600);
	world_wait(&writer);
	assert_tells(&follower, 1, (const char *const *)&attributes);
	world_set_xattr(&writer, 2, 5);
	world_wait(&writer);
	assert_tells(&follower, 1, (const char *const *)&attributes);
	world_rename(&writer, 2, 3);
	world_wait(&writer);
	assert_tells(&follower, 3, renamed);
	world_unlink(&writer, 3);
	world_wait(&writer);
	assert_tells(&follower, 2, removed);
	poll_told(&follower, write_down, &told);
	ck_assert_uint_eq(told.length, 0);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(a_file_that_is_open_has_its_new_content_until_it_is_removed)
{
	CLEANUP_FREE uint8_t *expected = xmalloc(BLOCK);
	CLEANUP_FREE uint8_t *bytes = xmalloc(2 * BLOCK);
	struct follower follower;
	struct world writer;
	uint64_t ino;
	size_t got;

	setup();
	world_open(&writer, &conf);
	world_create(&writer, 1);
	world_write(&writer, 1, 1, 0, BLOCK);
	ino = world_ino(&writer, 1);
	world_wait(&writer);
	must_follow(&follower, "follower");
	ck_assert_int_eq(io_read(follower.cache, ino, NULL, 0, 2 * BLOCK, 0, bytes, &got), 0);
	ck_assert_uint_eq(got, BLOCK);
	noise_text(1, expected, BLOCK);
	ck_assert_mem_eq(bytes, expected, BLOCK);
	world_write(&writer, 1, 2, 0, BLOCK);
	world_wait(&writer);
	poll_once(&follower);
	ck_assert_int_eq(io_read(follower.cache, ino, NULL, 0, 2 * BLOCK, 0, bytes, &got), 0);
	noise_text(2, expected, BLOCK);
	ck_assert_mem_eq(bytes, expected, BLOCK);
	world_unlink(&writer, 1);
	world_wait(&writer);
	poll_once(&follower);
	ck_assert_int_eq(io_read(follower.cache, ino, NULL, 0, BLOCK, 0, bytes, &got), -ENOENT);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

#define READERS 3

struct reading {
	struct cache *cache;
	uint64_t ino;
	atomic_bool ended;
};

/* Every read is of one version: its blocks are of one seed. */
static void *read_again_and_again(void *arg)
{
	struct reading *reading = arg;
	CLEANUP_FREE uint8_t *expected = xmalloc(BLOCK);
	CLEANUP_FREE uint8_t *bytes = xmalloc(4 * BLOCK);
	struct attributes attributes;
	uint64_t seed;
	size_t got;
	size_t i;

	while (!atomic_load(&reading->ended)) {
		ck_assert_int_eq(attr_get(reading->cache, reading->ino, &attributes), 0);
		seed = (uint64_t)attributes.mtime.tv_sec;
		ck_assert_int_eq(
			io_read(reading->cache, reading->ino, NULL, 0, 4 * BLOCK, 0, bytes, &got),
			0);
		ck_assert_uint_eq(got, 4 * BLOCK);
		/* The bytes may be of a later version than the time. */
		for (;; seed++) {
			noise_text(seed, expected, BLOCK);
			if (seed % 3 && !memcmp(bytes, expected, BLOCK))
				break;
			ck_assert_uint_lt(seed, 1000000);
		}
		for (i = 1; i < 4; i++) {
			noise_text(seed + i, expected, BLOCK);
			ck_assert_mem_eq(bytes + i * BLOCK, expected, BLOCK);
		}
	}
	return NULL;
}

START_TEST(who_reads_meanwhile_sees_one_commit_or_the_next)
{
	pthread_t threads[READERS];
	struct reading reading = { .cache = NULL };
	struct follower follower;
	struct world writer;
	uint64_t seed;
	int i;

	setup();
	world_open(&writer, &conf);
	world_create(&writer, 1);
	world_write(&writer, 1, 1, 0, 4 * BLOCK);
	world_wait(&writer);
	must_follow(&follower, "follower");
	reading.cache = follower.cache;
	reading.ino = world_ino(&writer, 1);
	for (i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, read_again_and_again, &reading);
	/* Not those of noise_fill(); versions differ in every block. */
	for (seed = 2; seed < 60; seed += seed % 3 == 1 ? 1 : 2) {
		if (seed % 3)
			world_write(&writer, 1, seed, 0, 4 * BLOCK);
		world_wait(&writer);
		poll_once(&follower);
	}
	atomic_store(&reading.ended, true);
	for (i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_shows(&follower, &writer);
	cache_close(follower.cache);
	world_close(&writer);
	teardown();
}
END_TEST

START_TEST(a_follower_takes_no_changes)
{
	struct ns_make make = { .mode = S_IFREG | 0644 };
	struct attributes attributes = { .mode = 0700 };
	struct follower follower;

	setup();
	must_follow(&follower, "follower");
	ck_assert_int_eq(ns_create(follower.cache, ROOT_INO, "x", &make, &attributes), -EROFS);
	ck_assert_int_eq(attr_set(follower.cache, ROOT_INO, ATTR_MODE, &attributes, NULL), -EROFS);
	ck_assert_int_eq(io_write(follower.cache, ROOT_INO, 0, "x", 1), -EROFS);
	/* What is shown is in the cloud. */
	ck_assert_int_eq(cache_wait(follower.cache, INT64_MAX, NULL, NULL), 0);
	cache_close(follower.cache);
	teardown();
}
END_TEST

START_TEST(a_follower_leaves_the_directory_of_a_writer_alone)
{
	CLEANUP_FREE char *gateway_directory = NULL;
	struct cache_conf gateway = { 0 };
	struct follower follower;
	struct cache *cache;

	setup();
	gateway_directory = xasprintf("%s/gateway", scratch);
	gateway.directory = gateway_directory;
	gateway.url = conf.url;
	fill_volume(&gateway.volume);
	ck_assert_int_eq(store_open(conf.url, true, &gateway.store), 0);
	ck_assert_int_eq(cache_open(&gateway, &cache), 0);
	cache_close(cache);
	ck_assert_int_eq(try_follow(&follower, "gateway"), -ERR_cache_foreign);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_cache_foreign), "choose another --cache"));
	teardown();
}
END_TEST

UNIT_MAIN("follow", each_commit_is_shown_for_one_get_and_one_a_poll, nothing_new_is_one_get_a_poll,
	  an_empty_volume_is_followed_from_its_first_commit, a_takeover_is_followed,
	  a_follower_goes_on_where_it_was, who_is_behind_a_log_that_was_removed_starts_over,
	  who_is_behind_learns_it_from_a_writer_of_a_later_epoch,
	  a_bucket_that_was_set_back_is_an_error_and_the_state_stays, what_changed_is_told,
	  a_file_that_is_open_has_its_new_content_until_it_is_removed,
	  who_reads_meanwhile_sees_one_commit_or_the_next, a_follower_takes_no_changes,
	  a_follower_leaves_the_directory_of_a_writer_alone)
