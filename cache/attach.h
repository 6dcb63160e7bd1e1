/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching: extents learn in which chunks their bytes are. From then on the
 * bytes are STORED: they leave the dirty budget and may be evicted.
 *
 * What was uploaded was read from a place (segment, record, delta) that was
 * an extent's at some time. By now the extent may have been overwritten in
 * part or as a whole; a row takes its part of the references exactly when it
 * still points to that place for the same bytes of the file. Rows are changed
 * under their inode's node lock, as local changes: to the cloud, which learns
 * of references by commits, nothing has happened.
 *
 * Only when the first part of an extent was uploaded (the tail of a growing
 * file is held back) is its row split in two at that place. That is a change
 * of keys, of which the cloud must learn.
 */
#ifndef DRAY_CACHE_ATTACH_H
#define DRAY_CACHE_ATTACH_H

#include <stddef.h>
#include <stdint.h>

#include "cache/row_format.h"

struct cache;

struct attach_item {
	uint64_t ino;
	uint32_t generation;
	uint64_t offset; /* in the file */
	uint32_t length; /* uploaded, from offset on; refs cover it */
	uint64_t segment;
	uint32_t record;
	uint32_t delta;
	unsigned int refs_count;
	const struct extent_ref *refs; /* not owned */
};

/* All items that belong to one inode lie side by side. Adds the bytes that
 * became STORED to *stored_out. */
int attach_refs(struct cache *cache, const struct attach_item *items, size_t count,
		uint64_t *stored_out);

#endif
