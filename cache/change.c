/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/change.h"

#include <assert.h>
#include <string.h>

#include "backend/base/clock.h"
#include "cache/cache_int.h"

int change_begin(struct change *change, struct cache *cache)
{
	memset(change, 0, sizeof(*change));
	change->cache = cache;
	batch_init(&change->batch, BATCH_ROWS, 0);
	return cache_check_writable(cache);
}

void change_lock(struct change *change, const uint64_t *inos, unsigned int count)
{
	unsigned int i;

	assert(!change->node_count && count <= CHANGE_INODES_MAX);
	for (i = 0; i < count; i++) {
		if (inos[i])
			change->nodes[change->node_count++] =
				node_get(change->cache->nodes, inos[i]);
	}
	node_lock_many(change->nodes, change->node_count);
	change->batch.time_ns = clock_real_ns();
	change->now = clock_to_timespec(change->batch.time_ns);
}

static void drop_locks(struct change *change)
{
	if (!change->node_count)
		return;
	node_unlock_many(change->nodes, change->node_count);
	while (change->node_count)
		node_put(change->cache->nodes, change->nodes[--change->node_count]);
}

void change_unlock(struct change *change)
{
	drop_locks(change);
	batch_reset(&change->batch, BATCH_ROWS, 0);
}

/* fsync has to wait for the record. */
static void note_content(struct change *change, uint64_t lsn)
{
	unsigned int i;

	for (i = 0; i < change->node_count; i++) {
		if (change->batch.kind == BATCH_CONTENT &&
		    change->nodes[i]->ino == change->batch.ino)
			change->nodes[i]->content_lsn = lsn;
	}
}

int change_commit(struct change *change)
{
	uint64_t lsn;
	int result;

	assert(change->node_count);
	result = index_commit_begin(change->cache->index, &change->batch, &lsn);
	if (!result)
		note_content(change, lsn);
	drop_locks(change);
	if (!result)
		result = index_written(change->cache->index, lsn);
	if (result)
		cache_fail(change->cache, result);
	return result;
}

void change_end(struct change *change)
{
	drop_locks(change);
	batch_release(&change->batch);
}
