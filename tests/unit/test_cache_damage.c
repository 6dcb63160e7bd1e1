/* SPDX-License-Identifier: Apache-2.0 */
/* Rotten bytes that no pack has. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "cache/io.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define BYTES 100000

static struct local_cache local;
static struct cache_status status;
static uint8_t data[BYTES];
static uint8_t got[BYTES];

static uint64_t make_file(uint64_t parent, const char *name, uint32_t mode)
{
	struct ns_make what = { .mode = mode };
	struct attributes out;

	ck_assert_int_eq(ns_create(local.cache, parent, name, &what, &out), 0);
	return out.ino;
}

/* Flips a byte where the file's bytes lie in the first segment. */
static void rot(uint64_t place)
{
	char path[256];
	uint8_t byte;
	int fd;

	snprintf(path, sizeof(path), "%s/segments/0000000000000001.seg", local.directory);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)place), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)place), 1);
	close(fd);
}

static int read_all(uint64_t ino)
{
	size_t length;

	return io_read(local.cache, ino, NULL, 0, BYTES, 0, got, &length);
}

START_TEST(rotten_unsent_bytes_are_an_error_and_a_row_until_overwritten)
{
	int64_t before = clock_real_ns();
	uint64_t directory;
	uint64_t good;
	uint64_t bad;
	size_t length;

	local_cache_init(&local);
	noise_fill(1, data, BYTES);
	directory = make_file(ROOT_INO, "folder", S_IFDIR | 0755);
	bad = make_file(directory, "bad", S_IFREG | 0644);
	good = make_file(directory, "good", S_IFREG | 0644);
	ck_assert_int_eq(io_write(local.cache, bad, 0, data, BYTES), 0);
	ck_assert_int_eq(io_write(local.cache, good, 0, data, BYTES), 0);
	cache_status_get(local.cache, &status);
	ck_assert_uint_eq(status.damaged_count, 0);
	rot(BYTES / 2);
	ck_assert_int_eq(read_all(bad), -ERR_segment_corrupt);
	ck_assert_int_eq(err_to_errno(-ERR_segment_corrupt), EIO);
	ck_assert_int_eq(read_all(bad), -ERR_segment_corrupt);
	/* What is whole is still read, of this file as of others. */
	ck_assert_int_eq(io_read(local.cache, bad, NULL, 0, 4096, 0, got, &length), 0);
	ck_assert_mem_eq(got, data, 4096);
	ck_assert_int_eq(read_all(good), 0);
	cache_status_get(local.cache, &status);
	ck_assert_uint_eq(status.damaged_count, 1);
	ck_assert_str_eq(status.damaged[0].path, "/folder/bad");
	ck_assert_uint_eq(status.damaged[0].ino, bad);
	ck_assert_uint_eq(status.damaged[0].offset, 0);
	ck_assert_uint_eq(status.damaged[0].length, BYTES);
	ck_assert_int_ge(status.damaged[0].since_ns, before);
	ck_assert_int_le(status.damaged[0].since_ns, clock_real_ns());
	ck_assert_int_eq(io_write(local.cache, bad, 0, data, BYTES), 0);
	ck_assert_int_eq(read_all(bad), 0);
	cache_status_get(local.cache, &status);
	ck_assert_uint_eq(status.damaged_count, 0);
	local_cache_release(&local);
}
END_TEST

START_TEST(more_damage_than_the_table_holds_is_survived)
{
	unsigned int i;

	local_cache_init(&local);
	noise_fill(1, data, BYTES);
	for (i = 0; i < CACHE_DAMAGE_MAX + 5; i++) {
		char name[16];
		uint64_t ino;

		snprintf(name, sizeof(name), "%u", i);
		ino = make_file(ROOT_INO, name, S_IFREG | 0644);
		ck_assert_int_eq(io_write(local.cache, ino, 0, data, 4000), 0);
		rot((uint64_t)i * 4096 + 2000);
		if (read_all(ino))
			ck_assert_int_eq(ns_unlink(local.cache, ROOT_INO, i % 2 ? name : "none"),
					 i % 2 ? 0 : -ENOENT);
		if (i % 2)
			ns_forget(local.cache, ino);
	}
	cache_status_get(local.cache, &status);
	ck_assert_uint_gt(status.damaged_count, 0);
	ck_assert_uint_le(status.damaged_count, CACHE_DAMAGE_MAX);
	local_cache_release(&local);
}
END_TEST

UNIT_MAIN("damage", rotten_unsent_bytes_are_an_error_and_a_row_until_overwritten,
	  more_damage_than_the_table_holds_is_survived)
