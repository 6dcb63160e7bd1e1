/* SPDX-License-Identifier: Apache-2.0 */
/* What fetch.c and fetch_ahead.c share. */
#ifndef DRAY_CACHE_FETCH_INT_H
#define DRAY_CACHE_FETCH_INT_H

#include "cache/fetch.h"
#include "cache/fetch_queue.h"
#include "cache/flight.h"

struct fetch {
	/* immutable */
	struct cache *cache;
	unsigned int thread_count;
	pthread_t *threads;
	struct buffer_pool *pool; /* of stored and of raw chunks */
	struct lock lock;
	struct condition work;	 /* a job was queued, or stop */
	struct condition landed; /* a flight became READY or FAILED, or is over */
	/* guarded by lock */
	bool stopping;
	struct chunk_memory *memory;
	struct flight_table flights;
	struct fetch_queue queue;
	struct fetch_stats stats;
};

/* A job that is not queued: adds its flights and queues it. */
void fetch_add_locked(struct fetch *fetch, struct fetch_job *job, bool guessed, const void *owner,
		      unsigned int flags);
/* Drops from the job's end what someone else has started meanwhile; false: all
 * of it. */
bool fetch_trim_locked(struct fetch *fetch, struct fetch_job *job);
/* Its flights are over, whether or not they brought something. */
void fetch_remove_flights_locked(struct fetch *fetch, const struct fetch_job *job);
/* Neither on the cache disk nor on its way; arg: the struct fetch. */
bool fetch_is_missing(uint64_t chunk, void *arg);

#endif
