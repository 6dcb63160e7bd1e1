/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks on their way from the cloud, found by chunk id. A chunk stays in the
 * table until its bytes are cached on disk, so that no second fetch starts in
 * between.
 *
 *	WANTED   in a job of the queue, or at work: `job`
 *	READY    `bytes` is there
 *	FAILED   `code` and `message` say why
 *
 * `keep`: somebody wants the bytes in the cache; it counts up to the time at
 * which they are READY.
 *
 * `over`: no longer in the table. The table holds one reference (until the end
 * of the job), each waiter one. The lock of fetch.c guards everything here.
 */
#ifndef DRAY_CACHE_FLIGHT_H
#define DRAY_CACHE_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/chunk_memory.h"

#define FLIGHT_BUCKETS 1024

struct fetch_job;

enum flight_state { FLIGHT_WANTED = 1, FLIGHT_READY, FLIGHT_FAILED };

struct flight {
	uint64_t chunk;
	enum flight_state state;
	bool over;
	bool keep;
	unsigned int references;
	struct fetch_job *job;
	struct chunk_bytes *bytes;
	int code;
	char message[512];
	struct flight *next;
};

struct flight_table {
	struct flight *buckets[FLIGHT_BUCKETS];
	uint64_t over; /* so many left the table */
};

/* NULL when the chunk is not on its way. */
struct flight *flight_find(struct flight_table *table, uint64_t chunk);
/* A WANTED flight, which the job brings; there must be none of this chunk. */
void flight_add(struct flight_table *table, uint64_t chunk, struct fetch_job *job, bool keep);
/* WANTED becomes READY (with a reference of its own to the bytes), or FAILED
 * with the code and the calling thread's sentence for it. */
void flight_land(struct flight *flight, struct chunk_bytes *bytes, int code);
/* Out of the table; waiters keep what they have. */
void flight_remove(struct flight_table *table, uint64_t chunk);

struct flight *flight_get(struct flight *flight);
void flight_put(struct flight *flight);

#endif
