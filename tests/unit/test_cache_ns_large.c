/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of 1,000,000 entries: made, listed, looked up in, and some of it
 * removed. A quadratic cost anywhere would not end before the test's limit;
 * the times are printed, not judged.
 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/clock.h"
#include "cache/cache_int.h"
#include "cache/ns.h"
#include "tests/lib/local_cache.h"

/* Enough for a slow, busy machine; a quadratic cost takes hours. */
#define UNIT_SECONDS_MAX 1000
#include "tests/lib/unit.h"

/* Builds that are not made to be fast have fewer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ENTRIES 50000
#elif !defined(__OPTIMIZE__)
#define ENTRIES 200000
#else
#define ENTRIES 1000000
#endif

static struct local_cache local;
static int64_t last_ns;

static void lap(const char *what, unsigned int count)
{
	int64_t now = clock_boot_ns();

	printf("%s: %u in %.2f s, %.2f us each\n", what, count, (double)(now - last_ns) / 1e9,
	       (double)(now - last_ns) / 1e3 / count);
	last_ns = now;
}

static uint64_t make_directory(void)
{
	struct ns_make what = { .mode = S_IFDIR | 0755 };
	struct attributes out;

	ck_assert_int_eq(ns_create(local.cache, ROOT_INO, "large", &what, &out), 0);
	return out.ino;
}

static void name_of(unsigned int i, char name[32])
{
	snprintf(name, 32, "file-%07u.csv", i);
}

struct listing {
	unsigned int count;
	unsigned int page; /* entries a call, as a kernel's READDIR has */
	uint64_t after;
	uint64_t sum;
};

static int list_entry(const char *name, size_t name_length, uint64_t ino, uint8_t type,
		      uint64_t cookie, void *arg)
{
	struct listing *listing = arg;

	(void)name;
	(void)name_length;
	(void)type;
	if (!listing->page--)
		return 1;
	listing->count++;
	listing->after = cookie;
	listing->sum += ino;
	return 0;
}

static unsigned int list(uint64_t directory)
{
	struct listing listing = { 0 };
	unsigned int before;

	do {
		before = listing.count;
		listing.page = 100;
		ck_assert_int_eq(
			ns_readdir(local.cache, directory, listing.after, list_entry, &listing), 0);
	} while (listing.count != before);
	return listing.count - 2;
}

START_TEST(a_million_entries_are_no_trouble)
{
	struct ns_make what = { .mode = S_IFREG | 0644 };
	struct attributes out;
	uint64_t directory;
	char name[32];
	unsigned int i;

	local_cache_init(&local);
	directory = make_directory();
	last_ns = clock_boot_ns();
	for (i = 0; i < ENTRIES; i++) {
		name_of(i, name);
		ck_assert_int_eq(ns_create(local.cache, directory, name, &what, &out), 0);
	}
	lap("created", ENTRIES);
	ck_assert_uint_eq(list(directory), ENTRIES);
	lap("listed", ENTRIES);
	for (i = 0; i < ENTRIES; i += 10) {
		name_of(i, name);
		ck_assert_int_eq(ns_lookup(local.cache, directory, name, &out), 0);
	}
	lap("looked up", ENTRIES / 10);
	ck_assert_int_eq(ns_rmdir(local.cache, ROOT_INO, "large"), -ENOTEMPTY);
	for (i = 0; i < ENTRIES; i += 10) {
		name_of(i, name);
		ck_assert_int_eq(ns_lookup(local.cache, directory, name, &out), 0);
		ck_assert_int_eq(ns_unlink(local.cache, directory, name), 0);
		ns_forget(local.cache, out.ino);
	}
	lap("removed", ENTRIES / 10);
	ck_assert_uint_eq(list(directory), ENTRIES - ENTRIES / 10);
	lap("listed", ENTRIES - ENTRIES / 10);
	local_cache_release(&local);
	lap("closed", ENTRIES);
}
END_TEST

UNIT_MAIN("ns_large", a_million_entries_are_no_trouble)
