/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cache/dedup_map.h"
#include "tests/lib/unit.h"

static struct dedup_note note_of(uint64_t number)
{
	struct dedup_note note = { .place = { .chunk = number, .length = 1 } };

	note.digest = seal_digest(seal_null(), &number, sizeof(number));
	return note;
}

START_TEST(digests_are_found_again_however_many_there_are)
{
	struct dedup_map map = { 0 };
	struct dedup_note note;
	uint64_t i;

	note = note_of(1);
	ck_assert_ptr_null(dedup_map_find(&map, &note.digest));
	for (i = 0; i < 5000; i++) {
		note = note_of(i);
		ck_assert_ptr_null(dedup_map_find(&map, &note.digest));
		dedup_map_add(&map, &note);
	}
	for (i = 0; i < 5000; i++) {
		note = note_of(i);
		ck_assert_ptr_nonnull(dedup_map_find(&map, &note.digest));
		ck_assert_uint_eq(dedup_map_find(&map, &note.digest)->chunk, i);
	}
	dedup_map_release(&map);
}
END_TEST

/* The first bytes decide where a digest lies. */
START_TEST(digests_that_begin_alike_are_told_apart)
{
	struct dedup_map map = { 0 };
	struct dedup_note one = note_of(1);
	struct dedup_note two = note_of(2);

	memcpy(two.digest.bytes, one.digest.bytes, 8);
	dedup_map_add(&map, &one);
	ck_assert_ptr_null(dedup_map_find(&map, &two.digest));
	dedup_map_add(&map, &two);
	ck_assert_uint_eq(dedup_map_find(&map, &one.digest)->chunk, 1);
	ck_assert_uint_eq(dedup_map_find(&map, &two.digest)->chunk, 2);
	dedup_map_release(&map);
}
END_TEST

UNIT_MAIN("dedup_map", digests_are_found_again_however_many_there_are,
	  digests_that_begin_alike_are_told_apart)
