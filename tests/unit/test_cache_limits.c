/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cache/limits.h"
#include "tests/lib/unit.h"

#define GIB (1ull << 30)

static struct limits make(uint64_t cache, uint64_t dirty, uint64_t min_free,
			  enum full_policy on_full)
{
	const struct limits_conf conf = { cache, dirty, min_free, on_full };
	struct limits limits;

	limits_init(&limits, &conf);
	return limits;
}

START_TEST(dirty_bytes_leave_a_reserve)
{
	struct limits limits = make(100 * GIB, 0, 0, FULL_BLOCK);

	ck_assert_uint_eq(limits_dirty_bytes(&limits), 100 * GIB / 100 * 80);
	limits = make(100 * GIB, 90 * GIB, 0, FULL_BLOCK);
	ck_assert_uint_eq(limits_dirty_bytes(&limits), 100 * GIB / 100 * 80);
	limits = make(100 * GIB, 5 * GIB, 0, FULL_BLOCK);
	ck_assert_uint_eq(limits_dirty_bytes(&limits), 5 * GIB);
}
END_TEST

START_TEST(a_disk_that_others_fill_makes_the_cache_smaller)
{
	struct limits limits = make(100 * GIB, 0, 10 * GIB, FULL_BLOCK);

	limits_note_disk(&limits, 200 * GIB, 150 * GIB, 20 * GIB);
	ck_assert_uint_eq(limits_cache_bytes(&limits), 100 * GIB);
	limits_note_disk(&limits, 200 * GIB, 50 * GIB, 20 * GIB);
	ck_assert_uint_eq(limits_cache_bytes(&limits), 60 * GIB);
	ck_assert_uint_eq(limits_dirty_bytes(&limits), 60 * GIB / 100 * 80);
	limits_note_disk(&limits, 200 * GIB, 4 * GIB, 20 * GIB);
	ck_assert_uint_eq(limits_cache_bytes(&limits), 14 * GIB);
	limits_note_disk(&limits, 200 * GIB, 4 * GIB, 1 * GIB);
	ck_assert_uint_eq(limits_cache_bytes(&limits), 0);
	limits_note_disk(&limits, 200 * GIB, 150 * GIB, 20 * GIB);
	ck_assert_uint_eq(limits_cache_bytes(&limits), 100 * GIB);
}
END_TEST

START_TEST(without_a_word_a_share_of_the_disk_stays_free)
{
	struct limits limits = make(100 * GIB, 0, 0, FULL_BLOCK);

	ck_assert_uint_eq(limits_min_free_default(GIB / 100 * 100), GIB / 100 * 5);
	ck_assert_uint_eq(limits_min_free_default(1000 * GIB), GIB);
	limits_note_disk(&limits, 1000 * GIB, 2 * GIB, 1 * GIB);
	ck_assert_uint_eq(limits_cache_bytes(&limits), 2 * GIB);
}
END_TEST

START_TEST(what_is_asked_for_can_change)
{
	struct limits limits = make(100 * GIB, 0, 0, FULL_BLOCK);
	struct limits_conf conf;

	limits_get(&limits, &conf);
	ck_assert_uint_eq(conf.cache_bytes, 100 * GIB);
	conf.cache_bytes = 50 * GIB;
	conf.on_full = FULL_ENOSPC;
	limits_set(&limits, &conf);
	ck_assert_uint_eq(limits_cache_bytes(&limits), 50 * GIB);
	ck_assert_int_eq(limits_on_full(&limits), FULL_ENOSPC);
}
END_TEST

START_TEST(refusals_follow_the_policy)
{
	struct limits limits = make(100 * GIB, 10 * GIB, 0, FULL_BLOCK);

	ck_assert_int_eq(limits_refuse(&limits, 20 * GIB, false), 0);
	limits = make(100 * GIB, 10 * GIB, 0, FULL_ENOSPC);
	ck_assert_int_eq(limits_refuse(&limits, 10 * GIB - 1, false), 0);
	ck_assert_int_eq(limits_refuse(&limits, 10 * GIB, false), -ENOSPC);
	ck_assert_int_eq(limits_refuse(&limits, 9 * GIB + 100, true), -ENOSPC);
	ck_assert_int_eq(limits_refuse(&limits, 8 * GIB, true), 0);
	limits = make(100 * GIB, 10 * GIB, 0, FULL_READONLY);
	ck_assert_int_eq(limits_refuse(&limits, 10 * GIB, false), -EROFS);
}
END_TEST

UNIT_MAIN("limits", dirty_bytes_leave_a_reserve, a_disk_that_others_fill_makes_the_cache_smaller,
	  without_a_word_a_share_of_the_disk_stays_free, what_is_asked_for_can_change,
	  refusals_follow_the_policy)
