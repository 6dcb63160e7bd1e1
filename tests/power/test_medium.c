/* SPDX-License-Identifier: Apache-2.0 */
/* The disk with a volatile write cache does to writes what it says. */
#include "tests/power/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"
#include "tests/power/failures.h"
#include "tests/power/subset.h"

#define PAGE   4096
#define PAGES  64
#define SEEDS  200
#define SECTOR ((size_t)SECTOR_BYTES)

static char *directory;
static char *image;
static char *state;
static struct medium medium;
static uint8_t page[PAGE];

static void begin(void)
{
	int fd;

	directory = scratch_make();
	image = xasprintf("%s/image", directory);
	state = xasprintf("%s/state", directory);
	fd = open(image, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, PAGES * PAGE), 0);
	close(fd);
	ck_assert_int_eq(medium_open(&medium, image), 0);
}

static void end(void)
{
	medium_close(&medium);
	scratch_remove(directory);
	free(image);
	free(state);
}

static void write_page(unsigned int number, uint8_t value)
{
	memset(page, value, sizeof(page));
	ck_assert_int_eq(medium_write(&medium, page, PAGE, (off_t)number * PAGE), PAGE);
}

/* How many sectors of the page hold the value after a cut. */
static size_t sectors_after_cut(uint64_t seed, unsigned int number, uint8_t value)
{
	size_t count = 0;
	size_t i;
	int fd;

	ck_assert_int_eq(medium_cut(&medium, state, seed), 0);
	fd = open(state, O_RDONLY);
	ck_assert_int_eq(pread(fd, page, PAGE, (off_t)number * PAGE), PAGE);
	close(fd);
	for (i = 0; i < PAGE; i += SECTOR) {
		size_t same = 0;

		while (same < SECTOR && page[i + same] == value)
			same++;
		ck_assert(same == 0 || same == SECTOR);
		count += same == SECTOR;
	}
	return count;
}

START_TEST(what_was_flushed_is_in_every_state)
{
	uint64_t seed;

	begin();
	write_page(3, 1);
	ck_assert_int_eq(medium_flush(&medium), 0);
	write_page(4, 1);
	for (seed = 0; seed < SEEDS; seed++)
		ck_assert_uint_eq(sectors_after_cut(seed, 3, 1), PAGE / SECTOR);
	end();
}
END_TEST

START_TEST(what_was_not_flushed_is_there_or_not_or_torn)
{
	unsigned int none = 0, all = 0, torn = 0;
	uint64_t seed;

	begin();
	write_page(3, 1);
	for (seed = 0; seed < SEEDS; seed++) {
		size_t sectors = sectors_after_cut(seed, 3, 1);

		none += sectors == 0;
		all += sectors == PAGE / SECTOR;
		torn += sectors > 0 && sectors < PAGE / SECTOR;
	}
	ck_assert_uint_gt(none, SEEDS / 10);
	ck_assert_uint_gt(all, SEEDS / 10);
	ck_assert_uint_gt(torn, 0);
	end();
}
END_TEST

START_TEST(writes_are_lost_each_for_itself)
{
	unsigned int later_alone = 0;
	uint64_t seed;

	begin();
	write_page(3, 1);
	write_page(4, 1);
	for (seed = 0; seed < SEEDS; seed++)
		later_alone += !sectors_after_cut(seed, 3, 1) && sectors_after_cut(seed, 4, 1);
	ck_assert_uint_gt(later_alone, 0);
	end();
}
END_TEST

START_TEST(a_state_is_the_same_for_the_same_seed)
{
	uint64_t seed;

	begin();
	write_page(3, 1);
	for (seed = 0; seed < SEEDS; seed++)
		ck_assert_uint_eq(sectors_after_cut(seed, 3, 1), sectors_after_cut(seed, 3, 1));
	end();
}
END_TEST

START_TEST(a_reader_sees_what_was_written_last)
{
	begin();
	write_page(3, 1);
	write_page(3, 2);
	memset(page, 0, sizeof(page));
	ck_assert_int_eq(medium_read(&medium, page, PAGE, 3 * PAGE), PAGE);
	ck_assert_uint_eq(page[0], 2);
	ck_assert_uint_eq(page[PAGE - 1], 2);
	end();
}
END_TEST

START_TEST(as_many_operations_fail_as_were_ordered)
{
	struct failures failures = { 0 };

	failures_set(&failures, DISK_WRITE, 2, EIO);
	ck_assert_int_eq(failures_next(&failures, DISK_READ), 0);
	ck_assert_int_eq(failures_next(&failures, DISK_WRITE), -EIO);
	ck_assert_int_eq(failures_next(&failures, DISK_WRITE), -EIO);
	ck_assert_int_eq(failures_next(&failures, DISK_WRITE), 0);
	failures_set(&failures, DISK_FLUSH, -1, ENOSPC);
	ck_assert_int_eq(failures_next(&failures, DISK_FLUSH), -ENOSPC);
	ck_assert_int_eq(failures_next(&failures, DISK_FLUSH), -ENOSPC);
	ck_assert_uint_eq(failures.ops[DISK_FLUSH].failed_total, 2);
}
END_TEST

UNIT_MAIN("medium", what_was_flushed_is_in_every_state,
	  what_was_not_flushed_is_there_or_not_or_torn, writes_are_lost_each_for_itself,
	  a_state_is_the_same_for_the_same_seed, a_reader_sees_what_was_written_last,
	  as_many_operations_fail_as_were_ordered)
