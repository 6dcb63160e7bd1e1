/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index knows of the newest commit: one META row, put in one batch.
 * It is the atom by which a commit has happened for this cache.
 *
 * A cache whose index has such a record holds the volume's state as of that
 * commit, and what was changed here since.
 */
#ifndef DRAY_CACHE_COMMIT_RECORD_H
#define DRAY_CACHE_COMMIT_RECORD_H

#include "backend/digest.h"
#include "cache/batch.h"
#include "cache/index.h"

struct commit_record {
	uint64_t seq;
	struct digest hash; /* of log/<seq> */
	uint64_t epoch;	    /* of its writer */
	uint64_t cut_lsn;   /* of this index; 0 when another cache made it */
	int64_t cut_real_ns;
	uint64_t pending_files; /* named in its loss ledger */
	/* Numbers below were given out by machines that may be lost: the
	 * counters are raised to these whenever the cache is opened. */
	uint64_t least_ino;
	uint64_t least_chunk;
};

/* Puts the record, and the META rows of cache_int.h that tell it to others. */
void commit_record_put(struct batch *batch, const struct commit_record *record);
/* -ENOENT: the index does not hold a volume yet. */
int commit_record_get(struct index *index, struct commit_record *out);

#endif
