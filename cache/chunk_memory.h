/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoded chunks in memory: a bounded map from chunk id to raw bytes, the
 * least recently used one leaves first, and before it those that were read to
 * their end: what was read ahead is older than they are, and yet to be used. It
 * makes the small files of one solid chunk cost one decode, and gives a chunk to
 * its readers before (or without) a place on the cache disk.
 *
 * Entries are reference-counted: one that left the map lives until its last
 * user puts it. The caller's lock guards the map (fetch.c: FETCH); the bytes
 * of an entry never change.
 */
#ifndef DRAY_CACHE_CHUNK_MEMORY_H
#define DRAY_CACHE_CHUNK_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/buffer_pool.h"

struct chunk_memory;

struct chunk_bytes {
	/* immutable */
	uint64_t chunk;
	uint8_t *data;
	size_t length;
	size_t capacity;
	struct buffer_pool *pool; /* where the memory goes */
	/* atomic */
	atomic_uint references;
	atomic_bool kept;      /* given to the cache disk, too */
	_Atomic size_t unread; /* so many of them nobody has read yet */
	/* guarded by the map's lock */
	struct chunk_bytes *hash_next;
	struct chunk_bytes *newer;
	struct chunk_bytes *older;
};

struct chunk_memory *chunk_memory_new(size_t bytes_max);
void chunk_memory_free(struct chunk_memory *memory);

/* Takes the buffer's bytes, whose memory goes to the pool in the end; the
 * result has one reference, the caller's. */
struct chunk_bytes *chunk_bytes_new(uint64_t chunk, struct buffer *raw, struct buffer_pool *pool);
struct chunk_bytes *chunk_bytes_get(struct chunk_bytes *bytes);
void chunk_bytes_put(struct chunk_bytes *bytes);
/* `length` of the bytes are read: how many of these for the first time, as far
 * as counting tells. */
size_t chunk_bytes_note_read(struct chunk_bytes *bytes, size_t length);

/* The entry, referenced for the caller and now the newest; or NULL. */
struct chunk_bytes *chunk_memory_find(struct chunk_memory *memory, uint64_t chunk);
/* The entry, if it is there, is the next to leave: a reader came to its end. */
void chunk_memory_retire(struct chunk_memory *memory, uint64_t chunk);
/* Adds (the map takes a reference of its own) and drops the oldest beyond
 * the bound. A chunk that is there already is left as it is. */
void chunk_memory_add(struct chunk_memory *memory, struct chunk_bytes *bytes);

#endif
