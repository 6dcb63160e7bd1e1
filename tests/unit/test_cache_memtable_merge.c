/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cache/memtable_merge.h"
#include "cache/row_format.h"
#include "tests/lib/unit.h"

#define TABLES 3
#define KEYS   200
#define ABSENT (-1)
#define ERASED (-2)

/* Numbers from KEYS on are the DIRTY rows of those below: behind all of them. */
static void make_key(unsigned int number, struct row_key *key)
{
	struct row_key row;

	key_inode(&row, number % KEYS);
	if (number >= KEYS)
		key_dirty(key, row.bytes, row.length);
	else
		*key = row;
}

static void change(struct memtable *table, unsigned int number, int value)
{
	struct row_key key;

	make_key(number, &key);
	if (value == ERASED)
		memtable_erase(table, key.bytes, key.length);
	else
		memtable_insert(table, key.bytes, key.length, &value, sizeof(value));
}

static void assert_next(struct memtable_merge *merge, unsigned int number, int expected)
{
	struct row_key wanted;
	const uint8_t *key;
	size_t length;
	const struct memtable_value *value = memtable_merge_next(merge, &key, &length);

	make_key(number, &wanted);
	ck_assert_ptr_nonnull(value);
	ck_assert_mem_eq(key, wanted.bytes, wanted.length);
	ck_assert_uint_eq(length, wanted.length);
	ck_assert_int_eq(value->deleted, expected == ERASED);
	if (expected != ERASED)
		ck_assert_mem_eq(value->bytes, &expected, sizeof(expected));
}

static void assert_end(struct memtable_merge *merge)
{
	const uint8_t *key;
	size_t length;

	ck_assert_ptr_null(memtable_merge_next(merge, &key, &length));
}

START_TEST(yields_each_key_once_with_its_newest_value)
{
	struct memtable_merge *merge = memtable_merge_new();
	struct memtable *tables[TABLES];
	int newest[2 * KEYS];
	unsigned int random = 7;
	unsigned int i;
	int t;

	for (i = 0; i < 2 * KEYS; i++)
		newest[i] = ABSENT;
	/* The oldest is the last. */
	for (t = TABLES - 1; t >= 0; t--) {
		tables[t] = memtable_new();
		for (i = 0; i < 2 * KEYS; i++) {
			random = random * 1103515245 + 12345;
			if (random >> 16 & 1)
				continue;
			newest[i] = random >> 17 & 3 ? (int)(random >> 19 & 0xff) : ERASED;
			change(tables[t], i, newest[i]);
		}
	}
	for (t = 0; t < TABLES; t++)
		memtable_merge_add(merge, tables[t]);
	for (i = 0; i < 2 * KEYS; i++)
		if (newest[i] != ABSENT)
			assert_next(merge, i, newest[i]);
	assert_end(merge);
	memtable_merge_free(merge);
	for (t = 0; t < TABLES; t++)
		memtable_put(tables[t]);
}
END_TEST

START_TEST(of_empty_tables_nothing_comes)
{
	struct memtable_merge *merge = memtable_merge_new();
	struct memtable *empty = memtable_new();

	assert_end(merge);
	memtable_merge_free(merge);
	merge = memtable_merge_new();
	memtable_merge_add(merge, empty);
	memtable_merge_add(merge, empty);
	assert_end(merge);
	memtable_merge_free(merge);
	memtable_put(empty);
}
END_TEST

UNIT_MAIN("cache/memtable_merge", yields_each_key_once_with_its_newest_value,
	  of_empty_tables_nothing_comes)
