/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flusher: once a second, and after each 256 MiB written, it makes durable
 * what came since: segments, then the journal, so that the journal never names
 * bytes for long that are not on the disk (replay after a power cut has to
 * check them); then it lets go of the files of dead segments (segment.h). A
 * failure makes the cache read-only (cache_fail()): what was not durable may
 * be lost by a power cut, and nothing later may pretend otherwise.
 *
 * No lock is held across a flush.
 */
#ifndef DRAY_CACHE_FLUSHER_H
#define DRAY_CACHE_FLUSHER_H

#include <stdint.h>

struct cache;
struct flusher;

struct flusher *flusher_start(struct cache *cache);
/* Ends the thread; a last flush is the caller's (flusher_flush()). */
void flusher_stop(struct flusher *flusher);
/* So many bytes were written to the cache. Does nothing without a flusher. */
void flusher_note_written(struct flusher *flusher, uint64_t bytes);
/* One round, now, on the calling thread: everything handed to the cache
 * before the call is durable when it returns 0. */
int flusher_flush(struct cache *cache);

#endif
