/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/fetch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/cache_int.h"
#include "cache/cached_chunk.h"
#include "cache/chunk_memory.h"
#include "cache/fetch_int.h"
#include "cache/io.h"

#define FETCH_MEMORY_BYTES (32u << 20)
#define FETCH_POOL_BYTES   (16u << 20)
#define FETCH_RAW_BYTES	   (4u << 20)

static uint64_t flights_over(struct fetch *fetch)
{
	uint64_t over;

	lock_acquire(&fetch->lock);
	over = fetch->flights.over;
	lock_release(&fetch->lock);
	return over;
}

void fetch_add_locked(struct fetch *fetch, struct fetch_job *job, bool guessed, const void *owner,
		      unsigned int flags)
{
	uint32_t i;

	lock_assert_held(&fetch->lock);
	for (i = 0; i < job->count; i++)
		flight_add(&fetch->flights, job->targets[i].chunk, job, !(flags & IO_NO_CACHE));
	fetch_queue_add(&fetch->queue, job, guessed, owner);
	condition_signal(&fetch->work);
}

/* Its flights are over, whether or not they brought something. */
void fetch_remove_flights_locked(struct fetch *fetch, const struct fetch_job *job)
{
	uint32_t i;

	lock_assert_held(&fetch->lock);
	for (i = 0; i < job->count; i++)
		flight_remove(&fetch->flights, job->targets[i].chunk);
}

/* Somebody will wait for a flight that is WANTED. */
static void hurry_locked(struct fetch *fetch, const struct flight *flight)
{
	lock_assert_held(&fetch->lock);
	if (flight->state != FLIGHT_WANTED)
		return;
	fetch_queue_hurry(&fetch->queue, flight->job);
	condition_signal(&fetch->work);
}

/* Drops from the job's end what someone else has started meanwhile. */
bool fetch_trim_locked(struct fetch *fetch, struct fetch_job *job)
{
	uint32_t keep = 0;

	while (keep < job->count && !flight_find(&fetch->flights, job->targets[keep].chunk))
		keep++;
	job->count = keep;
	return keep > 0;
}

/*
 * Starts the fetch of a chunk that was found nowhere when `over` flights had
 * ended. -EAGAIN when more have ended since: one of them may have brought it,
 * so look again.
 */
static int start_miss(struct fetch *fetch, uint64_t chunk, uint64_t over, unsigned int flags)
{
	struct fetch_job *job;
	int result = fetch_job_new(fetch->cache->index, chunk, &job);

	if (result)
		return result;
	fetch_job_widen(job, fetch->cache->index, fetch_is_missing, fetch);
	lock_acquire(&fetch->lock);
	if (fetch->flights.over != over) {
		result = -EAGAIN;
	} else if (fetch_trim_locked(fetch, job)) {
		fetch->stats.misses++;
		fetch_add_locked(fetch, job, false, NULL, flags);
		job = NULL;
	}
	lock_release(&fetch->lock);
	free(job);
	return result;
}

static int copy_out(const struct chunk_bytes *bytes, uint32_t offset, uint32_t length, void *out)
{
	if ((uint64_t)offset + length > bytes->length)
		return err_set(-ERR_index_corrupt,
			       "an extent reaches behind the end of chunk %" PRIu64 " (%zu bytes)",
			       bytes->chunk, bytes->length);
	memcpy(out, bytes->data + offset, length);
	return 0;
}

/* Its last byte was read: a reader that goes forward needs it no more. */
static void retire(struct fetch *fetch, uint64_t chunk)
{
	lock_acquire(&fetch->lock);
	chunk_memory_retire(fetch->memory, chunk);
	lock_release(&fetch->lock);
}

/* The chunk from memory or from a flight that is READY; NULL when neither. */
static struct chunk_bytes *find_in_memory(struct fetch *fetch, uint64_t chunk)
{
	struct chunk_bytes *bytes;
	struct flight *flight;

	lock_acquire(&fetch->lock);
	bytes = chunk_memory_find(fetch->memory, chunk);
	flight = bytes ? NULL : flight_find(&fetch->flights, chunk);
	if (flight && flight->state == FLIGHT_READY)
		bytes = chunk_bytes_get(flight->bytes);
	if (bytes)
		fetch->stats.hits_memory++;
	lock_release(&fetch->lock);
	return bytes;
}

/* Waits for the chunk's flight. -EAGAIN: there is none (it landed). */
static int wait_flight(struct fetch *fetch, uint64_t chunk, unsigned int flags,
		       struct chunk_bytes **out)
{
	struct flight *flight;
	int result = 0;

	lock_acquire(&fetch->lock);
	flight = flight_find(&fetch->flights, chunk);
	if (!flight) {
		lock_release(&fetch->lock);
		return -EAGAIN;
	}
	flight_get(flight);
	flight->keep |= !(flags & IO_NO_CACHE);
	hurry_locked(fetch, flight);
	while (flight->state == FLIGHT_WANTED)
		condition_wait(&fetch->landed, &fetch->lock);
	if (flight->state == FLIGHT_READY)
		*out = chunk_bytes_get(flight->bytes);
	else
		result = err_set(flight->code, "%s", flight->message);
	flight_put(flight);
	lock_release(&fetch->lock);
	return result;
}

/*
 * Bytes in memory that no flight has given to the cache disk, for a reader who
 * wants them there. It takes a flight as well, so that it is done once.
 */
static void keep_late(struct fetch *fetch, struct chunk_bytes *bytes)
{
	struct flight_table *flights = &fetch->flights;
	bool mine;

	lock_acquire(&fetch->lock);
	mine = !atomic_load(&bytes->kept) && !flight_find(flights, bytes->chunk);
	if (mine) {
		atomic_store(&bytes->kept, true);
		flight_add(flights, bytes->chunk, NULL, true);
		flight_land(flight_find(flights, bytes->chunk), bytes, 0);
	}
	lock_release(&fetch->lock);
	if (!mine)
		return;
	cached_chunk_keep(fetch->cache, bytes);
	lock_acquire(&fetch->lock);
	flight_remove(flights, bytes->chunk);
	condition_broadcast(&fetch->landed);
	lock_release(&fetch->lock);
}

int fetch_read(struct fetch *fetch, uint64_t chunk, uint32_t offset, uint32_t length,
	       unsigned int flags, void *bytes, uint64_t *missed)
{
	struct chunk_bytes *found;
	uint64_t over;
	int result;

	for (;;) {
		over = flights_over(fetch);
		found = find_in_memory(fetch, chunk);
		if (found)
			break;
		result = cached_chunk_read(fetch->cache, chunk, offset, length, bytes);
		if (result != -ENOENT) {
			lock_acquire(&fetch->lock);
			fetch->stats.hits_disk++;
			lock_release(&fetch->lock);
			return result;
		}
		result = start_miss(fetch, chunk, over, flags);
		if (!result && flags & IO_NO_WAIT)
			return -EAGAIN;
		if (!result)
			result = wait_flight(fetch, chunk, flags, &found);
		if (!result)
			break;
		if (result != -EAGAIN)
			return result;
	}
	result = copy_out(found, offset, length, bytes);
	*missed += chunk_bytes_note_read(found, length);
	if (!(flags & IO_NO_CACHE) && !atomic_load(&found->kept))
		keep_late(fetch, found);
	if ((uint64_t)offset + length == found->length)
		retire(fetch, chunk);
	chunk_bytes_put(found);
	return result;
}

/* Waits until the chunk's flight, if it has one, is over. -EAGAIN when that one
 * did not mean to keep the bytes and could not be told any more. */
static int wait_over(struct fetch *fetch, uint64_t chunk)
{
	struct flight *flight;
	int result = 0;

	lock_acquire(&fetch->lock);
	flight = flight_find(&fetch->flights, chunk);
	if (flight) {
		bool too_late = !flight->keep && flight->state != FLIGHT_WANTED;

		flight_get(flight);
		flight->keep = true;
		hurry_locked(fetch, flight);
		while (!flight->over)
			condition_wait(&fetch->landed, &fetch->lock);
		if (flight->state == FLIGHT_FAILED)
			result = err_set(flight->code, "%s", flight->message);
		else if (too_late)
			result = -EAGAIN;
		flight_put(flight);
	}
	lock_release(&fetch->lock);
	return result;
}

int fetch_warm(struct fetch *fetch, uint64_t chunk)
{
	uint64_t over;
	bool tried = false;
	int result;

	for (;;) {
		over = flights_over(fetch);
		if (cached_chunk_exists(fetch->cache, chunk))
			return 0;
		if (tried)
			return err_set(-ERR_cache_full,
				       "%s: the cache has no room for more fetched data: make it "
				       "larger, or wait until what is dirty is in the store",
				       fetch->cache->directory);
		result = start_miss(fetch, chunk, over, 0);
		if (!result)
			result = wait_over(fetch, chunk);
		if (result == -EAGAIN)
			continue;
		if (result)
			return result;
		tried = true;
	}
}

/* Gives the chunk (or the failure) to those who wait for it. True when one of
 * them wants it kept. */
static bool land(struct fetch *fetch, uint64_t chunk, struct chunk_bytes *bytes, int code)
{
	struct flight *flight;
	bool keep;

	lock_acquire(&fetch->lock);
	flight = flight_find(&fetch->flights, chunk);
	keep = flight->keep;
	flight_land(flight, bytes, code);
	if (bytes)
		atomic_store(&bytes->kept, keep);
	if (bytes)
		chunk_memory_add(fetch->memory, bytes);
	condition_broadcast(&fetch->landed);
	lock_release(&fetch->lock);
	return keep;
}

/* One chunk that did not verify: asked for once more, alone. */
static int refetch(struct fetch *fetch, const struct fetch_job *job, uint32_t i, struct buffer *raw)
{
	CLEANUP_BUFFER struct buffer stored = BUFFER_INIT;
	CLEANUP_FREE struct fetch_job *single = xcalloc(1, sizeof(*single));
	int result;

	single->pack = job->pack;
	single->pack_number = job->pack_number;
	single->count = 1;
	single->targets[0] = job->targets[i];
	result = fetch_job_get(fetch->cache, single, &stored);
	return result ? result : fetch_job_decode(fetch->cache, single, 0, &stored, raw);
}

/* What the row says is not proven yet: the decoder asks for more if need be. It
 * wants one byte more than there are. */
static struct buffer take_raw(struct fetch *fetch, const struct chunk_row *row)
{
	size_t length = row->raw_length < FETCH_RAW_BYTES ? row->raw_length : FETCH_RAW_BYTES;

	return buffer_pool_take(fetch->pool, length + 1);
}

static void run_target(struct fetch *fetch, const struct fetch_job *job, uint32_t i,
		       const struct buffer *stored)
{
	uint64_t chunk = job->targets[i].chunk;
	struct buffer raw = take_raw(fetch, &job->targets[i].row);
	struct chunk_bytes *bytes;
	int result = fetch_job_decode(fetch->cache, job, i, stored, &raw);

	if (result) {
		log_warn("%s; fetching it once more", err_message(result));
		result = refetch(fetch, job, i, &raw);
	}
	if (result) {
		log_error("%s", err_message(result));
		land(fetch, chunk, NULL, result);
		buffer_pool_give(fetch->pool, &raw);
		return;
	}
	bytes = chunk_bytes_new(chunk, &raw, fetch->pool);
	if (land(fetch, chunk, bytes, 0))
		cached_chunk_keep(fetch->cache, bytes);
	chunk_bytes_put(bytes);
}

static void run_job(struct fetch *fetch, struct fetch_job *job)
{
	struct buffer stored = buffer_pool_take(fetch->pool, fetch_job_bytes(job));
	int result = fetch_job_get(fetch->cache, job, &stored);
	uint32_t i;

	if (result)
		log_error("%s", err_message(result));
	for (i = 0; i < job->count; i++) {
		if (result)
			land(fetch, job->targets[i].chunk, NULL, result);
		else
			run_target(fetch, job, i, &stored);
	}
	lock_acquire(&fetch->lock);
	fetch->stats.gets++;
	fetch->stats.bytes_fetched += stored.length;
	fetch_remove_flights_locked(fetch, job);
	fetch_queue_done(&fetch->queue, job);
	condition_broadcast(&fetch->landed);
	lock_release(&fetch->lock);
	buffer_pool_give(fetch->pool, &stored);
}

static struct fetch_job *take_job(struct fetch *fetch)
{
	struct fetch_job *job;

	lock_acquire(&fetch->lock);
	while (!(job = fetch_queue_take(&fetch->queue)) && !fetch->stopping)
		condition_wait(&fetch->work, &fetch->lock);
	lock_release(&fetch->lock);
	return job;
}

static void *fetch_thread(void *arg)
{
	struct fetch *fetch = arg;
	struct fetch_job *job;

	while ((job = take_job(fetch))) {
		run_job(fetch, job);
		free(job);
	}
	return NULL;
}

struct fetch *fetch_start(struct cache *cache, unsigned int threads)
{
	struct fetch *fetch = xcalloc(1, sizeof(*fetch));
	unsigned int i;

	fetch->cache = cache;
	lock_init(&fetch->lock, LOCK_RANK_FETCH);
	condition_init(&fetch->work);
	condition_init(&fetch->landed);
	fetch->memory = chunk_memory_new(FETCH_MEMORY_BYTES);
	fetch->pool = buffer_pool_new(FETCH_POOL_BYTES);
	/* One thread stays for who waits. */
	fetch_queue_init(&fetch->queue, threads > 1 ? threads - 1 : 1);
	fetch->threads = xcalloc(threads, sizeof(*fetch->threads));
	for (i = 0; i < threads; i++) {
		if (pthread_create(&fetch->threads[i], NULL, fetch_thread, fetch))
			break;
		fetch->thread_count++;
	}
	if (!fetch->thread_count) {
		log_error("cannot start a thread to fetch with: %s", strerror(errno));
		abort();
	}
	return fetch;
}

void fetch_stop(struct fetch *fetch)
{
	unsigned int i;

	if (!fetch)
		return;
	lock_acquire(&fetch->lock);
	fetch->stopping = true;
	condition_broadcast(&fetch->work);
	lock_release(&fetch->lock);
	fetch_cancel(fetch, NULL);
	for (i = 0; i < fetch->thread_count; i++)
		pthread_join(fetch->threads[i], NULL);
	chunk_memory_free(fetch->memory);
	buffer_pool_free(fetch->pool);
	condition_destroy(&fetch->work);
	condition_destroy(&fetch->landed);
	lock_destroy(&fetch->lock);
	free(fetch->threads);
	free(fetch);
}

void fetch_stats_get(struct fetch *fetch, struct fetch_stats *out)
{
	lock_acquire(&fetch->lock);
	*out = fetch->stats;
	lock_release(&fetch->lock);
}
