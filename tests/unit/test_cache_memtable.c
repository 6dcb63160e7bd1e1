/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "cache/memtable.h"
#include "cache/row_format.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

/* Keys of the model: number `n` below KEYS is a row, above it its DIRTY row. */
#define KEYS   300
#define ABSENT (-1)
#define ERASED (-2)

static void model_key(unsigned int number, struct row_key *key)
{
	struct row_key row;

	if (number % 3)
		key_dirent(&row, number % KEYS / 7, number % KEYS * 1000003ULL);
	else
		key_inode(&row, number % KEYS);
	if (number >= KEYS)
		key_dirty(key, row.bytes, row.length);
	else
		*key = row;
}

static int compare_keys(const struct row_key *a, const struct row_key *b)
{
	size_t shared = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->bytes, b->bytes, shared);

	return order ? order : (int)a->length - (int)b->length;
}

struct model {
	struct row_key keys[2 * KEYS];
	int values[2 * KEYS];
	/* Numbers in key order. */
	unsigned int order[2 * KEYS];
};

static void model_init(struct model *model)
{
	unsigned int i;
	unsigned int j;

	for (i = 0; i < 2 * KEYS; i++) {
		model_key(i, &model->keys[i]);
		model->values[i] = ABSENT;
		for (j = i;
		     j > 0 && compare_keys(&model->keys[model->order[j - 1]], &model->keys[i]) > 0;
		     j--)
			model->order[j] = model->order[j - 1];
		model->order[j] = i;
	}
}

static void change(struct model *model, struct memtable *table, unsigned int number, int value)
{
	const struct row_key *key = &model->keys[number];

	model->values[number] = value;
	if (value == ERASED)
		memtable_erase(table, key->bytes, key->length);
	else
		memtable_insert(table, key->bytes, key->length, &value, sizeof(value));
}

static void assert_value(const struct memtable_value *value, int expected)
{
	int found;

	if (expected == ABSENT) {
		ck_assert_ptr_null(value);
		return;
	}
	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(value->deleted, expected == ERASED);
	if (value->deleted)
		return;
	ck_assert_uint_eq(value->length, sizeof(found));
	memcpy(&found, value->bytes, sizeof(found));
	ck_assert_int_eq(found, expected);
}

/* The table, from position `first` of the key order on, is as the model. */
static void assert_walk(const struct model *model, const struct memtable *table, unsigned int first)
{
	const struct row_key *start = &model->keys[model->order[first]];
	struct memtable_cursor cursor;
	const uint8_t *key;
	size_t length;
	unsigned int i;

	memtable_seek(table, start->bytes, start->length, &cursor);
	for (i = first; i < 2 * KEYS; i++) {
		const struct row_key *expected = &model->keys[model->order[i]];

		if (model->values[model->order[i]] == ABSENT)
			continue;
		ck_assert_ptr_nonnull(cursor.node);
		key = memtable_key(&cursor, &length);
		ck_assert_uint_eq(length, expected->length);
		ck_assert_mem_eq(key, expected->bytes, length);
		assert_value(memtable_value(&cursor), model->values[model->order[i]]);
		memtable_next(&cursor);
	}
	ck_assert_ptr_null(cursor.node);
}

START_TEST(a_table_is_an_ordered_map_with_tombstones)
{
	static struct model model;
	struct memtable *table = memtable_new();
	uint64_t state = 42;
	unsigned int round;
	unsigned int i;

	model_init(&model);
	for (round = 0; round < 60; round++) {
		for (i = 0; i < 40; i++)
			change(&model, table, (unsigned int)(noise_next(&state) % (2 * KEYS)),
			       noise_next(&state) % 4 ? (int)(round * 40 + i) : ERASED);
		for (i = 0; i < 2 * KEYS; i++)
			assert_value(
				memtable_find(table, model.keys[i].bytes, model.keys[i].length),
				model.values[i]);
		assert_walk(&model, table, (unsigned int)(noise_next(&state) % (2 * KEYS)));
	}
	assert_walk(&model, table, 0);
	memtable_put(table);
}
END_TEST

START_TEST(both_columns_of_a_node_are_found_under_their_keys)
{
	struct memtable *table = memtable_new();
	struct memtable_node *node;
	struct memtable_cursor cursor;
	struct row_key row;
	struct row_key dirty;
	size_t length;

	key_inode(&row, 7);
	key_dirty(&dirty, row.bytes, row.length);
	node = memtable_node(table, row.bytes, row.length);
	ck_assert_ptr_null(memtable_find(table, row.bytes, row.length));
	memtable_node_set(table, node, MEMTABLE_DIRTY, "d", 1);
	ck_assert_ptr_null(memtable_find(table, row.bytes, row.length));
	ck_assert_uint_eq(memtable_find(table, dirty.bytes, dirty.length)->bytes[0], 'd');
	memtable_seek(table, NULL, 0, &cursor);
	ck_assert_mem_eq(memtable_key(&cursor, &length), dirty.bytes, dirty.length);
	ck_assert_uint_eq(length, dirty.length);
	memtable_node_set(table, node, MEMTABLE_ROW, "r", 1);
	ck_assert_ptr_eq(memtable_node(table, row.bytes, row.length), node);
	ck_assert_uint_eq(memtable_find(table, row.bytes, row.length)->bytes[0], 'r');
	ck_assert_uint_eq(memtable_count(table), 1);
	memtable_node_erase(node, MEMTABLE_DIRTY);
	ck_assert(memtable_find(table, dirty.bytes, dirty.length)->deleted);
	ck_assert(!memtable_find(table, row.bytes, row.length)->deleted);
	memtable_put(table);
}
END_TEST

START_TEST(a_value_stays_readable_after_it_was_replaced)
{
	struct memtable *table = memtable_get(memtable_new());
	const struct memtable_value *old;
	size_t bytes = memtable_bytes(table);

	memtable_insert(table, "\x20k", 2, "old", 3);
	old = memtable_find(table, "\x20k", 2);
	memtable_insert(table, "\x20k", 2, "new", 3);
	memtable_erase(table, "\x20k", 2);
	memtable_put(table);
	ck_assert_mem_eq(old->bytes, "old", 3);
	ck_assert_uint_gt(memtable_bytes(table), bytes);
	memtable_put(table);
}
END_TEST

/* Values larger than an arena's block, and empty ones. */
START_TEST(values_of_any_size_are_kept)
{
	static uint8_t large[1 << 20];
	struct memtable *table = memtable_new();
	const struct memtable_value *value;

	noise_fill(1, large, sizeof(large));
	memtable_insert(table,
			"\x20"
			"a",
			2, large, sizeof(large));
	memtable_insert(table,
			"\x20"
			"b",
			2, NULL, 0);
	value = memtable_find(table,
			      "\x20"
			      "a",
			      2);
	ck_assert_uint_eq(value->length, sizeof(large));
	ck_assert_mem_eq(value->bytes, large, sizeof(large));
	value = memtable_find(table,
			      "\x20"
			      "b",
			      2);
	ck_assert_uint_eq(value->length, 0);
	ck_assert(!value->deleted);
	memtable_put(table);
}
END_TEST

#define RACE_KEYS   5000
#define RACE_ROUNDS 8

struct race {
	struct memtable *table;
	atomic_uint round_done; /* every key has at least this value */
	atomic_bool stop;
};

static uint64_t value_number(const struct memtable_value *value)
{
	uint64_t number;

	memcpy(&number, value->bytes, sizeof(number));
	return number;
}

/* Values of a key never go back, and a walk is ordered and complete. */
static void *read_all(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->stop)) {
		unsigned int least = atomic_load(&race->round_done);
		struct memtable_cursor cursor;
		uint64_t previous = 0;
		size_t rows = 0;
		size_t length;

		memtable_seek(race->table, NULL, 0, &cursor);
		for (; cursor.node; memtable_next(&cursor)) {
			const uint8_t *key = memtable_key(&cursor, &length);
			uint64_t ino = key_number(key, length);

			ck_assert_uint_gt(ino, previous);
			previous = ino;
			ck_assert_uint_ge(value_number(memtable_value(&cursor)), least);
			rows++;
		}
		ck_assert_uint_eq(least ? rows : RACE_KEYS, RACE_KEYS);
	}
	return NULL;
}

START_TEST(readers_need_no_lock_while_one_thread_writes)
{
	struct race race = { .table = memtable_new() };
	pthread_t readers[3];
	struct row_key key;
	uint64_t round;
	uint64_t i;

	for (i = 0; i < 3; i++)
		pthread_create(&readers[i], NULL, read_all, &race);
	for (round = 1; round <= RACE_ROUNDS; round++) {
		for (i = 0; i < RACE_KEYS; i++) {
			/* In an order that inserts everywhere. */
			key_inode(&key, 1 + i * 2741 % RACE_KEYS);
			memtable_insert(race.table, key.bytes, key.length, &round, sizeof(round));
		}
		atomic_store(&race.round_done, (unsigned int)round);
	}
	atomic_store(&race.stop, true);
	for (i = 0; i < 3; i++)
		pthread_join(readers[i], NULL);
	ck_assert_uint_eq(memtable_count(race.table), RACE_KEYS);
	memtable_put(race.table);
}
END_TEST

UNIT_MAIN("cache/memtable", a_table_is_an_ordered_map_with_tombstones,
	  both_columns_of_a_node_are_found_under_their_keys,
	  a_value_stays_readable_after_it_was_replaced, values_of_any_size_are_kept,
	  readers_need_no_lock_while_one_thread_writes)
