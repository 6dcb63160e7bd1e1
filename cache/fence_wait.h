/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has the volume, and waiting until nobody has: the part of the fence
 * (fence.h) that comes before the claim.
 */
#ifndef DRAY_CACHE_FENCE_WAIT_H
#define DRAY_CACHE_FENCE_WAIT_H

#include "backend/store.h"
#include "cache/cache.h"
#include "cache/writer_format.h"

struct fence_wait {
	/* given */
	struct store *store;
	const char *url;
	const struct id *cache_id; /* whose epochs need no waiting */
	int64_t ttl_ns;		   /* at least; the other's own may be longer */
	bool takeover;
	cache_progress_fn *progress; /* or NULL */
	void *progress_arg;

	/* found */
	uint64_t newest;     /* epoch; 0: none */
	uint64_t floor;	     /* newest commit that a lease tells */
	uint64_t root_floor; /* and newest checkpoint */
};

/*
 * Finds the newest epoch and waits as the table in fence.h says. 0 when the
 * next one may be claimed; -ERR_volume_in_use.
 */
int fence_wait_newest(struct fence_wait *wait);

/* Only looks: fills in what is found (uses store and url). */
int fence_look(struct fence_wait *wait);

/* Reads lease/<epoch>. -ENOENT, -ERR_volume_corrupt, -ERR_format_newer. */
int fence_get_lease(struct store *store, uint64_t epoch, struct writer_lease *out);
/* Reads writer/<epoch>. -ENOENT, -ERR_volume_corrupt, -ERR_format_newer. */
int fence_get_claim(struct store *store, uint64_t epoch, struct writer_claim *out);

#endif
