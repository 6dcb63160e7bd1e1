/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the cache, as its own modules see them. */
#ifndef DRAY_CACHE_INT_H
#define DRAY_CACHE_INT_H

#include <stdatomic.h>

#include "backend/base/lock.h"
#include "backend/seal.h"
#include "cache/cache.h"
#include "cache/damage.h"
#include "cache/index.h"
#include "cache/node.h"
#include "cache/policy.h"
#include "cache/read_stats.h"
#include "cache/segment.h"

struct budget;
struct checkpointer;
struct chunk_use;
struct committer;
struct evictor;
struct fence;
struct fetch;
struct flusher;
struct pins;
struct follow;
struct neighbours;
struct rewriter;

struct cache {
	/* immutable after cache_open() */
	char *directory;
	char *url;
	struct cache_conf conf; /* with defaults filled in */
	struct limits limits;
	int lock_fd;
	struct id cache_id;	 /* of this directory */
	struct store *store;	 /* NULL: a dead cache, opened to look */
	const struct seal *seal; /* the volume's keyring */
	struct index *index;
	struct segments *segments;
	struct node_table *nodes;
	struct budget *budget;
	struct flusher *flusher;
	struct fetch *fetch;
	struct neighbours *neighbours;
	struct rewriter *rewriter; /* NULL: off */
	struct chunk_use *chunk_use;
	struct pins *pins;
	struct evictor *evictor;
	struct fence *fence;
	struct committer *committer;
	struct checkpointer *checkpointer;
	struct follow *follow; /* NULL: no follower */

	/* Of a follower: held shared by who reads rows that belong together
	 * (inode_lock_shared()), exclusively while a commit is taken in. */
	struct rwlock shown;

	/* Held while a directory moves to another directory, so that the way
	 * up from the new place cannot change (ns_rename.c). Taken before NODE. */
	struct lock cached; /* held by who puts or deletes CACHED rows */
	struct lock renames;
	/* Cut of the commit that is being uploaded; 0: none. The committer sets it. */
	_Atomic uint64_t uploading_lsn;

	struct read_stats read_stats;
	_Atomic uint64_t metadata_bytes; /* of the disk; see space.h */

	/* Bytes of rows in the commits of this mount. The committer adds. */
	_Atomic uint64_t log_row_bytes;

	_Atomic uint32_t epoch; /* claimed by this mount; set while OPENING */
	_Atomic(enum cache_state) state;
	struct damage damage;	  /* has its own lock */
	struct policies policies; /* the same */
	struct lock lifecycle;
	/* guarded by lifecycle */
	char state_cause[512];
	int state_code;
};

/*
 * META rows that the committer puts in the batch that records an acknowledged
 * commit; state_get() reads them, also from a dead cache.
 */
#define META_COMMITTED_SEQ  "committed_seq"  /* of the newest acknowledged commit */
#define META_COMMITTED_TIME "committed_time" /* wall time of its cut, ns */

/* cache_state.c */

/* For whoever makes a struct cache: first, and last. */
void cache_init_locks(struct cache *cache);
void cache_destroy_locks(struct cache *cache);
/*
 * Becomes READ_ONLY for the cause that err_message(code) tells (the first
 * one is kept). Dirty data stays. Logged once.
 */
void cache_fail(struct cache *cache, int code);
/* The writer epoch of this mount: the generation of inodes made by it. */
uint32_t cache_epoch(struct cache *cache);
/* 0, or the code of the cause (its sentence recorded) when not SERVING. */
int cache_check_writable(struct cache *cache);

#endif
