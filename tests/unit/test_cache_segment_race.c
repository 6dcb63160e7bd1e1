/* SPDX-License-Identifier: Apache-2.0 */
/* Appends, reads, flushes and reclaim of segments, all at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cache/segment.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define SEGMENT_BYTES (64u << 10)

static struct segments *segments;

static struct segment_tag tag_of(uint64_t ino, uint64_t offset)
{
	return (struct segment_tag){ .class = SEGMENT_CLASS_WRITTEN,
				     .number = ino,
				     .offset = offset };
}

/* One slot of a table of places that writers replace and readers read. */
struct slot {
	pthread_mutex_t lock;
	struct segment_place place;
	uint64_t version;
};

#define SLOTS  8
#define ROUNDS 400

static struct slot slots[SLOTS];
static atomic_bool stop;

static void fill_slot(uint64_t slot, uint64_t version, uint8_t *bytes, uint32_t length)
{
	noise_fill(slot * 100000 + version, bytes, length);
}

static void *write_slots(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg + 1;
	uint8_t bytes[9000];
	int round;

	for (round = 0; round < ROUNDS; round++) {
		uint64_t i = noise_next(&state) % SLOTS;
		struct segment_tag tag = tag_of(i + 1, 500);
		struct segment_place place, old;
		uint64_t version = noise_next(&state) % 100000;

		fill_slot(i, version, bytes, sizeof(bytes));
		if (segments_append(segments, &tag, bytes, sizeof(bytes), &place))
			abort();
		pthread_mutex_lock(&slots[i].lock);
		old = slots[i].place;
		slots[i].place = place;
		slots[i].version = version;
		segments_use(segments, place.segment, sizeof(bytes), sizeof(bytes));
		if (old.segment)
			segments_use(segments, old.segment, -(int64_t)sizeof(bytes),
				     -(int64_t)sizeof(bytes));
		pthread_mutex_unlock(&slots[i].lock);
		segment_unpin(segments, place.segment);
	}
	return NULL;
}

static void *read_slots(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg + 1;
	uint8_t expected[9000];
	uint8_t bytes[9000];
	uint64_t reads = 0;

	while (!atomic_load(&stop)) {
		uint64_t i = noise_next(&state) % SLOTS;
		struct segment_tag tag = tag_of(i + 1, 500);
		struct slot now;

		pthread_mutex_lock(&slots[i].lock);
		now = slots[i];
		if (!now.place.segment || segment_pin(segments, now.place.segment)) {
			pthread_mutex_unlock(&slots[i].lock);
			continue;
		}
		pthread_mutex_unlock(&slots[i].lock);
		/* Whatever replaces it now, the pin keeps what was looked up. */
		if (segments_read(segments, now.place.segment, now.place.record, &tag, 0,
				  sizeof(bytes), bytes))
			abort();
		segment_unpin(segments, now.place.segment);
		fill_slot(i, now.version, expected, sizeof(expected));
		if (memcmp(bytes, expected, sizeof(bytes)))
			abort();
		reads++;
	}
	return (void *)(uintptr_t)reads;
}

/* What the flusher does, once. */
static void reclaim(void)
{
	uint64_t mark = segments_doomed_mark(segments);

	if (segments_flush(segments))
		abort();
	segments_unlink_doomed(segments, mark);
}

static void *flush_and_reclaim(void *arg)
{
	while (!atomic_load(&stop))
		reclaim();
	return arg;
}

START_TEST(readers_are_safe_from_writers_and_reclaim)
{
	pthread_t writers[3], readers[2], reclaimer;
	struct segments_stats stats;
	char *directory = scratch_make();
	struct segments_conf conf = { .directory = directory, .segment_bytes = SEGMENT_BYTES };
	uintptr_t i;

	ck_assert_int_eq(segments_open(&conf, &segments), 0);
	ck_assert_int_eq(segments_start(segments), 0);
	for (i = 0; i < SLOTS; i++)
		pthread_mutex_init(&slots[i].lock, NULL);
	pthread_create(&reclaimer, NULL, flush_and_reclaim, NULL);
	for (i = 0; i < 2; i++)
		pthread_create(&readers[i], NULL, read_slots, (void *)(100 + i));
	for (i = 0; i < 3; i++)
		pthread_create(&writers[i], NULL, write_slots, (void *)i);
	for (i = 0; i < 3; i++)
		pthread_join(writers[i], NULL);
	atomic_store(&stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	pthread_join(reclaimer, NULL);
	segments_seal(segments, SEGMENT_CLASS_WRITTEN);
	reclaim();
	segments_stats_get(segments, &stats);
	ck_assert_uint_eq(stats.live_bytes, SLOTS * 9000);
	ck_assert_uint_le(stats.segments, SLOTS + 1);
	segments_close(segments);
	scratch_remove(directory);
}
END_TEST

UNIT_MAIN("segment_race", readers_are_safe_from_writers_and_reclaim)
