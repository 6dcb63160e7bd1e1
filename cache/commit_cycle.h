/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One commit, from the cut to the settled index:
 *
 *	1  what an earlier attempt left in the outbox is published first
 *	2  capture as of a cut                             capture.h
 *	3  upload what the carried contents lack           upload.h
 *	4  body: namespace (2), CONTENT, EXTENT with references, and the CHUNK
 *	   and PACK rows that no earlier commit named
 *	5  all local state up to the cut durable; outbox   outbox.h
 *	6  parts and log/<seq> put; epoch still ours?      log_put.h, fence.h
 *	7  settle                                          commit_settle.h
 *
 * An error up to 5 leaves nothing behind but packs that no commit names and
 * extents that know their chunks: both are used by the next attempt. From 5
 * on the commit is decided: it is published by a later cycle, or at the next
 * start, with the same bytes.
 *
 * A crash is an error at that place.
 */
#ifndef DRAY_CACHE_COMMIT_CYCLE_H
#define DRAY_CACHE_COMMIT_CYCLE_H

#include "cache/bulk.h"
#include "cache/capture.h"
#include "cache/cloud_wait.h"
#include "cache/commit_record.h"
#include "cache/name_find.h"
#include "cache/outbox.h"
#include "cache/upload_claims.h"
#include "cache/upload_pool.h"

struct commit_cycle {
	/* given, and kept between cycles */
	struct cache *cache;
	struct outbox *outbox;
	struct upload_pool *pool;
	struct name_find *names;
	struct upload_claims *claims;
	struct bulk *bulk;
	struct digest pending_digest; /* of the files in the last ledger */
	int64_t *decided;	      /* deadlines of what the decided commit carries */
	size_t decided_count;

	/* Told what holds the cut, when it is known. Called without locks. */
	void (*held)(void *arg, const struct held_content *held, unsigned int count);
	void *held_arg;

	/* given for this cycle */
	struct wanted_set wanted;  /* what somebody waits for; taken over */
	bool all;		   /* carry all of that */
	bool offer;		   /* give what is not carried to bulk */
	uint64_t active_lsn;	   /* as in capture_conf */
	uint64_t bytes_max;	   /* of one commit, so that the next need not wait long */
	uint64_t bytes_per_second; /* of the link; 0: unknown */
	int64_t quantum_ns;	   /* as in choose_conf */
	int64_t breaches_real_ns;  /* deadlines up to then are counted */

	/* what this cycle did; set also when it fails */
	unsigned int commits; /* made: 0 when there was nothing to carry */
	uint64_t seq;	      /* the newest commit */
	uint64_t cut_lsn;     /* 0: it did not get so far */
	int64_t cut_real_ns;
	size_t pending;	   /* contents it did not carry */
	size_t left;	   /* of these, what the next could carry */
	size_t late;	   /* of these, whose deadline is over */
	bool due;	   /* of these, some are to be carried soon (choose.h) */
	bool deferred;	   /* of these, some that somebody waits for are for bulk */
	uint64_t breaches; /* contents that missed their deadline since breaches_real_ns */
	struct content_left *left_out; /* those not carried, by inode; kept */
	size_t left_out_count;
	int64_t oldest_pending_ns;
	uint64_t logical_bytes; /* of content that it carried */
	uint64_t lost;		/* contents whose bytes cannot be read */
	char lost_message[512]; /* of the last of these */
};

void commit_cycle_init(struct commit_cycle *cycle);
void commit_cycle_release(struct commit_cycle *cycle);
/* 0 when the cloud has what the cycle carried. -ERR_fenced, -ERR_diverged:
 * no commit will ever succeed again. */
int commit_cycle_run(struct commit_cycle *cycle);

#endif
