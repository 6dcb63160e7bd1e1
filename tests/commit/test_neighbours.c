/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of one directory, read one after the other from a bucket that has
 * each in a pack of its own. */
#include "cache/evict.h"
#include "cache/io.h"
#include "cache/ns_page.h"
#include "cache/readahead.h"
#include "tests/commit/checkpoint_box.h"
#include "tests/lib/unit.h"

#define FILE_BYTES 5000

static uint64_t inos[WORLD_FILES];
static unsigned int count;

/* The order of the listing is not that of their numbers. */
static void make_files(void)
{
	struct world world;
	unsigned int i;

	world_open(&world, &conf);
	for (i = WORLD_FILES; i-- > 0;) {
		world_create(&world, i);
		world_write(&world, i, i, 0, FILE_BYTES);
		world_wait(&world);
	}
	world_close(&world);
}

/* Another machine, with an empty cache. */
static struct cache *open_cache(void)
{
	CLEANUP_FREE char *other = xasprintf("%s/other", scratch);
	struct cache_conf cache_conf = { .directory = other, .url = conf.url, .follow = true };
	struct cache *cache;
	int result;

	volume_params_init(&cache_conf.volume);
	snprintf(cache_conf.volume.name, sizeof(cache_conf.volume.name), "world");
	snprintf(cache_conf.volume.created, sizeof(cache_conf.volume.created),
		 "2026-11-23T00:00:00Z");
	ck_assert_int_eq(store_open(conf.url, true, &cache_conf.store), 0);
	result = cache_open(&cache_conf, &cache);
	ck_assert_msg(!result, "%s", err_message(result));
	return cache;
}

static void list_files(struct cache *cache)
{
	struct ns_page page = { 0 };
	struct ns_page_entry entry;

	ck_assert_int_eq(ns_page_read(cache, ROOT_INO, 0, 1000, &page), 0);
	for (count = 0; ns_page_next(&page, &entry);)
		if (entry.name[0] != '.')
			inos[count++] = entry.ino;
	ck_assert_uint_eq(count, WORLD_FILES);
	ns_page_release(&page);
}

/* As cat(1) does. */
static void read_file(struct cache *cache, uint64_t ino)
{
	struct readahead readahead = { 0 };
	uint8_t bytes[2 * FILE_BYTES];
	size_t got;
	int result = io_read(cache, ino, &readahead, 0, sizeof(bytes), 0, bytes, &got);

	ck_assert_msg(!result, "%s", err_message(result));
	ck_assert_uint_ge(got, FILE_BYTES);
	io_read_end(cache, &readahead);
}

/* Nothing stays, so each file is fetched again: the order is believed while
 * nothing of the directory is left to ask for. */
START_TEST(a_directory_is_read_in_its_order_to_the_end_and_again)
{
	struct cache *cache;
	unsigned int i;

	setup();
	make_files();
	cache = open_cache();
	list_files(cache);
	for (i = 0; i < 3 * WORLD_FILES; i++) {
		read_file(cache, inos[i % WORLD_FILES]);
		ck_assert_int_eq(evict_to(cache, 0), 0);
	}
	cache_close(cache);
	teardown();
}
END_TEST

UNIT_MAIN("neighbours", a_directory_is_read_in_its_order_to_the_end_and_again)
