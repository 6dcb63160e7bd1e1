/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a commit is slowed down while the checkpointer is behind.
 *
 * Nothing up to half of the limit; from there the delay for each byte grows
 * without bound towards the limit (the curve of ZFS's write throttle), so
 * that writers settle at the speed of the checkpointer instead of running
 * into a wall. Pure: no clock, no threads.
 */
#ifndef DRAY_CACHE_INDEX_PACE_H
#define DRAY_CACHE_INDEX_PACE_H

#include <stddef.h>
#include <stdint.h>

/* No single commit is delayed for longer than this. */
#define INDEX_PACE_MAX_NS 100000000LL

/* Nanoseconds that `bytes` more cost when `used` of `limit` bytes are taken. */
int64_t index_pace_ns(uint64_t used, uint64_t limit, size_t bytes);

#endif
