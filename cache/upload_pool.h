/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that put packs. Shared by the committer and the bulk uploader,
 * so that both together have at most `threads` puts under way (and one more,
 * which is the committer's alone) and a bounded number of encoded packs in memory.
 *
 * Packs of a commit go before those of bulk, and never wait for one of them
 * to end: on a slow link a pack takes many seconds.
 *
 * A job is the submitter's memory. Its bytes are freed as soon as the put
 * has come back, whatever came of it; the submitter learns that from
 * upload_wait(). Locks: LEAF, never across a put.
 */
#ifndef DRAY_CACHE_UPLOAD_POOL_H
#define DRAY_CACHE_UPLOAD_POOL_H

#include <stdbool.h>

#include "backend/base/buffer.h"
#include "backend/object_name.h"

struct cache;
struct upload_pool;

struct upload_job {
	/* given */
	char key[OBJECT_NAME_SIZE];
	bool urgent;	     /* of a commit */
	struct buffer bytes; /* owned by the pool from upload_submit() on */

	/* the pool's */
	struct upload_job *next;
	bool done;
	int result;
	char message[512]; /* of the result */
};

struct upload_pool_status {
	uint64_t in_flight;
	uint64_t bytes_per_second; /* over the last seconds */
	/* What the link takes, as seen when it had much to do; 0: not yet. */
	uint64_t link_bytes_per_second;
};

struct upload_pool *upload_pool_start(struct cache *cache, unsigned int threads);
/* Waits for the puts under way; no job may be submitted any more. */
void upload_pool_stop(struct upload_pool *pool);

/* From now on nothing new is put: jobs that wait come back as -ERR_stopping. */
void upload_pool_cancel(struct upload_pool *pool);
bool upload_pool_is_cancelled(struct upload_pool *pool);

/* Puts the bytes if the key is absent. Blocks while too many are waiting. */
void upload_submit(struct upload_pool *pool, struct upload_job *job);
/* Waits for one job: 0 when its bytes are in the store. */
int upload_wait(struct upload_pool *pool, struct upload_job *job);
/* Has the put come back? */
bool upload_is_done(struct upload_pool *pool, const struct upload_job *job);
/* For how long at least one put was under way so far. */
int64_t upload_pool_busy_ns(struct upload_pool *pool);
void upload_pool_status_get(struct upload_pool *pool, struct upload_pool_status *out);

#endif
