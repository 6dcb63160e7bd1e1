/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making one checkpoint, root/<seq>: the state as of log/<seq>, so that a
 * restore need not read the log before it.
 *
 *	1  the newest root that can be read, and the log behind it up to
 *	   log/<seq>, from the bucket: chain and checksums verified, rows
 *	   sorted on disk (CACHE/checkpoint/, scratch)
 *	2  merged with the runs of that root         root_merge.h
 *	   runs with changes are put as meta/<epoch>-<id>, as they get full
 *	3  epoch still ours?                         fence.h
 *	4  root/<seq> is put
 *
 * Nothing is taken from the index, which is ahead of the cloud. Before 4 the
 * volume is what it was; runs that were put then belong to nobody, and are
 * removed when the error is seen here. A crash leaves them behind. All puts
 * are put-if-absent. Memory: about four runs, and the buffer of the sort.
 */
#ifndef DRAY_CACHE_CHECKPOINT_H
#define DRAY_CACHE_CHECKPOINT_H

#include "cache/root_merge.h"

struct cache;

struct checkpoint_conf {
	struct cache *cache;
	uint64_t seq;	     /* a commit of this cache's log, settled */
	int64_t now_real_ns; /* becomes the root's time */
	size_t run_bytes;    /* as in root_merge_conf */
	/* Called before each object that is got or put; may wait, so that
	 * others go first. Non-zero ends the checkpoint. NULL: none. */
	int (*pause)(void *arg);
	void *pause_arg;
};

struct checkpoint_result {
	bool made;	  /* false: there is one of that seq already, or no row */
	uint64_t commits; /* that were merged */
	struct root_merge_result merge;
};

/* 0, -ERR_fenced, -ERR_object_missing or -ERR_commit_corrupt when no root with
 * the log behind it can be read, or an error of the store. */
int checkpoint_make(const struct checkpoint_conf *conf, struct checkpoint_result *result_out);

#endif
