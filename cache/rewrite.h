/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewriting: bytes that are scattered over many packs are stored once more,
 * together, and their extents then refer to the new chunks.
 *
 *	gather   the extents of each range, under its node's lock, shared
 *	fetch    the bytes, by those references: chunks never change
 *	store    chunks in new packs (pack_stream.h), acknowledged before the next
 *	swap     under the node's lock: an extent that still has the references it
 *	         had gets the new ones; any other was changed meanwhile, and stays
 *
 * The bytes are in the store at every moment: before the swap by the old
 * references, after it by the new. Extents keep their keys, their lengths and
 * their place in a segment; the change is one of cloud rows, so the next commit
 * carries it, and what a crash leaves without the swap is a pack that nothing
 * refers to, as after a crash of any upload. A write that comes in between has
 * an extent of its own by then, which the swap does not touch.
 */
#ifndef DRAY_CACHE_REWRITE_H
#define DRAY_CACHE_REWRITE_H

#include <stddef.h>
#include <stdint.h>

#include "cache/upload_pool.h"

struct cache;

struct rewrite_range {
	uint64_t ino;
	uint64_t from;
	uint64_t until; /* at most 16 MiB behind */
};

/* Rewrites ranges that do not overlap. Adds the bytes whose references were
 * changed to *bytes_out. */
int rewrite_ranges(struct cache *cache, struct upload_pool *pool,
		   const struct rewrite_range *ranges, size_t count, uint64_t *bytes_out);

#endif
