/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleaning: empties one WRITTEN segment, most of which is dead, by writing
 * what is alive in it once more, at the end of the open segment. Extents whose
 * bytes are in acknowledged packs may lose their local place instead.
 *
 * An extent is moved like this: its bytes are read and checked, appended, and
 * under its inode's node lock its row is changed when it still points to the
 * old place. The file of the old segment goes when its death is durable
 * (segment.h), and then the new bytes are too; a power cut before that finds
 * the old row. A moved dirty extent counts as a new change for the cloud, for
 * what is uploaded at the time belongs to its old place (attach.h).
 *
 * Locks: NODE of each inode whose extents move; nothing across I/O.
 */
#ifndef DRAY_CACHE_CLEAN_SEGMENT_H
#define DRAY_CACHE_CLEAN_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/segment.h"

struct cache;

struct clean_stats {
	uint64_t moved_bytes;	/* appended once more */
	uint64_t record_bytes;	/* the same with headers and checksums */
	uint64_t dropped_bytes; /* lost their local place */
	uint64_t rotten_bytes;	/* not readable: they stay where they are */
};

/*
 * Cleans a sealed WRITTEN segment. drop_clean: what is in the cloud and not
 * pinned is dropped, not moved. Adds to *stats. 0 also when rows that changed meanwhile or rotten
 * bytes keep the segment.
 */
int clean_segment(struct cache *cache, uint64_t segment, bool drop_clean,
		  struct clean_stats *stats);

/* Moves what is alive in one record of such a segment, which the caller pins. */
int clean_range(struct cache *cache, uint64_t segment, const struct segment_tag *tag,
		uint32_t length);

#endif
