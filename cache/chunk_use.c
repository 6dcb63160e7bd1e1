/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/chunk_use.h"

#include <stdlib.h>

#include "backend/base/buffer.h"
#include "backend/base/lock.h"
#include "cache/evict_policy.h"

/* Chunks are mostly larger; the tables' memory is bounded by the last. */
#define BYTES_A_CHUNK (32u << 10)
#define CHUNKS_MIN    (4u << 10)
#define CHUNKS_MAX    (1u << 20)

struct chunk_use {
	struct lock lock;
	/* guarded by lock */
	struct evict_policy *policy;
};

static size_t chunks_of(uint64_t cache_bytes)
{
	uint64_t chunks = cache_bytes / BYTES_A_CHUNK;

	if (chunks < CHUNKS_MIN)
		return CHUNKS_MIN;
	return chunks > CHUNKS_MAX ? CHUNKS_MAX : (size_t)chunks;
}

struct chunk_use *chunk_use_new(uint64_t cache_bytes)
{
	struct chunk_use *use = xcalloc(1, sizeof(*use));

	lock_init(&use->lock, LOCK_RANK_LEAF);
	use->policy = evict_policy_new(cache_bytes, chunks_of(cache_bytes));
	return use;
}

void chunk_use_free(struct chunk_use *use)
{
	if (!use)
		return;
	evict_policy_free(use->policy);
	lock_destroy(&use->lock);
	free(use);
}

void chunk_use_resize(struct chunk_use *use, uint64_t cache_bytes)
{
	if (!use)
		return;
	lock_acquire(&use->lock);
	evict_policy_resize(use->policy, cache_bytes);
	lock_release(&use->lock);
}

void chunk_use_note_read(struct chunk_use *use, uint64_t chunk, uint64_t bytes)
{
	if (!use)
		return;
	lock_acquire(&use->lock);
	evict_policy_note_read(use->policy, chunk, bytes);
	lock_release(&use->lock);
}

enum segment_class chunk_use_admit(struct chunk_use *use, uint64_t chunk)
{
	enum evict_queue queue;

	if (!use)
		return SEGMENT_CLASS_FETCHED;
	lock_acquire(&use->lock);
	queue = evict_policy_admit(use->policy, chunk);
	lock_release(&use->lock);
	return queue == EVICT_KEPT ? SEGMENT_CLASS_KEPT : SEGMENT_CLASS_FETCHED;
}

bool chunk_use_is_used(struct chunk_use *use, uint64_t chunk)
{
	bool used;

	if (!use)
		return false;
	lock_acquire(&use->lock);
	used = evict_policy_is_used(use->policy, chunk);
	lock_release(&use->lock);
	return used;
}

bool chunk_use_judge(struct chunk_use *use, uint64_t chunk, uint64_t bytes, bool kept)
{
	bool stays;

	if (!use)
		return false;
	lock_acquire(&use->lock);
	stays = evict_policy_judge(use->policy, chunk, bytes, kept ? EVICT_KEPT : EVICT_PROBATION);
	lock_release(&use->lock);
	return stays;
}

void chunk_use_expect(struct chunk_use *use, uint64_t chunk)
{
	if (!use)
		return;
	lock_acquire(&use->lock);
	evict_policy_expect(use->policy, chunk);
	lock_release(&use->lock);
}
