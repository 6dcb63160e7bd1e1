/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fetch_queue.h"
#include "tests/lib/unit.h"

#define JOBS 4

static struct fetch_queue queue;
static struct fetch_job jobs[JOBS];
static const int owners[2];

static void begin(unsigned int ahead_max)
{
	unsigned int i;

	fetch_queue_init(&queue, ahead_max);
	for (i = 0; i < JOBS; i++) {
		jobs[i] = (struct fetch_job){ .count = 2 };
		jobs[i].targets[0].row.raw_length = 100;
		jobs[i].targets[1].row.raw_length = 10;
	}
}

START_TEST(who_waits_goes_before_guesses)
{
	begin(JOBS);
	fetch_queue_add(&queue, &jobs[0], true, &owners[0]);
	fetch_queue_add(&queue, &jobs[1], true, &owners[0]);
	fetch_queue_add(&queue, &jobs[2], false, NULL);
	fetch_queue_add(&queue, &jobs[3], false, NULL);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[2]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[3]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[0]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[1]);
	ck_assert_ptr_null(fetch_queue_take(&queue));
}
END_TEST

START_TEST(guesses_do_not_take_all_threads)
{
	begin(1);
	fetch_queue_add(&queue, &jobs[0], true, &owners[0]);
	fetch_queue_add(&queue, &jobs[1], true, &owners[0]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[0]);
	ck_assert_ptr_null(fetch_queue_take(&queue));
	fetch_queue_add(&queue, &jobs[2], false, NULL);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[2]);
	fetch_queue_done(&queue, &jobs[2]);
	ck_assert_ptr_null(fetch_queue_take(&queue));
	fetch_queue_done(&queue, &jobs[0]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[1]);
}
END_TEST

START_TEST(a_guess_that_is_waited_for_is_none_any_more)
{
	begin(1);
	fetch_queue_add(&queue, &jobs[0], true, &owners[0]);
	fetch_queue_add(&queue, &jobs[1], true, &owners[0]);
	fetch_queue_add(&queue, &jobs[2], true, &owners[0]);
	ck_assert_uint_eq(queue.ahead_bytes, 330);
	fetch_queue_hurry(&queue, &jobs[2]);
	fetch_queue_hurry(&queue, &jobs[1]);
	fetch_queue_hurry(&queue, &jobs[1]);
	ck_assert_uint_eq(queue.ahead_bytes, 110);
	ck_assert_ptr_eq(fetch_queue_cancel(&queue, &owners[0]), &jobs[0]);
	ck_assert_ptr_null(fetch_queue_cancel(&queue, &owners[0]));
	fetch_queue_add(&queue, &jobs[3], true, &owners[0]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[2]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[1]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[3]);
	fetch_queue_hurry(&queue, &jobs[3]); /* too late, which does no harm */
	fetch_queue_done(&queue, &jobs[3]);
	fetch_queue_done(&queue, &jobs[2]);
	ck_assert_uint_eq(queue.ahead_bytes, 0);
	ck_assert_uint_eq(queue.ahead_running, 0);
}
END_TEST

START_TEST(an_owner_cancels_its_own_guesses)
{
	begin(JOBS);
	fetch_queue_add(&queue, &jobs[0], true, &owners[0]);
	fetch_queue_add(&queue, &jobs[1], true, &owners[1]);
	fetch_queue_add(&queue, &jobs[2], true, &owners[0]);
	ck_assert_ptr_eq(fetch_queue_cancel(&queue, &owners[0]), &jobs[0]);
	ck_assert_ptr_eq(fetch_queue_cancel(&queue, &owners[0]), &jobs[2]);
	ck_assert_ptr_null(fetch_queue_cancel(&queue, &owners[0]));
	ck_assert_uint_eq(queue.ahead_bytes, 110);
	fetch_queue_add(&queue, &jobs[3], true, &owners[0]);
	ck_assert_ptr_eq(fetch_queue_take(&queue), &jobs[1]);
	ck_assert_ptr_eq(fetch_queue_cancel(&queue, NULL), &jobs[3]);
	ck_assert_ptr_null(fetch_queue_cancel(&queue, NULL));
}
END_TEST

UNIT_MAIN("cache_fetch_queue", who_waits_goes_before_guesses, guesses_do_not_take_all_threads,
	  a_guess_that_is_waited_for_is_none_any_more, an_owner_cancels_its_own_guesses)
