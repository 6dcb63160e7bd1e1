/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fragments.h"
#include "tests/lib/unit.h"

#define REGION FRAGMENTS_REGION_BYTES
#define COLD   1000

/* An extent of `count` references of the same length, to chunks from first on. */
static struct extent make_extent(uint64_t offset, uint32_t length, uint64_t first,
				 unsigned int count)
{
	struct extent extent = { .offset = offset,
				 .end = offset + length,
				 .row = { .length = length, .refs_count = (uint8_t)count } };
	unsigned int i;

	for (i = 0; i < count; i++)
		extent.row.refs[i] =
			(struct extent_ref){ .chunk = first + i, .length = length / count };
	return extent;
}

static struct fragments fragments;

static void add(uint64_t offset, uint32_t length, uint64_t first, unsigned int count)
{
	struct extent extent = make_extent(offset, length, first, count);

	fragments_add(&fragments, &extent, REGION, 2 * REGION);
}

START_TEST(only_what_lies_in_the_region_counts)
{
	fragments = (struct fragments){ 0 };
	add(0, 4 * REGION, 10, 16);
	ck_assert_uint_eq(fragments.count, 4);
	ck_assert_uint_eq(fragments.chunks[0], 14);
	ck_assert_uint_eq(fragments.newest, 17);
	ck_assert(!fragments_may_be(&fragments, COLD));
}
END_TEST

START_TEST(many_chunks_that_are_cold_and_stored_may_be_fragments)
{
	unsigned int i;

	fragments = (struct fragments){ 0 };
	for (i = 0; i < FRAGMENTS_PACKS_MAX; i++)
		add(REGION + i * 8192, 8192, 10 + i, 1);
	ck_assert(!fragments_may_be(&fragments, COLD));
	add(REGION + i * 8192, 8192, 10, 1); /* one that was there */
	ck_assert(!fragments_may_be(&fragments, COLD));
	add(REGION + (i + 1) * 8192, 8192, 10 + i, 1);
	ck_assert(fragments_may_be(&fragments, COLD));
	ck_assert(!fragments_may_be(&fragments, 10 + i)); /* too new */
	ck_assert(fragments_may_be(&fragments, 10 + i + 1));
	add(REGION + (i + 2) * 8192, 8192, 10, 0); /* not uploaded */
	ck_assert(!fragments_may_be(&fragments, COLD));
}
END_TEST

START_TEST(more_chunks_than_are_told_apart_do_no_harm)
{
	unsigned int i;

	fragments = (struct fragments){ 0 };
	for (i = 0; i < 256; i++)
		add(REGION + i * 4096, 4096, 10 + i, 1);
	ck_assert_uint_eq(fragments.count, FRAGMENTS_CHUNKS_MAX);
	ck_assert_uint_eq(fragments.newest, 10 + 255);
	ck_assert(fragments_may_be(&fragments, COLD));
}
END_TEST

START_TEST(packs_are_counted_once)
{
	uint64_t packs[FRAGMENTS_CHUNKS_MAX];
	unsigned int i;

	for (i = 0; i < FRAGMENTS_CHUNKS_MAX; i++)
		packs[i] = i % FRAGMENTS_PACKS_MAX;
	ck_assert(!fragments_are(packs, FRAGMENTS_CHUNKS_MAX));
	packs[FRAGMENTS_CHUNKS_MAX - 1] = 99;
	ck_assert(fragments_are(packs, FRAGMENTS_CHUNKS_MAX));
}
END_TEST

UNIT_MAIN("cache_fragments", only_what_lies_in_the_region_counts,
	  many_chunks_that_are_cold_and_stored_may_be_fragments,
	  more_chunks_than_are_told_apart_do_no_harm, packs_are_counted_once)
