/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/memtable.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "cache/row_format.h"

/* A level holds about a quarter of the nodes of the level below. */
#define HEIGHT_MAX  12
#define BRANCH_BITS 2
#define BLOCK_BYTES (256 * 1024)
#define ALIGNMENT   8

struct memtable_node {
	_Atomic(const struct memtable_value *) values[MEMTABLE_COLUMNS];
	uint16_t key_length;
	uint8_t height;
	/* `height` links, the byte TABLE_DIRTY, the key's bytes. */
	_Atomic(struct memtable_node *) next[];
};

struct block {
	struct block *older;
	uint8_t bytes[];
};

struct memtable {
	atomic_uint references;
	atomic_size_t bytes;
	atomic_size_t count;
	atomic_uint height; /* levels in use */
	/* owned by the writer */
	struct block *blocks;
	uint8_t *block_place;
	size_t block_left;
	uint64_t random_state;
	/* immutable: a node without a key, before all others */
	struct memtable_node *head;
};

static void *arena_new_block(struct memtable *table, size_t size)
{
	struct block *block = xmalloc(sizeof(*block) + size);

	block->older = table->blocks;
	table->blocks = block;
	return block->bytes;
}

static void *arena_alloc(struct memtable *table, size_t size)
{
	uint8_t *place;

	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	/* Only the writer changes it. */
	atomic_store_explicit(&table->bytes, memtable_bytes(table) + size, memory_order_relaxed);
	if (size > BLOCK_BYTES / 4)
		return arena_new_block(table, size);
	if (size > table->block_left) {
		table->block_place = arena_new_block(table, BLOCK_BYTES);
		table->block_left = BLOCK_BYTES;
	}
	place = table->block_place;
	table->block_place += size;
	table->block_left -= size;
	return place;
}

static uint8_t *node_dirty_key(const struct memtable_node *node)
{
	return (uint8_t *)&node->next[node->height];
}

static uint8_t *node_key(const struct memtable_node *node)
{
	return node_dirty_key(node) + 1;
}

static struct memtable_node *node_next(const struct memtable_node *node, unsigned int level)
{
	return atomic_load_explicit(&node->next[level], memory_order_acquire);
}

static struct memtable_node *node_new(struct memtable *table, unsigned int height, const void *key,
				      size_t key_length)
{
	struct memtable_node *node;
	unsigned int level;

	node = arena_alloc(table, sizeof(*node) + height * sizeof(node->next[0]) + 1 + key_length);
	node->height = (uint8_t)height;
	node->key_length = (uint16_t)key_length;
	atomic_init(&node->values[MEMTABLE_ROW], NULL);
	atomic_init(&node->values[MEMTABLE_DIRTY], NULL);
	*node_dirty_key(node) = TABLE_DIRTY;
	for (level = 0; level < height; level++)
		atomic_init(&node->next[level], NULL);
	if (key_length)
		memcpy(node_key(node), key, key_length);
	return node;
}

/* memcmp() order; in words, because keys begin alike and calls add up. */
static int key_compare(const struct memtable_node *node, const void *key, size_t key_length)
{
	const uint8_t *a = node_key(node);
	const uint8_t *b = key;
	size_t left = node->key_length < key_length ? node->key_length : key_length;
	int order;

	for (; left >= 8; left -= 8, a += 8, b += 8) {
		uint64_t word_a = load_be64(a);
		uint64_t word_b = load_be64(b);

		if (word_a != word_b)
			return word_a < word_b ? -1 : 1;
	}
	order = memcmp(a, b, left);
	if (order)
		return order;
	return node->key_length < key_length ? -1 : node->key_length > key_length;
}

/* xorshift64: the heights need to look random, not to be secret. */
static unsigned int random_height(struct memtable *table)
{
	unsigned int height = 1;
	uint64_t bits;

	table->random_state ^= table->random_state << 13;
	table->random_state ^= table->random_state >> 7;
	table->random_state ^= table->random_state << 17;
	bits = table->random_state;
	while (height < HEIGHT_MAX && !(bits & ((1u << BRANCH_BITS) - 1))) {
		height++;
		bits >>= BRANCH_BITS;
	}
	return height;
}

/*
 * The first node >= key. before (may be NULL) gets the last node < key of
 * every level in use.
 */
static struct memtable_node *search(const struct memtable *table, const void *key,
				    size_t key_length, struct memtable_node **before)
{
	struct memtable_node *node = table->head;
	struct memtable_node *known_after = NULL;
	struct memtable_node *next = NULL;
	unsigned int level = atomic_load_explicit(&table->height, memory_order_acquire);

	while (level-- > 0) {
		/* Coming from a level above, `known_after` was compared already. */
		while ((next = node_next(node, level)) && next != known_after &&
		       key_compare(next, key, key_length) < 0)
			node = next;
		known_after = next;
		if (before)
			before[level] = node;
	}
	return next;
}

struct memtable *memtable_new(void)
{
	struct memtable *table = xcalloc(1, sizeof(*table));

	atomic_init(&table->references, 1);
	atomic_init(&table->height, 1);
	table->random_state = 0x9e3779b97f4a7c15u;
	table->head = node_new(table, HEIGHT_MAX, NULL, 0);
	return table;
}

struct memtable *memtable_get(struct memtable *table)
{
	atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
	return table;
}

void memtable_put(struct memtable *table)
{
	struct block *block;

	if (atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) > 1)
		return;
	while ((block = table->blocks)) {
		table->blocks = block->older;
		free(block);
	}
	free(table);
}

static struct memtable_node *insert_node(struct memtable *table, struct memtable_node **before,
					 const void *key, size_t key_length)
{
	unsigned int height = random_height(table);
	unsigned int level = atomic_load_explicit(&table->height, memory_order_relaxed);
	struct memtable_node *node = node_new(table, height, key, key_length);

	for (; level < height; level++)
		before[level] = table->head;
	for (level = 0; level < height; level++)
		atomic_init(&node->next[level], node_next(before[level], level));
	/* Lowest first: a reader that finds the node above finds it below. */
	for (level = 0; level < height; level++)
		atomic_store_explicit(&before[level]->next[level], node, memory_order_release);
	if (height > atomic_load_explicit(&table->height, memory_order_relaxed))
		atomic_store_explicit(&table->height, height, memory_order_release);
	atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
	return node;
}

struct memtable_node *memtable_node(struct memtable *table, const void *key, size_t key_length)
{
	struct memtable_node *before[HEIGHT_MAX];
	struct memtable_node *node;

	assert(key_length && key_length <= ROW_KEY_MAX);
	assert(key_table(key, key_length) < TABLE_DIRTY);
	node = search(table, key, key_length, before);
	if (node && !key_compare(node, key, key_length))
		return node;
	return insert_node(table, before, key, key_length);
}

const struct memtable_value *memtable_node_get(const struct memtable_node *node,
					       enum memtable_column column)
{
	return atomic_load_explicit(&node->values[column], memory_order_acquire);
}

void memtable_node_set(struct memtable *table, struct memtable_node *node,
		       enum memtable_column column, const void *value, size_t value_length)
{
	struct memtable_value *copy = arena_alloc(table, sizeof(*copy) + value_length);

	copy->length = (uint32_t)value_length;
	copy->deleted = false;
	if (value_length)
		memcpy(copy->bytes, value, value_length);
	atomic_store_explicit(&node->values[column], copy, memory_order_release);
}

void memtable_node_erase(struct memtable_node *node, enum memtable_column column)
{
	static const struct memtable_value tombstone = { .deleted = true };

	atomic_store_explicit(&node->values[column], &tombstone, memory_order_release);
}

/* Turns the key of a DIRTY row into that of its row. */
static enum memtable_column split_key(const void **key, size_t *key_length)
{
	if (key_table(*key, *key_length) != TABLE_DIRTY)
		return MEMTABLE_ROW;
	*key = (const uint8_t *)*key + 1;
	*key_length -= 1;
	return MEMTABLE_DIRTY;
}

void memtable_insert(struct memtable *table, const void *key, size_t key_length, const void *value,
		     size_t value_length)
{
	enum memtable_column column = split_key(&key, &key_length);

	memtable_node_set(table, memtable_node(table, key, key_length), column, value,
			  value_length);
}

void memtable_erase(struct memtable *table, const void *key, size_t key_length)
{
	enum memtable_column column = split_key(&key, &key_length);

	memtable_node_erase(memtable_node(table, key, key_length), column);
}

const struct memtable_value *memtable_find(const struct memtable *table, const void *key,
					   size_t key_length)
{
	enum memtable_column column = split_key(&key, &key_length);
	const struct memtable_node *node = search(table, key, key_length, NULL);

	if (!node || key_compare(node, key, key_length))
		return NULL;
	return memtable_node_get(node, column);
}

size_t memtable_bytes(const struct memtable *table)
{
	return atomic_load_explicit(&table->bytes, memory_order_relaxed);
}

size_t memtable_count(const struct memtable *table)
{
	return atomic_load_explicit(&table->count, memory_order_relaxed);
}

/* Goes on from the node to one that has a value in the cursor's column. */
static void settle(struct memtable_cursor *cursor)
{
	for (;;) {
		while (cursor->node && !memtable_node_get(cursor->node, cursor->column))
			cursor->node = node_next(cursor->node, 0);
		if (cursor->node || cursor->column == MEMTABLE_DIRTY)
			return;
		cursor->column = MEMTABLE_DIRTY;
		cursor->node = node_next(cursor->table->head, 0);
	}
}

void memtable_seek(const struct memtable *table, const void *key, size_t key_length,
		   struct memtable_cursor *out)
{
	out->table = table;
	out->column = split_key(&key, &key_length);
	out->node = key_length ? search(table, key, key_length, NULL) : node_next(table->head, 0);
	settle(out);
}

void memtable_next(struct memtable_cursor *cursor)
{
	cursor->node = node_next(cursor->node, 0);
	settle(cursor);
}

const uint8_t *memtable_key(const struct memtable_cursor *cursor, size_t *length_out)
{
	if (cursor->column == MEMTABLE_DIRTY) {
		*length_out = cursor->node->key_length + 1;
		return node_dirty_key(cursor->node);
	}
	*length_out = cursor->node->key_length;
	return node_key(cursor->node);
}

const struct memtable_value *memtable_value(const struct memtable_cursor *cursor)
{
	return memtable_node_get(cursor->node, cursor->column);
}
