/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/cloud_wait.h"
#include "tests/lib/unit.h"

static struct cloud_waits waits;

static int state(const struct cloud_wait *wait)
{
	return cloud_wait_state(&waits, wait);
}

static void note(uint64_t cut_lsn, const struct content_left *left, size_t count)
{
	cloud_waits_note(&waits, cut_lsn, left, count, "the bytes are damaged");
}

START_TEST(a_wait_is_over_when_a_commit_behind_it_carried_its_files)
{
	const uint64_t inos[] = { 3, 5, 7 };
	const struct content_left all[] = {
		{ 3, false }, { 4, false }, { 5, false }, { 7, false }
	};
	const struct content_left some[] = { { 4, false }, { 7, false } };
	const struct content_left later[] = { { 3, false }, { 4, false }, { 5, false } };
	struct cloud_wait wait;

	cloud_waits_init(&waits);
	cloud_wait_begin(&waits, &wait, 100, false, inos, 3);
	note(99, NULL, 0); /* it began behind this cut */
	ck_assert_int_eq(state(&wait), -EINPROGRESS);
	note(100, all, 4);
	ck_assert_int_eq(state(&wait), -EINPROGRESS);
	note(120, some, 2);
	ck_assert_int_eq(state(&wait), -EINPROGRESS);
	/* What was carried once is not waited for again. */
	note(140, later, 3);
	ck_assert_int_eq(state(&wait), 0);
	ck_assert(!cloud_waits_any(&waits));
	cloud_wait_end(&waits, &wait);
	cloud_waits_release(&waits);
}
END_TEST

START_TEST(a_wait_for_all_is_for_what_the_first_commit_left_out)
{
	const struct content_left first[] = { { 4, false }, { 7, false } };
	const struct content_left second[] = { { 4, false }, { 9, false } };
	const struct content_left third[] = { { 7, false }, { 9, false } };
	struct cloud_wait wait;

	cloud_waits_init(&waits);
	cloud_wait_begin(&waits, &wait, 100, true, NULL, 0);
	note(100, first, 2);
	ck_assert_int_eq(state(&wait), -EINPROGRESS);
	note(110, second, 2);
	ck_assert_int_eq(state(&wait), -EINPROGRESS);
	note(120, third, 2);
	ck_assert_int_eq(state(&wait), 0);
	cloud_wait_end(&waits, &wait);
	cloud_wait_begin(&waits, &wait, 130, true, NULL, 0);
	note(130, NULL, 0);
	ck_assert_int_eq(state(&wait), 0);
	cloud_wait_end(&waits, &wait);
	cloud_waits_release(&waits);
}
END_TEST

START_TEST(a_wait_without_files_is_for_names)
{
	const struct content_left left[] = { { 4, true } };
	struct cloud_wait wait;

	cloud_waits_init(&waits);
	cloud_wait_begin(&waits, &wait, 100, false, NULL, 0);
	ck_assert(cloud_waits_any(&waits));
	note(99, left, 1);
	ck_assert_int_eq(state(&wait), -EINPROGRESS);
	note(101, left, 1);
	ck_assert_int_eq(state(&wait), 0);
	cloud_wait_end(&waits, &wait);
	cloud_waits_release(&waits);
}
END_TEST

START_TEST(only_those_who_wait_for_a_damaged_file_are_told)
{
	const uint64_t bad[] = { 4, 5 };
	const uint64_t good[] = { 5 };
	const struct content_left left[] = { { 4, true }, { 5, false } };
	struct cloud_wait of_bad;
	struct cloud_wait of_good;
	struct cloud_wait of_all;

	cloud_waits_init(&waits);
	cloud_wait_begin(&waits, &of_bad, 1, false, bad, 2);
	cloud_wait_begin(&waits, &of_good, 1, false, good, 1);
	cloud_wait_begin(&waits, &of_all, 1, true, NULL, 0);
	note(1, left, 2);
	ck_assert_int_eq(state(&of_bad), -ERR_segment_corrupt);
	ck_assert_str_eq(err_message(-ERR_segment_corrupt), "the bytes are damaged");
	ck_assert_int_eq(state(&of_all), -ERR_segment_corrupt);
	ck_assert_int_eq(state(&of_good), -EINPROGRESS);
	cloud_wait_end(&waits, &of_good);
	cloud_wait_end(&waits, &of_bad);
	cloud_wait_end(&waits, &of_all);
	cloud_waits_release(&waits);
}
END_TEST

START_TEST(when_no_commit_will_come_all_are_told_why)
{
	const uint64_t inos[] = { 4 };
	struct cloud_wait before;
	struct cloud_wait after;

	cloud_waits_init(&waits);
	cloud_wait_begin(&waits, &before, 1, false, inos, 1);
	cloud_waits_fail(&waits, -ERR_fenced, "another gateway");
	cloud_wait_begin(&waits, &after, 1, true, NULL, 0);
	ck_assert_int_eq(state(&before), -ERR_fenced);
	ck_assert_int_eq(state(&after), -ERR_fenced);
	ck_assert_str_eq(err_message(-ERR_fenced), "another gateway");
	cloud_wait_sleep(&waits, &after, INT64_MAX); /* returns at once */
	cloud_wait_end(&waits, &before);
	cloud_wait_end(&waits, &after);
	cloud_waits_release(&waits);
}
END_TEST

START_TEST(what_is_wanted_is_what_is_still_waited_for)
{
	const uint64_t one[] = { 3, 9 };
	const uint64_t two[] = { 4, 9 };
	const struct content_left left[] = { { 9, false } };
	struct cloud_wait first;
	struct cloud_wait second;
	struct wanted_set set;

	cloud_waits_init(&waits);
	cloud_waits_wanted(&waits, &set);
	ck_assert(!set.any && !wanted_set_has(&set, 3));
	cloud_wait_begin(&waits, &first, 1, false, one, 2);
	cloud_wait_begin(&waits, &second, 2, false, two, 2);
	cloud_waits_wanted(&waits, &set);
	ck_assert(set.any && !set.all);
	ck_assert(wanted_set_has(&set, 3) && wanted_set_has(&set, 4) && wanted_set_has(&set, 9));
	ck_assert(!wanted_set_has(&set, 5));
	wanted_set_release(&set);
	note(1, left, 1);
	cloud_waits_wanted(&waits, &set);
	ck_assert(!wanted_set_has(&set, 3) && wanted_set_has(&set, 4) && wanted_set_has(&set, 9));
	wanted_set_release(&set);
	cloud_wait_end(&waits, &first);
	cloud_wait_end(&waits, &second);
	cloud_waits_release(&waits);
}
END_TEST

UNIT_MAIN("cloud_wait", a_wait_is_over_when_a_commit_behind_it_carried_its_files,
	  a_wait_for_all_is_for_what_the_first_commit_left_out, a_wait_without_files_is_for_names,
	  only_those_who_wait_for_a_damaged_file_are_told,
	  when_no_commit_will_come_all_are_told_why, what_is_wanted_is_what_is_still_waited_for)
