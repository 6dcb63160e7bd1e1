/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lost machine accepted and never sent, as its last commit tells: the
 * loss ledger (ledger.h), read from the bucket without a cache.
 *
 * Fence commits carry no ledger, so the newest commit that is none is looked
 * at; of an earlier epoch, when a successor has made commits of its own.
 */
#ifndef DRAY_CACHE_LOST_H
#define DRAY_CACHE_LOST_H

#include <stdint.h>

#include "backend/store.h"
#include "backend/volume_format.h"
#include "cache/ledger.h"

/* The commit whose ledger it is; seq 0: there is no commit with one. */
struct lost_commit {
	uint64_t seq;
	uint64_t epoch;
	int64_t cut_real_ns; /* what was accepted later is not known of */
};

/* Called for each file, by ascending inode number. Non-zero ends. */
typedef int lost_fn(const struct ledger_row *row, void *arg);

/*
 * epoch_max: the newest commit of this epoch or an earlier one; 0: the newest.
 * 0, what fn returned, or an error of the store or the log.
 */
int lost_read(struct store *store, const char *url, const struct volume_params *volume,
	      uint64_t epoch_max, struct lost_commit *commit_out, lost_fn *fn, void *arg);

#endif
