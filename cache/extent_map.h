/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extent map of a file: what a change of some bytes does to its EXTENT
 * rows. Pure: the caller brings the extents that overlap the range, in order,
 * and gets the changes as a batch.
 *
 * Rows are keyed by the end of the extent, so cutting the front off an extent
 * changes its value and cutting the end off moves it to another key:
 *
 *	before            |------ A ------|          key a
 *	write             .    |-- N --|  .          key n
 *	after             |-A1-|-- N --|A2|          keys: start of N, n, a
 *
 * A slice keeps segment and record, shifts delta, and takes its part of the
 * chunk references. All puts and deletes are ROW_CLOUD. (Extents that learn
 * where their bytes are stored: attach.h; that lose their cached bytes:
 * evict_segment.h. Neither moves an extent.)
 *
 * Segment use: live counts bytes that extents point to, dirty those among
 * them without chunk references.
 */
#ifndef DRAY_CACHE_EXTENT_MAP_H
#define DRAY_CACHE_EXTENT_MAP_H

#include "cache/batch.h"
#include "cache/extent_cursor.h"

/* The changes of one file, being gathered. */
struct extent_change {
	struct batch *batch;
	uint64_t ino;
	uint32_t generation;
	int64_t mapped; /* out: change of the bytes covered by extents */
};

/*
 * The references of the bytes [from, from + length) of what `count` of them
 * cover: fills out, which has room for count, and returns how many. Those
 * bytes must be covered.
 */
unsigned int extent_refs_slice(const struct extent_ref *refs, unsigned int count, uint32_t from,
			       uint32_t length, struct extent_ref *out);

/* The part [from, until) of an extent, which must overlap it. */
void extent_slice(const struct extent *extent, uint64_t from, uint64_t until, struct extent *out);

/*
 * Takes the bytes [from, until) away from one extent that overlaps them: what
 * is left of it before and behind stays. Call it for each overlapping extent,
 * in order.
 */
void extent_map_cut(struct extent_change *change, const struct extent *extent, uint64_t from,
		    uint64_t until);
/* Puts an extent where nothing is (any more). */
void extent_map_put(struct extent_change *change, const struct extent *extent);

#endif
