/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rewriter: looks through the extents of all files for ranges that lie
 * scattered over many packs (fragments.h) and were not written for a while, and
 * has them stored together (rewrite.h). So a cold read of a MiB that nobody
 * writes takes a bounded number of objects, however it came about.
 *
 * It is nobody's competitor: it does nothing while anything waits to be
 * uploaded, is uploaded, or was missed by a reader since it looked last, and
 * not more than conf.rewrite_bytes a second. What is cold is told by chunk ids,
 * which only grow: those that were given out conf.rewrite_age_ns ago, as far as
 * this mount knows.
 *
 * A pass over 10 million extents takes about an hour. Nothing of it is
 * remembered: after a restart it begins at the first file.
 *
 * Thread: one. Locks: NODE of the inode whose extents change; LEAF.
 */
#ifndef DRAY_CACHE_REWRITER_H
#define DRAY_CACHE_REWRITER_H

#include <stdint.h>

struct cache;
struct rewriter;

/* X(name, help): since the start of the process */
#define REWRITE_COUNTERS(X)                                                             \
	X(rewritten_bytes_total, "Bytes of scattered ranges that were stored together") \
	X(rewrite_passes_total, "How often all files were looked through for scattered ranges")

struct rewriter_stats {
#define X(name, help) uint64_t name;
	REWRITE_COUNTERS(X)
#undef X
};

/* NULL when conf.rewrite_bytes says not to. */
struct rewriter *rewriter_start(struct cache *cache);
/* Ends the range under way; see store_retry_stop(). NULL is allowed. */
void rewriter_stop(struct rewriter *rewriter);
void rewriter_stats_get(struct rewriter *rewriter, struct rewriter_stats *out);

#endif
