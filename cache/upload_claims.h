/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who uploads which inode: the committer the contents that its commit
 * carries, the bulk uploader one other at a time, never both the same.
 *
 *	committer                          bulk
 *	claims_close: bulk begins nothing  claims_begin(ino): waits while
 *	new; which one is it at?           closed; false when it is claimed
 *	claims_take(inos): waits until     claims_end()
 *	bulk is at none of them; open
 *	claims_drop
 *
 * Locks: COMMIT.
 */
#ifndef DRAY_CACHE_UPLOAD_CLAIMS_H
#define DRAY_CACHE_UPLOAD_CLAIMS_H

#include <stddef.h>

#include "backend/base/lock.h"

struct upload_claims {
	struct lock lock;
	struct condition changed;
	/* guarded by lock */
	bool closed;
	const uint64_t *inos; /* the committer's, ascending; not owned */
	size_t inos_count;
	uint64_t bulk_ino; /* 0: none */
};

void upload_claims_init(struct upload_claims *claims);
void upload_claims_release(struct upload_claims *claims);
/* Returns the inode that bulk is at, or 0. */
uint64_t upload_claims_close(struct upload_claims *claims);
/* inos, ascending, stay the caller's until the drop. Opens. */
void upload_claims_take(struct upload_claims *claims, const uint64_t *inos, size_t count);
/* Opens as well. */
void upload_claims_drop(struct upload_claims *claims);
bool upload_claims_begin(struct upload_claims *claims, uint64_t ino);
/* Bulk, between begin and end: the committer waits for bulk, or may soon. */
bool upload_claims_are_contended(struct upload_claims *claims);
void upload_claims_end(struct upload_claims *claims);

#endif
