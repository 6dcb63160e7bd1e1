/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fetch job: chunks that lie next to each other in one pack and come in one
 * ranged GET. Building one reads the index; running one is the GET and the
 * decoding. No locks, no threads.
 */
#ifndef DRAY_CACHE_FETCH_JOB_H
#define DRAY_CACHE_FETCH_JOB_H

#include "cache/cache_int.h"

#define FETCH_JOB_CHUNKS_MAX 128
/* One GET asks for at most this much (a single larger chunk excepted). */
#define FETCH_JOB_BYTES_MAX (4u << 20)
/* A miss of a small chunk brings its neighbours up to this much. */
#define FETCH_WIDEN_BYTES (1u << 20)

struct fetch_target {
	uint64_t chunk;
	struct chunk_row row;
};

enum fetch_job_state { FETCH_JOB_AHEAD = 1, FETCH_JOB_URGENT, FETCH_JOB_RUNNING };

struct fetch_job {
	struct pack_row pack;
	uint64_t pack_number;
	uint32_t count; /* targets, in order of their offset, without gaps */
	struct fetch_target targets[FETCH_JOB_CHUNKS_MAX];
	/* the queue's */
	enum fetch_job_state state;
	bool guessed;
	const void *owner;
	struct fetch_job *next;
};

/* The rows that say where a chunk is. -ERR_index_corrupt when one lacks. */
int fetch_locate(struct index *index, uint64_t chunk, struct chunk_row *chunk_out,
		 struct pack_row *pack_out);
/* A job for one chunk. */
int fetch_job_new(struct index *index, uint64_t chunk, struct fetch_job **out);
/* Adds a chunk; false when it is not the pack's next one or the job is full. */
bool fetch_job_add(struct fetch_job *job, uint64_t chunk, const struct chunk_row *row);
/*
 * Adds the chunks that follow in the pack when the job is small.
 * wanted(arg) tells for each whether it is worth fetching; the first that is
 * not ends it.
 */
typedef bool fetch_wanted_fn(uint64_t chunk, void *arg);
void fetch_job_widen(struct fetch_job *job, struct index *index, fetch_wanted_fn *wanted,
		     void *arg);
/* Bytes of the GET. */
uint32_t fetch_job_bytes(const struct fetch_job *job);
/* The GET, appended to out. A short or missing object is an error. */
int fetch_job_get(struct cache *cache, const struct fetch_job *job, struct buffer *out);
/* The raw bytes of target `i`, verified; stored: what fetch_job_get() gave. */
int fetch_job_decode(struct cache *cache, const struct fetch_job *job, uint32_t i,
		     const struct buffer *stored, struct buffer *raw_out);

#endif
