/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read-ahead of an open file, carried out: what readahead.h wishes is asked of
 * fetch.h, as far as the budget of all guesses has room. Nothing waits here.
 */
#ifndef DRAY_CACHE_IO_AHEAD_H
#define DRAY_CACHE_IO_AHEAD_H

#include <stdint.h>

#include "cache/readahead.h"

struct cache;

/* Bytes [offset, end) of a file of `size` bytes are being read; flags are those
 * of io_read(). */
void io_ahead_note(struct cache *cache, uint64_t ino, struct readahead *readahead, uint64_t offset,
		   uint64_t end, uint64_t size, unsigned int flags);

#endif
