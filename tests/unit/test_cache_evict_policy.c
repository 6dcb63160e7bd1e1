/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/evict_policy.h"
#include "tests/lib/unit.h"

#define CHUNK	 (1u << 20)
#define CAPACITY (640ull * CHUNK)
/* So much is read between two reads that count as two uses. */
#define APART (CAPACITY / 64 + CHUNK)
#define OTHER 1000000 /* a chunk that nobody asks about */

static struct evict_policy *policy;

static void begin(void)
{
	policy = evict_policy_new(CAPACITY, 4096);
}

static void end(void)
{
	evict_policy_free(policy);
}

static void let_time_pass(void)
{
	evict_policy_note_read(policy, OTHER, APART);
}

static void use(uint64_t chunk)
{
	let_time_pass();
	evict_policy_note_read(policy, chunk, CHUNK);
}

static void come(uint64_t chunk, enum evict_queue expected)
{
	ck_assert_int_eq(evict_policy_admit(policy, chunk), expected);
	evict_policy_note_read(policy, chunk, CHUNK);
}

static bool stays(uint64_t chunk, enum evict_queue queue)
{
	return evict_policy_judge(policy, chunk, CHUNK, queue);
}

START_TEST(what_is_read_once_goes)
{
	int i;

	begin();
	come(1, EVICT_PROBATION);
	/* In many parts, as one pass over a file does. */
	for (i = 0; i < 8; i++)
		evict_policy_note_read(policy, 1, CHUNK / 8);
	ck_assert(!evict_policy_is_used(policy, 1));
	ck_assert(!stays(1, EVICT_PROBATION));
	end();
}
END_TEST

START_TEST(what_is_used_again_stays)
{
	begin();
	come(1, EVICT_PROBATION);
	use(1);
	ck_assert(evict_policy_is_used(policy, 1));
	ck_assert(stays(1, EVICT_PROBATION));
	/* What is kept has to be used anew. */
	ck_assert(!stays(1, EVICT_KEPT));
	end();
}
END_TEST

START_TEST(what_was_written_here_needs_two_uses)
{
	begin();
	use(1);
	ck_assert(!evict_policy_is_used(policy, 1));
	use(1);
	ck_assert(evict_policy_is_used(policy, 1));
	end();
}
END_TEST

START_TEST(uses_are_worth_so_many_rounds)
{
	int i;

	begin();
	come(1, EVICT_PROBATION);
	for (i = 0; i < 10; i++)
		use(1);
	for (i = 0; i < EVICT_USES_MAX; i++)
		ck_assert(stays(1, EVICT_KEPT));
	ck_assert(!stays(1, EVICT_KEPT));
	end();
}
END_TEST

START_TEST(what_comes_back_soon_is_kept)
{
	begin();
	come(1, EVICT_PROBATION);
	ck_assert(!stays(1, EVICT_PROBATION));
	come(1, EVICT_KEPT);
	/* Once: it was remembered as gone, and it is here. */
	come(1, EVICT_PROBATION);
	end();
}
END_TEST

START_TEST(what_comes_back_late_is_new)
{
	uint64_t chunk;

	begin();
	come(1, EVICT_PROBATION);
	ck_assert(!stays(1, EVICT_PROBATION));
	for (chunk = 2; chunk < 2 + CAPACITY / CHUNK + 1; chunk++)
		ck_assert(!stays(chunk, EVICT_PROBATION));
	come(1, EVICT_PROBATION);
	end();
}
END_TEST

START_TEST(what_leaves_kept_is_not_remembered)
{
	begin();
	come(1, EVICT_PROBATION);
	ck_assert(!stays(1, EVICT_KEPT));
	come(1, EVICT_PROBATION);
	end();
}
END_TEST

START_TEST(what_could_not_be_kept_is_expected)
{
	begin();
	evict_policy_expect(policy, 1);
	come(1, EVICT_KEPT);
	end();
}
END_TEST

START_TEST(probation_goes_first_while_it_is_large)
{
	ck_assert_int_eq(evict_policy_next(0, 0), EVICT_PROBATION);
	ck_assert_int_eq(evict_policy_next(1000, 0), EVICT_PROBATION);
	ck_assert_int_eq(evict_policy_next(0, 1000), EVICT_KEPT);
	ck_assert_int_eq(evict_policy_next(100, 900), EVICT_KEPT);
	ck_assert_int_eq(evict_policy_next(200, 800), EVICT_PROBATION);
}
END_TEST

START_TEST(a_segment_full_of_used_chunks_stays_as_it_is)
{
	ck_assert(!evict_policy_requeues(1000, 0));
	ck_assert(!evict_policy_requeues(1000, 750));
	ck_assert(evict_policy_requeues(1000, 751));
}
END_TEST

/* However many chunks pass through, the last ones are known, and no more memory
 * is used (the sanitizers watch that the tables are not left). */
START_TEST(memory_is_bounded_and_the_newest_are_remembered)
{
	uint64_t chunk;
	unsigned int known = 0;

	begin();
	for (chunk = 1; chunk <= 1000000; chunk++)
		evict_policy_judge(policy, chunk, CHUNK / 64, EVICT_PROBATION);
	for (chunk = 1000000 - 999; chunk <= 1000000; chunk++)
		known += evict_policy_admit(policy, chunk) == EVICT_KEPT;
	ck_assert_uint_gt(known, 990);
	end();
}
END_TEST

/* Uses of what is hot come between the chunks of a scan that is ten times as
 * large as the cache. */
START_TEST(a_scan_leaves_nothing_behind)
{
	uint64_t hot;
	uint64_t cold;

	begin();
	for (hot = 1; hot <= 100; hot++)
		come(hot, EVICT_PROBATION);
	for (hot = 1; hot <= 100; hot++)
		use(hot);
	for (cold = 1000; cold < 1000 + 10 * CAPACITY / CHUNK; cold++) {
		come(cold, EVICT_PROBATION);
		ck_assert(!stays(cold, EVICT_PROBATION));
	}
	for (hot = 1; hot <= 100; hot++)
		ck_assert(stays(hot, EVICT_KEPT));
	end();
}
END_TEST

UNIT_MAIN("cache_evict_policy", what_is_read_once_goes, what_is_used_again_stays,
	  what_was_written_here_needs_two_uses, uses_are_worth_so_many_rounds,
	  what_comes_back_soon_is_kept, what_comes_back_late_is_new,
	  what_leaves_kept_is_not_remembered, what_could_not_be_kept_is_expected,
	  probation_goes_first_while_it_is_large, a_segment_full_of_used_chunks_stays_as_it_is,
	  memory_is_bounded_and_the_newest_are_remembered, a_scan_leaves_nothing_behind)
