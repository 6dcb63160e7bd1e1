/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/inode_table.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "backend/base/buffer.h"
#include "backend/base/lock.h"
#include "cache/row_format.h"

#define SHARDS	     64
#define CAPACITY_MIN 16

/* The two counts of an entry share a word: the kernel counts look-ups in 64
 * bits, but 2^44 of one inode do not happen; nor do 2^20 writers. */
#define WRITER_BITS 20
#define WRITER_ONE  1ULL
#define WRITER_MASK ((1ULL << WRITER_BITS) - 1)
#define LOOKUP_ONE  (1ULL << WRITER_BITS)

struct entry {
	uint64_t ino; /* 0: free */
	uint64_t counts;
};

struct shard {
	struct lock lock;
	/* guarded by lock */
	struct entry *entries;
	size_t capacity; /* a power of two */
	size_t used;
} __attribute__((aligned(64)));

struct inode_table {
	struct shard shards[SHARDS];
};

/* Neighbouring numbers go to different shards and far apart in them. */
static uint64_t hash(uint64_t ino)
{
	return ino * 0x9e3779b97f4a7c15ULL;
}

static struct shard *shard_of(struct inode_table *table, uint64_t ino)
{
	return &table->shards[hash(ino) >> 58];
}

static size_t home(const struct shard *shard, uint64_t ino)
{
	return (hash(ino) >> 16) & (shard->capacity - 1);
}

struct inode_table *inode_table_new(void)
{
	struct inode_table *table = aligned_alloc(64, sizeof(*table));
	size_t i;

	if (!table)
		abort();
	for (i = 0; i < SHARDS; i++) {
		struct shard *shard = &table->shards[i];

		lock_init(&shard->lock, LOCK_RANK_SESSION);
		shard->capacity = CAPACITY_MIN;
		shard->used = 0;
		shard->entries = xcalloc(CAPACITY_MIN, sizeof(*shard->entries));
	}
	return table;
}

void inode_table_free(struct inode_table *table)
{
	size_t i;

	for (i = 0; table && i < SHARDS; i++) {
		lock_destroy(&table->shards[i].lock);
		free(table->shards[i].entries);
	}
	free(table);
}

/* The entry of the inode, or the free one where it belongs. */
static struct entry *find_locked(struct shard *shard, uint64_t ino)
{
	size_t at = home(shard, ino);

	lock_assert_held(&shard->lock);
	while (shard->entries[at].ino && shard->entries[at].ino != ino)
		at = (at + 1) & (shard->capacity - 1);
	return &shard->entries[at];
}

static void resize_locked(struct shard *shard, size_t capacity)
{
	struct entry *old = shard->entries;
	size_t old_capacity = shard->capacity;
	size_t i;

	shard->entries = xcalloc(capacity, sizeof(*shard->entries));
	shard->capacity = capacity;
	for (i = 0; i < old_capacity; i++) {
		if (old[i].ino)
			*find_locked(shard, old[i].ino) = old[i];
	}
	free(old);
}

/* Removes an entry; those behind it move up, so that no probe ends early. */
static void remove_locked(struct shard *shard, struct entry *entry)
{
	size_t mask = shard->capacity - 1;
	size_t hole = (size_t)(entry - shard->entries);
	size_t at = hole;

	for (;;) {
		at = (at + 1) & mask;
		if (!shard->entries[at].ino)
			break;
		/* It may move unless its home lies behind the hole. */
		if (((at - home(shard, shard->entries[at].ino)) & mask) < ((at - hole) & mask))
			continue;
		shard->entries[hole] = shard->entries[at];
		hole = at;
	}
	shard->entries[hole].ino = 0;
	shard->used--;
	if (shard->capacity > CAPACITY_MIN && shard->used < shard->capacity / 8)
		resize_locked(shard, shard->capacity / 2);
}

void inode_table_get(struct inode_table *table, uint64_t ino)
{
	struct shard *shard = shard_of(table, ino);
	struct entry *entry;

	if (ino == ROOT_INO)
		return;
	lock_acquire(&shard->lock);
	if (shard->used >= shard->capacity - shard->capacity / 4)
		resize_locked(shard, shard->capacity * 2);
	entry = find_locked(shard, ino);
	if (!entry->ino) {
		entry->ino = ino;
		entry->counts = 0;
		shard->used++;
	}
	entry->counts += LOOKUP_ONE;
	lock_release(&shard->lock);
}

bool inode_table_put(struct inode_table *table, uint64_t ino, uint64_t count)
{
	struct shard *shard = shard_of(table, ino);
	struct entry *entry;
	bool gone;

	if (ino == ROOT_INO)
		return false;
	lock_acquire(&shard->lock);
	entry = find_locked(shard, ino);
	assert(entry->ino && entry->counts >> WRITER_BITS >= count);
	entry->counts -= count << WRITER_BITS;
	gone = entry->counts < LOOKUP_ONE;
	if (gone)
		remove_locked(shard, entry);
	lock_release(&shard->lock);
	return gone;
}

void inode_table_writer_add(struct inode_table *table, uint64_t ino)
{
	struct shard *shard = shard_of(table, ino);
	struct entry *entry;

	lock_acquire(&shard->lock);
	entry = find_locked(shard, ino);
	assert(entry->ino && (entry->counts & WRITER_MASK) < WRITER_MASK);
	entry->counts += WRITER_ONE;
	lock_release(&shard->lock);
}

void inode_table_writer_remove(struct inode_table *table, uint64_t ino)
{
	struct shard *shard = shard_of(table, ino);
	struct entry *entry;

	lock_acquire(&shard->lock);
	entry = find_locked(shard, ino);
	/* The kernel forgets an inode after its last release was answered; should it
	 * not, nothing is left to count. */
	if (entry->ino) {
		assert(entry->counts & WRITER_MASK);
		entry->counts -= WRITER_ONE;
	}
	lock_release(&shard->lock);
}

bool inode_table_is_written(struct inode_table *table, uint64_t ino)
{
	struct shard *shard = shard_of(table, ino);
	struct entry *entry;
	bool written;

	lock_acquire(&shard->lock);
	entry = find_locked(shard, ino);
	written = entry->ino && entry->counts & WRITER_MASK;
	lock_release(&shard->lock);
	return written;
}

bool inode_table_has(struct inode_table *table, uint64_t ino)
{
	struct shard *shard = shard_of(table, ino);
	bool known;

	lock_acquire(&shard->lock);
	known = find_locked(shard, ino)->ino != 0;
	lock_release(&shard->lock);
	return known;
}

/* The inodes of a shard, or the written ones, in an array that the caller frees. */
static uint64_t *shard_list(struct shard *shard, bool written, size_t *count_out)
{
	uint64_t *list;
	size_t i;

	*count_out = 0;
	lock_acquire(&shard->lock);
	list = xmalloc((shard->used + 1) * sizeof(*list));
	for (i = 0; i < shard->capacity; i++) {
		if (shard->entries[i].ino && (!written || shard->entries[i].counts & WRITER_MASK))
			list[(*count_out)++] = shard->entries[i].ino;
	}
	lock_release(&shard->lock);
	return list;
}

static void each(struct inode_table *table, bool written, void (*fn)(uint64_t ino, void *arg),
		 void *arg)
{
	size_t shard;

	for (shard = 0; shard < SHARDS; shard++) {
		size_t count;
		uint64_t *list = shard_list(&table->shards[shard], written, &count);
		size_t i;

		for (i = 0; i < count; i++)
			fn(list[i], arg);
		free(list);
	}
}

void inode_table_each(struct inode_table *table, void (*fn)(uint64_t ino, void *arg), void *arg)
{
	each(table, false, fn, arg);
}

void inode_table_each_written(struct inode_table *table, void (*fn)(uint64_t ino, void *arg),
			      void *arg)
{
	each(table, true, fn, arg);
}

uint64_t inode_table_count(struct inode_table *table)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < SHARDS; i++) {
		lock_acquire(&table->shards[i].lock);
		total += table->shards[i].used;
		lock_release(&table->shards[i].lock);
	}
	return total;
}
