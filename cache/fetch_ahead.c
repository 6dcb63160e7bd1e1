/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching what may be read soon (fetch.h). */
#include <stdlib.h>

#include "cache/cache_int.h"
#include "cache/cached_chunk.h"
#include "cache/fetch_int.h"

#define FETCH_AHEAD_BYTES (64u << 20)

bool fetch_is_missing(uint64_t chunk, void *arg)
{
	struct fetch *fetch = arg;
	bool in_flight;

	if (cached_chunk_exists(fetch->cache, chunk))
		return false;
	lock_acquire(&fetch->lock);
	in_flight = flight_find(&fetch->flights, chunk) != NULL;
	lock_release(&fetch->lock);
	return !in_flight;
}

uint64_t fetch_ahead_room(struct fetch *fetch)
{
	uint64_t used = atomic_load(&fetch->queue.ahead_bytes);

	return used < FETCH_AHEAD_BYTES ? (FETCH_AHEAD_BYTES - used) / 2 : 0;
}

void fetch_cancel(struct fetch *fetch, const void *owner)
{
	struct fetch_job *job;

	lock_acquire(&fetch->lock);
	while ((job = fetch_queue_cancel(&fetch->queue, owner))) {
		fetch_remove_flights_locked(fetch, job);
		free(job);
	}
	lock_release(&fetch->lock);
}

void fetch_ahead(struct fetch *fetch, const void *owner, const uint64_t *chunks, size_t count,
		 unsigned int flags)
{
	struct index *index = fetch->cache->index;
	struct fetch_job *job;
	struct chunk_row row;
	struct pack_row pack;
	size_t i = 0;
	bool full = false;

	while (i < count && !full) {
		if (!fetch_is_missing(chunks[i], fetch) || fetch_job_new(index, chunks[i], &job)) {
			i++;
			continue;
		}
		for (i++; i < count; i++) {
			if (!fetch_is_missing(chunks[i], fetch) ||
			    fetch_locate(index, chunks[i], &row, &pack) ||
			    !fetch_job_add(job, chunks[i], &row))
				break;
		}
		fetch_job_widen(job, index, fetch_is_missing, fetch);
		lock_acquire(&fetch->lock);
		full = fetch->queue.ahead_bytes >= FETCH_AHEAD_BYTES || fetch->stopping;
		if (!full && fetch_trim_locked(fetch, job)) {
			fetch->stats.bytes_ahead += fetch_job_bytes(job);
			fetch_add_locked(fetch, job, true, owner, flags);
			job = NULL;
		}
		lock_release(&fetch->lock);
		free(job);
	}
}
