/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a commit is slowed down while the checkpointer is behind.
 *
 * Nothing up to half of the limit; from there the delay for each byte grows
 * without bound towards the limit (the curve of ZFS's write throttle). At
 * three quarters it is what the checkpointer lately took for a byte: there
 * writers settle at its speed, instead of running into a wall.
 * Pure: no clock, no threads.
 */
#ifndef DRAY_CACHE_INDEX_PACE_H
#define DRAY_CACHE_INDEX_PACE_H

#include <stddef.h>
#include <stdint.h>

/* No single commit is delayed for longer than this. */
#define INDEX_PACE_MAX_NS 100000000LL
/* Before the first checkpoint: 40 MB of memtables a second. */
#define INDEX_PACE_NS_PER_BYTE_FIRST 25.0

/* Nanoseconds that `bytes` more cost when `used` of `limit` bytes are taken. */
int64_t index_pace_ns(uint64_t used, uint64_t limit, size_t bytes, double ns_per_byte);

/* The average, gliding, after a checkpoint of `bytes` took elapsed_ns. */
double index_pace_learn(double ns_per_byte, size_t bytes, int64_t elapsed_ns);

#endif
