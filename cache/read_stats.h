/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many of the bytes that were read had been in the cache: the hit ratio.
 *
 * A byte misses when it came from the store for this read, or ahead of it, and
 * is read for the first time since. So read-ahead, which makes misses fast,
 * does not make hits of them. A read misses when one of its bytes does. What
 * the kernel answers out of its page cache is not seen here.
 *
 * Reads of programs that are not to fill the cache (IO_NO_CACHE) count apart.
 *
 * The counters are declared once, in the table: the struct, the JSON and the
 * documentation come from it. All run from the start of the process. Any
 * thread; no lock.
 */
#ifndef DRAY_CACHE_READ_STATS_H
#define DRAY_CACHE_READ_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* X(name, help) */
#define READ_COUNTERS(X)                                                        \
	X(cache_hit_reads_total, "Reads that needed nothing from the store")    \
	X(cache_miss_reads_total, "Reads that needed something from the store") \
	X(cache_hit_bytes_total, "Bytes read that were in the cache, or holes") \
	X(cache_miss_bytes_total, "Bytes read that came from the store for it") \
	X(cache_bypass_bytes_total, "Bytes read by nocache-comm= and nocache-uid=")

struct read_stats {
#define X(name, help) _Atomic uint64_t name;
	READ_COUNTERS(X)
#undef X
};

struct read_stats_snapshot {
#define X(name, help) uint64_t name;
	READ_COUNTERS(X)
#undef X
};

/* A read of `bytes` was answered, `missed` of which were misses. */
void read_stats_note(struct read_stats *stats, uint64_t bytes, uint64_t missed, bool bypass);
/* The counters, each read atomically, not all at one instant. */
void read_stats_get(const struct read_stats *stats, struct read_stats_snapshot *out);

#endif
