/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/store_suite/suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/error.h"

#define THREADS 8

/* One thread of a race; errors are asserted by the main thread. */
struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	const char *key;
	int number;
	int result;
};

static void *race_to_put(void *arg)
{
	struct racer *racer = arg;
	char text[32];

	snprintf(text, sizeof(text), "racer %d", racer->number);
	pthread_barrier_wait(racer->start);
	racer->result = store_put(suite_store, racer->key, text, strlen(text), STORE_IF_ABSENT);
	return NULL;
}

/* Eight threads put one key if absent; returns the number of the winner. */
static int race(const char *key)
{
	struct racer racers[THREADS];
	pthread_barrier_t start;
	int winner = -1;
	int i;

	pthread_barrier_init(&start, NULL, THREADS);
	for (i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ .start = &start, .key = key, .number = i };
		ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race_to_put, &racers[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(racers[i].thread, NULL);
	pthread_barrier_destroy(&start);
	for (i = 0; i < THREADS; i++) {
		if (racers[i].result == -EEXIST)
			continue;
		ck_assert_int_eq(racers[i].result, 0);
		ck_assert_msg(winner < 0, "%s: both %d and %d won", key, winner, i);
		winner = i;
	}
	ck_assert_msg(winner >= 0, "%s: nobody won", key);
	return winner;
}

START_TEST(exactly_one_put_if_absent_wins_a_race)
{
	int rounds = suite_rounds(100);
	char key[32];
	char text[32];
	int i;

	for (i = 0; i < rounds; i++) {
		/* a new directory in each round: making it races too */
		snprintf(key, sizeof(key), "race/%d/key", i);
		snprintf(text, sizeof(text), "racer %d", race(key));
		suite_expect_text(key, text);
	}
}
END_TEST

/* An object of the atomicity case is one byte, repeated; the byte tells how often. */
#define ATOMIC_VERSIONS 16
#define ATOMIC_UNIT	20011

struct swarm {
	atomic_bool stop;
	atomic_uint wrong; /* calls that failed, objects that were torn */
	int rounds;
	pthread_barrier_t start;
};

static void *write_versions(void *arg)
{
	struct swarm *swarm = arg;
	static uint8_t bytes[ATOMIC_VERSIONS + 1][ATOMIC_VERSIONS * ATOMIC_UNIT];
	static pthread_mutex_t fill_lock = PTHREAD_MUTEX_INITIALIZER;
	size_t version;
	int i;

	pthread_mutex_lock(&fill_lock);
	for (version = 1; version <= ATOMIC_VERSIONS && !bytes[version][0]; version++)
		memset(bytes[version], (int)version, sizeof(bytes[version]));
	pthread_mutex_unlock(&fill_lock);
	pthread_barrier_wait(&swarm->start);
	for (i = 0; i < swarm->rounds; i++) {
		version = 1 + (size_t)i * 5 % ATOMIC_VERSIONS;
		if (store_put(suite_store, "dir/versions", bytes[version], version * ATOMIC_UNIT,
			      0))
			atomic_fetch_add(&swarm->wrong, 1);
	}
	return NULL;
}

static bool version_is_whole(const struct buffer *object)
{
	size_t i;

	if (!object->length || object->length != (size_t)object->data[0] * ATOMIC_UNIT)
		return false;
	for (i = 1; i < object->length; i++) {
		if (object->data[i] != object->data[0])
			return false;
	}
	return true;
}

static void *read_versions(void *arg)
{
	struct swarm *swarm = arg;
	struct buffer object = BUFFER_INIT;
	int result;

	pthread_barrier_wait(&swarm->start);
	while (!atomic_load(&swarm->stop)) {
		buffer_clear(&object);
		result = store_get(suite_store, "dir/versions", 0, STORE_GET_ALL, &object);
		if (result == -ENOENT)
			continue;
		if (result || !version_is_whole(&object))
			atomic_fetch_add(&swarm->wrong, 1);
	}
	buffer_release(&object);
	return NULL;
}

START_TEST(readers_see_one_whole_version)
{
	struct swarm swarm = { .rounds = suite_rounds(200) };
	pthread_t threads[THREADS];
	int i;

	pthread_barrier_init(&swarm.start, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						i < THREADS / 2 ? write_versions : read_versions,
						&swarm),
				 0);
	for (i = 0; i < THREADS / 2; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&swarm.stop, true);
	for (; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&swarm.start);
	ck_assert_uint_eq(atomic_load(&swarm.wrong), 0);
}
END_TEST

struct putter {
	pthread_t thread;
	int number;
	int rounds;
	int wrong;
};

/* Puts own keys, reads each back at once, and removes every second one. */
static void *put_and_get(void *arg)
{
	struct putter *putter = arg;
	struct buffer object = BUFFER_INIT;
	char key[32];
	int i;

	for (i = 0; i < putter->rounds; i++) {
		snprintf(key, sizeof(key), "pack/%02d/%d-%04d", i % 16, putter->number, i);
		buffer_clear(&object);
		if (store_put(suite_store, key, key, strlen(key), STORE_IF_ABSENT) ||
		    store_get(suite_store, key, 0, STORE_GET_ALL, &object) ||
		    object.length != strlen(key) || memcmp(object.data, key, strlen(key)) != 0 ||
		    (i % 2 && store_remove(suite_store, key)))
			putter->wrong++;
	}
	buffer_release(&object);
	return NULL;
}

static int count_object(const struct store_object *object, void *arg)
{
	(void)object;
	(*(int *)arg)++;
	return 0;
}

START_TEST(threads_do_not_disturb_each_other_nor_a_listing)
{
	struct putter putters[THREADS];
	int rounds = suite_rounds(100);
	int count;
	int i;

	suite_put_text("pack/00/0", "there before");
	suite_put_text("pack/15/9", "there before");
	for (i = 0; i < THREADS; i++) {
		putters[i] = (struct putter){ .number = i, .rounds = rounds };
		ck_assert_int_eq(pthread_create(&putters[i].thread, NULL, put_and_get, &putters[i]),
				 0);
	}
	for (i = 0; i < 5; i++) {
		count = 0;
		ck_assert_int_eq(store_list(suite_store, "pack/", NULL, count_object, &count), 0);
		ck_assert_int_ge(count, 2);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(putters[i].thread, NULL);
		ck_assert_int_eq(putters[i].wrong, 0);
	}
	count = 0;
	ck_assert_int_eq(store_list(suite_store, "pack/", NULL, count_object, &count), 0);
	ck_assert_int_eq(count, 2 + THREADS * ((rounds + 1) / 2));
}
END_TEST

TCase *cases_threads(void)
{
	TCase *cases = tcase_create("threads");

	tcase_add_test(cases, exactly_one_put_if_absent_wins_a_race);
	tcase_add_test(cases, readers_see_one_whole_version);
	tcase_add_test(cases, threads_do_not_disturb_each_other_nor_a_listing);
	return cases;
}
