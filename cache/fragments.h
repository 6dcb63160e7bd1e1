/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How scattered in the store are the bytes of a file? Pure.
 *
 * A file is looked at by regions of 1 MiB. Random overwrites leave the bytes of
 * one in as many packs as there were commits meanwhile, and a cold read of it
 * needs a request for each. A region that lies in more than FRAGMENTS_PACKS_MAX
 * packs, of which nothing is waiting to be uploaded, and whose newest chunk is
 * older than some number (chunk ids only grow) is fragmented: rewrite.h makes
 * it whole.
 */
#ifndef DRAY_CACHE_FRAGMENTS_H
#define DRAY_CACHE_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/extent_cursor.h"

#define FRAGMENTS_REGION_BYTES (1u << 20)
#define FRAGMENTS_PACKS_MAX    8
/* Distinct chunks that are told apart; more are certainly too many. */
#define FRAGMENTS_CHUNKS_MAX 64

/* A region being looked at; zeroed at first. */
struct fragments {
	uint64_t newest; /* chunk */
	unsigned int count;
	bool dirty;
	uint64_t chunks[FRAGMENTS_CHUNKS_MAX];
};

/* Adds what the extent has in [from, until). */
void fragments_add(struct fragments *fragments, const struct extent *extent, uint64_t from,
		   uint64_t until);
/* May the region be fragmented? Chunks older than `cold` count as cold. */
bool fragments_may_be(const struct fragments *fragments, uint64_t cold);
/* Is it, given the pack of each of its chunks? */
bool fragments_are(const uint64_t *packs, unsigned int count);

#endif
