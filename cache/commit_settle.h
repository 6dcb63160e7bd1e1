/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settling: what the index does with a commit that is in the bucket.
 *
 *	1  the record of the newest commit (commit_record.h): the atom
 *	2  CHUNK and PACK rows, which an inline pack brings with it
 *	3  extents learn where their bytes are, unless they know
 *	   (2 and 3 only when there is such a pack, or after a crash)
 *	4  DIRTY rows of what the commit carried go, as of its cut
 *	5  marks of chunks that no commit had named go (TABLE_STORED)
 *	6  all that durable; then the outbox forgets the commit
 *
 * Every step is idempotent and works from the commit's own bytes in the
 * outbox, so that after a crash in between the same is done again.
 *
 * Step 3 trusts an EXTENT row when the LSN of its DIRTY row is not above the
 * cut: then the row is what the commit carried. A row that was written
 * since stays as it is, dirty, for a later commit.
 */
#ifndef DRAY_CACHE_COMMIT_SETTLE_H
#define DRAY_CACHE_COMMIT_SETTLE_H

#include "cache/log_read.h"

struct cache;

/*
 * `entry` is outbox/<seq>, acknowledged. recovered: it is from an earlier run
 * of the process, so that what was stored besides may be missing as well.
 */
int commit_settle(struct cache *cache, struct outbox *outbox, const struct log_entry *entry,
		  uint64_t pending_files, bool recovered);

#endif
