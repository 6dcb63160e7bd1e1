/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "backend/store_fault.h"
#include "backend/store_mem.h"
#include "backend/store_unconditional.h"
#include "cache/cache_int.h"
#include "cache/fence.h"
#include "cache/fence_wait.h"
#include "cache/writer_format.h"
#include "tests/lib/unit.h"

#define BUCKET	 "fence"
#define TTL_NS	 (60 * NS_PER_MS)
#define LONG_TTL (3600 * NS_PER_SECOND)

/* A cache as the fence sees it. */
static struct cache *cache_make(const struct id *cache_id)
{
	struct cache *cache = xcalloc(1, sizeof(*cache));

	cache->directory = xstrdup("/var/cache/dray/test");
	cache->url = xstrdup("mem://" BUCKET);
	cache->store = store_mem_open(BUCKET);
	cache->cache_id = cache_id ? *cache_id : id_new();
	cache->conf.lease_ttl_ns = TTL_NS;
	cache_init_locks(cache);
	atomic_store(&cache->state, CACHE_STATE_SERVING);
	return cache;
}

static void cache_drop(struct cache *cache)
{
	store_free(cache->store);
	cache_destroy_locks(cache);
	free(cache->directory);
	free(cache->url);
	free(cache);
}

static struct fence *must_open(struct cache *cache)
{
	struct fence *fence = NULL;
	int result = fence_open(cache, &fence);

	ck_assert_msg(!result, "%s", err_message(result));
	return fence;
}

START_TEST(every_mount_of_a_cache_claims_the_next_epoch_at_once)
{
	struct cache *cache = cache_make(NULL);
	struct fence *fence;

	cache->conf.lease_ttl_ns = LONG_TTL;
	fence = must_open(cache);
	ck_assert_uint_eq(fence_epoch(fence), 1);
	ck_assert_int_eq(fence_verify(fence), 0);
	fence_close(fence, false);
	fence = must_open(cache);
	ck_assert_uint_eq(fence_epoch(fence), 2);
	fence_close(fence, false);
	cache_drop(cache);
}
END_TEST

START_TEST(another_cache_is_refused_while_the_lease_is_renewed)
{
	struct cache *one = cache_make(NULL);
	struct cache *two = cache_make(NULL);
	struct fence *first = must_open(one);
	struct fence *second;
	char host[WRITER_HOST_SIZE] = "";

	gethostname(host, sizeof(host) - 1);
	two->conf.lease_ttl_ns = LONG_TTL;
	ck_assert_int_eq(fence_open(two, &second), -ERR_volume_in_use);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_volume_in_use), host));
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_volume_in_use), "--takeover"));
	fence_close(first, true);
	cache_drop(one);
	cache_drop(two);
}
END_TEST

static void count_progress(const char *what, uint64_t done, uint64_t total, void *arg)
{
	ck_assert_ptr_nonnull(strstr(what, "waiting for the lease of"));
	ck_assert_uint_le(done, total);
	++*(unsigned int *)arg;
}

START_TEST(a_lease_that_stands_still_for_its_time_is_taken)
{
	struct cache *one = cache_make(NULL);
	struct cache *two = cache_make(NULL);
	struct fence *first = must_open(one);
	struct fence *second;
	unsigned int reports = 0;
	int64_t start;

	fence_close(first, false);
	two->conf.progress = count_progress;
	two->conf.progress_arg = &reports;
	start = clock_boot_ns();
	second = must_open(two);
	ck_assert_int_ge(clock_boot_ns() - start, TTL_NS);
	ck_assert_uint_ge(reports, 2);
	ck_assert_uint_eq(fence_epoch(second), 2);
	fence_close(second, false);
	cache_drop(one);
	cache_drop(two);
}
END_TEST

START_TEST(a_released_lease_is_taken_at_once_and_hands_on_the_floor)
{
	struct cache *one = cache_make(NULL);
	struct cache *two = cache_make(NULL);
	struct fence *fence;

	one->conf.lease_ttl_ns = two->conf.lease_ttl_ns = LONG_TTL;
	fence = must_open(one);
	fence_note_commit(fence, 41);
	fence_close(fence, true);
	fence = must_open(two);
	ck_assert_uint_eq(fence_floor(fence), 41);
	/* It is told on although this writer commits nothing. */
	fence_close(fence, true);
	fence = must_open(one);
	ck_assert_uint_eq(fence_floor(fence), 41);
	ck_assert_uint_eq(fence_epoch(fence), 3);
	fence_close(fence, true);
	cache_drop(one);
	cache_drop(two);
}
END_TEST

START_TEST(takeover_does_not_wait_and_the_loser_learns_who_it_was)
{
	struct cache *one = cache_make(NULL);
	struct cache *two = cache_make(NULL);
	struct fence *first;
	struct fence *second;
	int tries = 0;

	two->conf.takeover = true;
	two->conf.lease_ttl_ns = LONG_TTL;
	first = must_open(one);
	second = must_open(two);
	ck_assert_uint_eq(fence_epoch(second), 2);
	/* The lease thread of the loser finds out by itself. */
	while (atomic_load(&one->state) == CACHE_STATE_SERVING && tries++ < 1000)
		usleep(10000);
	ck_assert_int_eq(cache_check_writable(one), -ERR_fenced);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_fenced), "epoch 2"));
	ck_assert_int_eq(fence_verify(first), -ERR_fenced);
	ck_assert_int_eq(fence_verify(second), 0);
	fence_close(first, false);
	fence_close(second, false);
	cache_drop(one);
	cache_drop(two);
}
END_TEST

struct racer {
	struct cache *cache;
	struct fence *fence;
	pthread_t thread;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	if (fence_open(racer->cache, &racer->fence))
		racer->fence = NULL;
	return NULL;
}

START_TEST(racing_claims_get_different_epochs)
{
	struct racer racers[8];
	struct id id = id_new();
	uint64_t seen = 0;
	size_t i;

	for (i = 0; i < 8; i++) {
		racers[i].cache = cache_make(&id);
		racers[i].cache->conf.lease_ttl_ns = LONG_TTL;
		ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (i = 0; i < 8; i++) {
		pthread_join(racers[i].thread, NULL);
		ck_assert_ptr_nonnull(racers[i].fence);
		ck_assert_uint_le(fence_epoch(racers[i].fence), 8);
		seen |= UINT64_C(1) << fence_epoch(racers[i].fence);
	}
	ck_assert_uint_eq(seen, 0x1fe);
	for (i = 0; i < 8; i++) {
		fence_close(racers[i].fence, false);
		cache_drop(racers[i].cache);
	}
}
END_TEST

/* A store that does not know conditional puts, below what is asked for. */
static struct store *careless_store(bool unconditional)
{
	const struct store_fault_conf conf = { .careless = true };
	struct store *store = store_fault_new(store_mem_open(BUCKET), &conf);

	return unconditional ? store_unconditional_new(store) : store;
}

START_TEST(a_store_without_put_if_absent_is_refused)
{
	struct cache *cache = cache_make(NULL);
	struct writer_claim claim;
	struct fence *fence;

	store_free(cache->store);
	cache->store = careless_store(false);
	ck_assert_int_eq(fence_open(cache, &fence), -ERR_store_unsupported);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_unsupported), "put-if-absent"));
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_store_unsupported), "--unsafe-single-"));
	/* The claim was not spoilt by asking. */
	ck_assert_int_eq(fence_get_claim(cache->store, 1, &claim), 0);
	cache_drop(cache);
}
END_TEST

START_TEST(such_a_store_is_used_by_who_says_so)
{
	struct cache *cache = cache_make(NULL);
	struct fence *fence;

	store_free(cache->store);
	cache->store = careless_store(true);
	fence = must_open(cache);
	ck_assert_int_eq(store_put(cache->store, "log/x", "a", 1, STORE_IF_ABSENT), 0);
	ck_assert_int_eq(store_put(cache->store, "log/x", "b", 1, STORE_IF_ABSENT), -EEXIST);
	fence_close(fence, true);
	cache_drop(cache);
}
END_TEST

START_TEST(no_volume_is_made_nor_replaced_without_put_if_absent)
{
	struct store *store = careless_store(false);
	struct volume_params params;
	uint64_t size;

	volume_params_init(&params);
	snprintf(params.name, sizeof(params.name), "volume");
	snprintf(params.created, sizeof(params.created), "2026-11-23T00:00:00Z");
	ck_assert_int_eq(cache_init_volume(store, "mem://" BUCKET, &params),
			 -ERR_store_unsupported);
	ck_assert_int_eq(store_head(store, OBJECT_NAME_VOLUME, &size), -ENOENT);
	ck_assert_int_eq(store_put(store, OBJECT_NAME_VOLUME, "old", 3, 0), 0);
	ck_assert_int_eq(cache_init_volume(store, "mem://" BUCKET, &params), -ERR_volume_exists);
	ck_assert_int_eq(store_head(store, OBJECT_NAME_VOLUME, &size), 0);
	ck_assert_uint_eq(size, 3);
	store_free(store);
	store_mem_forget(BUCKET);
	store = careless_store(true);
	ck_assert_int_eq(cache_init_volume(store, "mem://" BUCKET, &params), 0);
	ck_assert_int_eq(cache_init_volume(store, "mem://" BUCKET, &params), -ERR_volume_exists);
	store_free(store);
}
END_TEST

static void assert_same_claim(const struct writer_claim *a, const struct writer_claim *b)
{
	ck_assert_uint_eq(a->epoch, b->epoch);
	ck_assert(id_equal(&a->cache, &b->cache));
	ck_assert(id_equal(&a->session, &b->session));
	ck_assert_str_eq(a->host, b->host);
	ck_assert_int_eq(a->pid, b->pid);
}

START_TEST(claims_and_leases_survive_their_encoding)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct writer_lease lease = {
		.claim = { .epoch = 7, .cache = id_new(), .session = id_new(), .pid = 4711 },
		.ttl_ms = 30000,
		.renewal = 3,
		.commit = UINT64_C(1) << 40,
		.released = true,
	};
	struct writer_lease lease_back;
	struct writer_claim claim_back;

	strcpy(lease.claim.host, "atlas");
	writer_lease_encode(&lease, &bytes);
	ck_assert_int_eq(writer_lease_decode("lease/7", bytes.data, bytes.length, &lease_back), 0);
	assert_same_claim(&lease_back.claim, &lease.claim);
	ck_assert_int_eq(lease_back.ttl_ms, lease.ttl_ms);
	ck_assert_uint_eq(lease_back.renewal, lease.renewal);
	ck_assert_uint_eq(lease_back.commit, lease.commit);
	ck_assert(lease_back.released);
	ck_assert_int_eq(writer_claim_decode("writer/7", bytes.data, bytes.length, &claim_back),
			 -ERR_volume_corrupt);
	ck_assert_int_eq(writer_lease_decode("lease/7", bytes.data, bytes.length - 3, &lease_back),
			 -ERR_volume_corrupt);
	buffer_clear(&bytes);
	buffer_put_text(&bytes, "{\"drayfs\": \"writer\", \"format\": 2}");
	ck_assert_int_eq(writer_claim_decode("writer/7", bytes.data, bytes.length, &claim_back),
			 -ERR_format_newer);
	buffer_clear(&bytes);
	writer_claim_encode(&lease.claim, &bytes);
	ck_assert_int_eq(writer_claim_decode("writer/7", bytes.data, bytes.length, &claim_back), 0);
	assert_same_claim(&claim_back, &lease.claim);
}
END_TEST

UNIT_MAIN("fence", every_mount_of_a_cache_claims_the_next_epoch_at_once,
	  another_cache_is_refused_while_the_lease_is_renewed,
	  a_lease_that_stands_still_for_its_time_is_taken,
	  a_released_lease_is_taken_at_once_and_hands_on_the_floor,
	  takeover_does_not_wait_and_the_loser_learns_who_it_was,
	  racing_claims_get_different_epochs, a_store_without_put_if_absent_is_refused,
	  such_a_store_is_used_by_who_says_so, no_volume_is_made_nor_replaced_without_put_if_absent,
	  claims_and_leases_survive_their_encoding)
