/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read-ahead of an open file, carried out: what readahead.h wishes is asked of
 * fetch.h, as far as the budget of all guesses has room. Of small files
 * neighbours.h is told. Nothing waits here.
 */
#ifndef DRAY_CACHE_IO_AHEAD_H
#define DRAY_CACHE_IO_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/readahead.h"

struct cache;

struct io_ahead_read {
	uint64_t ino;
	uint64_t offset;
	uint64_t end;
	uint64_t size;	    /* of the file */
	bool cold;	    /* some of the bytes are in no segment */
	unsigned int flags; /* of io_read() */
};

/* These bytes of an open file are being read. */
void io_ahead_note(struct cache *cache, struct readahead *readahead,
		   const struct io_ahead_read *read);

#endif
