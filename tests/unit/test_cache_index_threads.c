/* SPDX-License-Identifier: Apache-2.0 */
/* The index under many threads: snapshots, marks, readers, back-pressure. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/index_box.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define WRITERS	  3
#define PAIRS	  40 /* of keys, for each writer */
#define COMMITS	  2000
#define SNAPSHOTS 60

/*
 * Each commit of a writer puts its next number at both keys of a pair. So a
 * state of the index as of one LSN has equal numbers in each pair, and no
 * number whose commit came later.
 */
struct writer {
	struct index_box *box;
	unsigned int number;
	uint64_t lsn[COMMITS + 1]; /* of the commit that put this number */
	uint64_t random;
	atomic_uint done;
};

struct sample {
	uint64_t cut;
	uint64_t values[WRITERS][PAIRS];
};

static struct writer writers[WRITERS];
static atomic_uint writers_running;

static void pair_key(unsigned int writer, unsigned int pair, unsigned int side, struct row_key *key)
{
	key_dirent(key, writer + 1, pair * 2654435761u + side * 13);
}

static void commit_pair(struct writer *writer, unsigned int pair, uint64_t value)
{
	struct buffer bytes = BUFFER_INIT;
	struct batch batch;
	struct row_key key;
	unsigned int side;

	batch_init(&batch, BATCH_ROWS, 0);
	buffer_put_u64(&bytes, value);
	for (side = 0; side < 2; side++) {
		pair_key(writer->number, pair, side, &key);
		batch_put(&batch, &key, &bytes, ROW_CLOUD);
	}
	ck_assert_int_eq(index_commit(writer->box->index, &batch, &writer->lsn[value]), 0);
	buffer_release(&bytes);
	batch_release(&batch);
}

static void *write_pairs(void *arg)
{
	struct writer *writer = arg;
	unsigned int value;

	for (value = 1; value <= COMMITS; value++) {
		commit_pair(writer, (unsigned int)(noise_next(&writer->random) % PAIRS), value);
		atomic_store(&writer->done, value);
	}
	atomic_fetch_sub(&writers_running, 1);
	return NULL;
}

static void start_writers(struct index_box *box, pthread_t *threads)
{
	unsigned int i;

	atomic_store(&writers_running, WRITERS);
	for (i = 0; i < WRITERS; i++) {
		writers[i].box = box;
		writers[i].number = i;
		writers[i].random = i * 2 + 1;
		pthread_create(&threads[i], NULL, write_pairs, &writers[i]);
	}
}

static void join_all(pthread_t *threads, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static uint64_t snapshot_value(struct index_snapshot *snapshot, const struct row_key *key)
{
	struct buffer bytes = BUFFER_INIT;
	uint64_t value = 0;
	int result = index_snapshot_get(snapshot, key, &bytes);

	if (!result)
		ck_assert_int_eq(row_get_u64(bytes.data, bytes.length, &value), 0);
	else
		ck_assert_int_eq(result, -ENOENT);
	buffer_release(&bytes);
	return value;
}

static void take_sample(struct index *index, struct sample *sample)
{
	struct index_snapshot *snapshot;
	struct row_key key;
	unsigned int writer;
	unsigned int pair;

	ck_assert_int_eq(index_snapshot_take(index, &snapshot, &sample->cut), 0);
	for (writer = 0; writer < WRITERS; writer++) {
		for (pair = 0; pair < PAIRS; pair++) {
			uint64_t *value = &sample->values[writer][pair];

			pair_key(writer, pair, 0, &key);
			*value = snapshot_value(snapshot, &key);
			pair_key(writer, pair, 1, &key);
			ck_assert_uint_eq(snapshot_value(snapshot, &key), *value);
		}
	}
	index_snapshot_release(snapshot);
}

/* The writer's last number up to the cut is there, and none after it. */
static void check_sample(const struct sample *sample)
{
	unsigned int writer;
	unsigned int pair;

	for (writer = 0; writer < WRITERS; writer++) {
		uint64_t last = COMMITS;
		uint64_t greatest = 0;

		while (last && writers[writer].lsn[last] > sample->cut)
			last--;
		for (pair = 0; pair < PAIRS; pair++)
			if (sample->values[writer][pair] > greatest)
				greatest = sample->values[writer][pair];
		ck_assert_uint_eq(greatest, last);
	}
}

START_TEST(a_snapshot_is_exact_while_others_write)
{
	static struct sample samples[SNAPSHOTS];
	pthread_t threads[WRITERS];
	struct index_box box;
	unsigned int count = 0;
	unsigned int i;

	index_box_init(&box);
	box.conf.memtable_bytes = 64 * 1024;
	index_box_open(&box);
	start_writers(&box, threads);
	while (count < SNAPSHOTS && atomic_load(&writers_running))
		take_sample(box.index, &samples[count++]);
	join_all(threads, WRITERS);
	for (i = 0; i < count; i++)
		check_sample(&samples[i]);
	index_box_release(&box);
}
END_TEST

/* What a reader has seen of a key never goes back. */
static void *read_pairs(void *arg)
{
	struct index_box *box = arg;
	static uint64_t seen[WRITERS][PAIRS][2];
	struct row_key key;
	uint64_t random = 99;

	while (atomic_load(&writers_running)) {
		unsigned int writer = (unsigned int)(noise_next(&random) % WRITERS);
		unsigned int pair = (unsigned int)(noise_next(&random) % PAIRS);
		unsigned int side = (unsigned int)(noise_next(&random) % 2);
		uint64_t *last = &seen[writer][pair][side];
		uint64_t value;

		pair_key(writer, pair, side, &key);
		value = index_box_get(box, &key);
		if (value == UINT64_MAX)
			value = 0;
		ck_assert_uint_ge(value, *last);
		*last = value;
	}
	return NULL;
}

static void *walk_pairs(void *arg)
{
	struct index_box *box = arg;
	struct row_key start = { 0 };
	uint8_t previous[ROW_KEY_MAX];
	struct index_cursor *cursor;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	while (atomic_load(&writers_running)) {
		memset(previous, 0, sizeof(previous));
		ck_assert_int_eq(index_cursor_open(box->index, &start, &cursor), 0);
		while ((result = index_cursor_next(cursor, &key, &key_length, &value,
						   &value_length)) == 1) {
			ck_assert_int_gt(memcmp(key, previous, key_length), 0);
			memcpy(previous, key, key_length);
		}
		ck_assert_int_eq(result, 0);
		index_cursor_close(cursor);
	}
	return NULL;
}

START_TEST(readers_see_rows_in_order_and_never_older_ones)
{
	pthread_t threads[WRITERS + 2];
	struct index_box box;

	index_box_init(&box);
	box.conf.memtable_bytes = 32 * 1024;
	index_box_open(&box);
	start_writers(&box, threads);
	pthread_create(&threads[WRITERS], NULL, read_pairs, &box);
	pthread_create(&threads[WRITERS + 1], NULL, walk_pairs, &box);
	join_all(threads, WRITERS + 2);
	index_box_release(&box);
}
END_TEST

static void all_keys(struct row_key *keys)
{
	unsigned int i;

	for (i = 0; i < WRITERS * PAIRS * 2; i++)
		pair_key(i / (PAIRS * 2), i / 2 % PAIRS, i % 2, &keys[i]);
}

/* Marks everything up to a cut again and again; the last cut that it marked. */
static void *mark_clean(void *arg)
{
	static struct row_key keys[WRITERS * PAIRS * 2];
	static uint64_t cut;
	struct index_box *box = arg;

	all_keys(keys);
	while (atomic_load(&writers_running)) {
		cut = index_lsn(box->index);
		ck_assert_int_eq(index_mark_clean(box->index, keys, WRITERS * PAIRS * 2, cut, 0),
				 0);
	}
	return &cut;
}

/* A row is dirty exactly when it was changed after the last cut. */
static void check_dirty(struct index_box *box, uint64_t cut)
{
	struct dirty_row dirty;
	struct row_key key;
	unsigned int writer;
	unsigned int pair;

	for (writer = 0; writer < WRITERS; writer++) {
		for (pair = 0; pair < PAIRS; pair++) {
			uint64_t value;
			uint64_t lsn;

			pair_key(writer, pair, 0, &key);
			value = index_box_get(box, &key);
			lsn = value == UINT64_MAX ? 0 : writers[writer].lsn[value];
			ck_assert_int_eq(index_box_dirty(box, &key, &dirty), lsn > cut);
			if (lsn > cut)
				ck_assert_uint_eq(dirty.lsn, lsn);
		}
	}
}

START_TEST(a_row_changed_after_the_cut_stays_dirty)
{
	pthread_t threads[WRITERS];
	pthread_t marker;
	struct index_box box;
	uint64_t *cut;

	index_box_init(&box);
	box.conf.memtable_bytes = 64 * 1024;
	index_box_open(&box);
	start_writers(&box, threads);
	pthread_create(&marker, NULL, mark_clean, &box);
	join_all(threads, WRITERS);
	pthread_join(marker, (void **)&cut);
	check_dirty(&box, *cut);
	index_box_kill(&box);
	index_box_open(&box);
	check_dirty(&box, *cut);
	index_box_release(&box);
}
END_TEST

/* The queue of frozen memtables has a bound in bytes, whoever writes. */
START_TEST(memory_stays_bounded_while_the_checkpointer_is_behind)
{
	pthread_t threads[WRITERS];
	struct index_stats stats;
	struct index_box box;

	index_box_init(&box);
	box.conf.memtable_bytes = 16 * 1024;
	box.conf.frozen_max = 2;
	index_box_open(&box);
	start_writers(&box, threads);
	do {
		index_stats_get(box.index, &stats);
		/* One commit for each writer may be above the limit. */
		ck_assert_uint_le(stats.memtable_bytes, 3 * 16 * 1024 + WRITERS * 4096);
	} while (atomic_load(&writers_running));
	join_all(threads, WRITERS);
	index_box_release(&box);
}
END_TEST

UNIT_MAIN("cache/index_threads", a_snapshot_is_exact_while_others_write,
	  readers_see_rows_in_order_and_never_older_ones, a_row_changed_after_the_cut_stays_dirty,
	  memory_stays_bounded_while_the_checkpointer_is_behind)
