/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the log ahead: commits are many and small, and each GET takes a
 * round trip. Some threads get the next LOG_AHEAD of them while the caller,
 * who takes them in order, works on one.
 *
 * Nothing is got behind the first seq that is missing. Locks: LEAF, never
 * across a GET.
 */
#ifndef DRAY_CACHE_LOG_AHEAD_H
#define DRAY_CACHE_LOG_AHEAD_H

#include "cache/log_read.h"

#define LOG_AHEAD 8

struct log_ahead;

/* Begins to get log/<seq>, log/<seq + 1>, ... */
struct log_ahead *log_ahead_start(struct cache *cache, uint64_t seq);
/* Drops what was not taken. NULL is allowed. */
void log_ahead_stop(struct log_ahead *ahead);
/* The next commit, as log_get() returns it. To be stopped after an error. */
int log_ahead_next(struct log_ahead *ahead, struct log_entry *out);

#endif
