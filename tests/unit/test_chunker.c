/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/crc32c.h"
#include "backend/chunker.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define MIB	    ((size_t)1 << 20)
#define NOISE_BYTES (16 * MIB)
#define CUTS_MAX    8192

/* Small sizes, so that a little noise has many chunks. */
static const struct chunker_conf small = { 2048, 8192, 32768 };

struct cuts {
	size_t count;
	size_t ends[CUTS_MAX];
};

/* All cuts of the bytes, as a caller makes them that holds size_max bytes. */
static void cut_all(const struct chunker_conf *conf, const uint8_t *bytes, size_t length,
		    struct cuts *cuts)
{
	size_t at = 0;

	cuts->count = 0;
	while (at < length) {
		size_t window = length - at < conf->size_max ? length - at : conf->size_max;

		at += chunker_cut(conf, bytes + at, window);
		ck_assert_uint_lt(cuts->count, CUTS_MAX);
		cuts->ends[cuts->count++] = at;
	}
}

static size_t common_chunks(const struct cuts *a, const struct cuts *b, size_t shift)
{
	size_t common = 0;
	size_t i, j = 0;

	for (i = 0; i < a->count; i++) {
		while (j < b->count && b->ends[j] < a->ends[i] + shift)
			j++;
		common += j < b->count && b->ends[j] == a->ends[i] + shift;
	}
	return common;
}

START_TEST(sizes_stay_within_their_bounds_and_near_the_average)
{
	uint8_t *bytes = xmalloc(NOISE_BYTES);
	struct cuts cuts;
	size_t previous = 0;
	size_t i;

	noise_fill(1, bytes, NOISE_BYTES);
	cut_all(&small, bytes, NOISE_BYTES, &cuts);
	for (i = 0; i < cuts.count; i++) {
		size_t length = cuts.ends[i] - previous;

		ck_assert_uint_le(length, small.size_max);
		if (i + 1 < cuts.count)
			ck_assert_uint_gt(length, small.size_min);
		previous = cuts.ends[i];
	}
	ck_assert_uint_eq(previous, NOISE_BYTES);
	/* measured means of FastCDC with this normalization: 1.0 to 1.3 averages */
	ck_assert_uint_gt(NOISE_BYTES / cuts.count, small.size_average * 9 / 10);
	ck_assert_uint_lt(NOISE_BYTES / cuts.count, small.size_average * 14 / 10);
	free(bytes);
}
END_TEST

START_TEST(cutting_goes_on_at_any_cut_as_in_one_pass)
{
	uint8_t *bytes = xmalloc(NOISE_BYTES);
	struct cuts whole;
	struct cuts rest;
	size_t middle;

	noise_text(2, bytes, NOISE_BYTES);
	cut_all(&small, bytes, NOISE_BYTES, &whole);
	middle = whole.ends[whole.count / 2 - 1];
	cut_all(&small, bytes + middle, NOISE_BYTES - middle, &rest);
	ck_assert_uint_eq(whole.count - whole.count / 2, rest.count);
	ck_assert_uint_eq(common_chunks(&rest, &whole, middle), rest.count);
	free(bytes);
}
END_TEST

START_TEST(more_bytes_than_size_max_do_not_move_the_cut)
{
	uint8_t *bytes = xmalloc(4 * MIB);

	noise_fill(3, bytes, 4 * MIB);
	ck_assert_uint_eq(chunker_cut(&small, bytes, small.size_max),
			  chunker_cut(&small, bytes, 4 * MIB));
	free(bytes);
}
END_TEST

START_TEST(an_insertion_moves_only_the_cuts_around_it)
{
	uint8_t *bytes = xmalloc(NOISE_BYTES + 5);
	struct cuts before;
	struct cuts after;

	noise_fill(4, bytes, NOISE_BYTES);
	cut_all(&small, bytes, NOISE_BYTES, &before);
	memmove(bytes + 100005, bytes + 100000, NOISE_BYTES - 100000);
	memcpy(bytes + 100000, "hello", 5);
	cut_all(&small, bytes, NOISE_BYTES + 5, &after);
	/* behind the insertion all, but those until the cuts meet again */
	ck_assert_uint_ge(common_chunks(&before, &after, 5) + 20, before.count);
	free(bytes);
}
END_TEST

START_TEST(short_and_constant_runs_end_where_they_must)
{
	uint8_t *zeros = xcalloc(1, 2 * small.size_max);

	ck_assert_uint_eq(chunker_cut(&small, zeros, 0), 0);
	ck_assert_uint_eq(chunker_cut(&small, zeros, 1), 1);
	ck_assert_uint_eq(chunker_cut(&small, zeros, small.size_min), small.size_min);
	ck_assert_uint_eq(chunker_cut(&small, zeros, 2 * small.size_max), small.size_max);
	free(zeros);
}
END_TEST

/* The cuts are part of the format: the same data on another machine, or after
 * an upgrade, must become the same chunks. */
START_TEST(the_cuts_of_known_bytes_never_change)
{
	static const struct chunker_conf defaults = { CHUNKER_SIZE_MIN_DEFAULT,
						      CHUNKER_SIZE_AVERAGE_DEFAULT,
						      CHUNKER_SIZE_MAX_DEFAULT };
	uint8_t *bytes = xmalloc(NOISE_BYTES);
	struct cuts cuts;

	noise_fill(5, bytes, NOISE_BYTES);
	ck_assert_uint_eq(crc32c(0, bytes, NOISE_BYTES), 862607262);
	cut_all(&defaults, bytes, NOISE_BYTES, &cuts);
	ck_assert_uint_eq(cuts.count, 17);
	ck_assert_uint_eq(cuts.ends[0], 652546);
	cut_all(&small, bytes, NOISE_BYTES, &cuts);
	ck_assert_uint_eq(cuts.count, 1786);
	ck_assert_uint_eq(cuts.ends[0], 9082);
	ck_assert_uint_eq(cuts.ends[cuts.count / 2], 8387432);
	free(bytes);
}
END_TEST

START_TEST(bad_sizes_are_refused)
{
	static const struct chunker_conf bad[] = {
		{ 0, 8192, 32768 },	   { 63, 8192, 32768 },	 { 8192, 8192, 32768 },
		{ 2048, 8191, 32768 },	   { 2048, 8192, 8192 }, { 2048, 0, 32768 },
		{ 2048, 8192, 128 * MIB },
	};
	size_t i;

	ck_assert(chunker_conf_valid(&small));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!chunker_conf_valid(&bad[i]), "case %zu", i);
}
END_TEST

UNIT_MAIN("chunker", sizes_stay_within_their_bounds_and_near_the_average,
	  cutting_goes_on_at_any_cut_as_in_one_pass, more_bytes_than_size_max_do_not_move_the_cut,
	  an_insertion_moves_only_the_cuts_around_it, short_and_constant_runs_end_where_they_must,
	  the_cuts_of_known_bytes_never_change, bad_sizes_are_refused)
