/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/node.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#define NODE_SHARDS	   64
#define NODE_SHARD_BUCKETS 128
#define NODE_LOCK_MANY_MAX 4

struct node_shard {
	struct lock lock;
	/* guarded by lock */
	struct node *buckets[NODE_SHARD_BUCKETS];
	size_t count;
};

struct node_table {
	_Atomic uint64_t flushed_lsn;
	struct node_shard shards[NODE_SHARDS];
};

struct node_table *node_table_new(void)
{
	struct node_table *table = xcalloc(1, sizeof(*table));
	unsigned int i;

	for (i = 0; i < NODE_SHARDS; i++)
		lock_init(&table->shards[i].lock, LOCK_RANK_NODE_TABLE);
	return table;
}

/* Neighbouring inodes go to different shards. */
static struct node_shard *shard_of(struct node_table *table, uint64_t ino)
{
	return &table->shards[ino % NODE_SHARDS];
}

static struct node **bucket_of(struct node_shard *shard, uint64_t ino)
{
	return &shard->buckets[ino / NODE_SHARDS % NODE_SHARD_BUCKETS];
}

static struct node *node_new(uint64_t ino)
{
	struct node *node = xcalloc(1, sizeof(*node));

	node->ino = ino;
	rwlock_init(&node->lock, LOCK_RANK_NODE);
	lock_init(&node->stream_lock, LOCK_RANK_LEAF);
	return node;
}

static void node_free(struct node *node)
{
	rwlock_destroy(&node->lock);
	lock_destroy(&node->stream_lock);
	free(node);
}

struct node *node_get(struct node_table *table, uint64_t ino)
{
	struct node_shard *shard = shard_of(table, ino);
	struct node **bucket = bucket_of(shard, ino);
	struct node *node;

	lock_acquire(&shard->lock);
	for (node = *bucket; node && node->ino != ino; node = node->next)
		;
	if (!node) {
		node = node_new(ino);
		node->next = *bucket;
		*bucket = node;
		shard->count++;
	}
	node->references++;
	lock_release(&shard->lock);
	return node;
}

/* Nobody refers to the node, so nobody changes what its own lock guards. */
static bool node_is_idle_locked(struct node_table *table, struct node_shard *shard,
				const struct node *node)
{
	lock_assert_held(&shard->lock);
	(void)shard;
	return !node->references &&
	       (!node->unflushed_bytes || node->content_lsn <= atomic_load(&table->flushed_lsn));
}

static void shard_remove_locked(struct node_shard *shard, struct node **link)
{
	struct node *node = *link;

	lock_assert_held(&shard->lock);
	*link = node->next;
	shard->count--;
	node_free(node);
}

void node_put(struct node_table *table, struct node *node)
{
	struct node_shard *shard = shard_of(table, node->ino);
	struct node **link;

	lock_acquire(&shard->lock);
	assert(node->references > 0);
	node->references--;
	if (node_is_idle_locked(table, shard, node)) {
		for (link = bucket_of(shard, node->ino); *link != node; link = &(*link)->next)
			;
		shard_remove_locked(shard, link);
	}
	lock_release(&shard->lock);
}

void node_table_flushed(struct node_table *table, uint64_t lsn)
{
	uint64_t before = atomic_load(&table->flushed_lsn);
	unsigned int i, bucket;

	while (before < lsn && !atomic_compare_exchange_weak(&table->flushed_lsn, &before, lsn))
		;
	for (i = 0; i < NODE_SHARDS; i++) {
		struct node_shard *shard = &table->shards[i];

		lock_acquire(&shard->lock);
		for (bucket = 0; bucket < NODE_SHARD_BUCKETS && shard->count; bucket++) {
			struct node **link = &shard->buckets[bucket];

			while (*link) {
				if (node_is_idle_locked(table, shard, *link))
					shard_remove_locked(shard, link);
				else
					link = &(*link)->next;
			}
		}
		lock_release(&shard->lock);
	}
}

uint64_t node_table_flushed_lsn(const struct node_table *table)
{
	return atomic_load(&table->flushed_lsn);
}

size_t node_table_count(struct node_table *table)
{
	size_t count = 0;
	unsigned int i;

	for (i = 0; i < NODE_SHARDS; i++) {
		lock_acquire(&table->shards[i].lock);
		count += table->shards[i].count;
		lock_release(&table->shards[i].lock);
	}
	return count;
}

void node_table_free(struct node_table *table)
{
	unsigned int i;

	if (!table)
		return;
	/* Nodes may be left that wait for a flush; none is in use. */
	node_table_flushed(table, UINT64_MAX);
	assert(!node_table_count(table));
	for (i = 0; i < NODE_SHARDS; i++)
		lock_destroy(&table->shards[i].lock);
	free(table);
}

/* The distinct nodes in ascending order of their numbers. */
static unsigned int sort_nodes(struct node **nodes, unsigned int count, struct node **sorted)
{
	unsigned int distinct = 0;
	unsigned int i, at;

	assert(count <= NODE_LOCK_MANY_MAX);
	for (i = 0; i < count; i++) {
		for (at = 0; at < distinct && sorted[at] != nodes[i]; at++)
			;
		if (at < distinct)
			continue;
		for (at = distinct; at > 0 && sorted[at - 1]->ino > nodes[i]->ino; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = nodes[i];
		distinct++;
	}
	return distinct;
}

void node_lock_many(struct node **nodes, unsigned int count)
{
	struct node *sorted[NODE_LOCK_MANY_MAX];
	unsigned int distinct = sort_nodes(nodes, count, sorted);
	unsigned int i;

	for (i = 0; i < distinct; i++)
		rwlock_acquire_write(&sorted[i]->lock);
}

void node_unlock_many(struct node **nodes, unsigned int count)
{
	struct node *sorted[NODE_LOCK_MANY_MAX];
	unsigned int distinct = sort_nodes(nodes, count, sorted);

	while (distinct > 0)
		rwlock_release(&sorted[--distinct]->lock);
}

void node_note_unflushed(struct node *node, const struct segment_place *place, uint32_t bytes,
			 uint64_t lsn)
{
	if (!node->unflushed_bytes) {
		node->unflushed_segment_min = place->segment;
		node->unflushed_segment_max = place->segment;
	}
	if (place->segment < node->unflushed_segment_min)
		node->unflushed_segment_min = place->segment;
	if (place->segment > node->unflushed_segment_max)
		node->unflushed_segment_max = place->segment;
	if (node->unflushed_count < NODE_UNFLUSHED_MAX) {
		node->unflushed[node->unflushed_count].segment = place->segment;
		node->unflushed[node->unflushed_count].record = place->record;
		node->unflushed[node->unflushed_count].bytes = bytes;
	}
	node->unflushed_count++;
	node->unflushed_bytes += bytes;
	node->content_lsn = lsn;
}

void node_clear_unflushed(struct node *node)
{
	node->unflushed_count = 0;
	node->unflushed_bytes = 0;
	node->unflushed_segment_min = 0;
	node->unflushed_segment_max = 0;
	node->refilled = false;
}

void node_drop_flushed(struct node_table *table, struct node *node)
{
	if (node->content_lsn <= atomic_load(&table->flushed_lsn))
		node_clear_unflushed(node);
}

bool node_can_redo(const struct node *node)
{
	return node->unflushed_count <= NODE_UNFLUSHED_MAX &&
	       node->unflushed_bytes <= NODE_REDO_BYTES_MAX;
}
