/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index from within; for the files cache/index*.c and replay.c only.
 *
 *	index_open.c		open, recovery, close
 *	index.c			commit, flush, counters
 *	index_apply.c		a record's effect on rows and counters
 *	index_read.c		get, snapshots
 *	index_cursor.c		the merge of memtables and LMDB
 *	index_checkpoint.c	freeze; frozen memtables into LMDB
 *	index_load.c		bulk load
 *	replay.c		the journal after a crash
 */
#ifndef DRAY_CACHE_INDEX_INT_H
#define DRAY_CACHE_INDEX_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend/base/lock.h"
#include "cache/index.h"
#include "cache/index_lmdb.h"
#include "cache/index_view.h"
#include "cache/journal.h"

/* META rows of the index. index.format belongs to index_lmdb.c. */
#define META_APPLIED_LSN "index.applied_lsn"
#define META_NEXT_INO	 "index.next_ino"
#define META_NEXT_CHUNK	 "index.next_chunk"
#define META_INODES	 "index.inodes"
#define META_MAPPED	 "index.mapped"
#define META_DIRTY_FILES "index.dirty_files"
#define META_LOADING	 "index.loading"

struct index {
	/* immutable after open */
	struct index_conf conf; /* its strings are these copies */
	char *index_directory;
	char *journal_directory;
	struct id boot_id;
	uint64_t bytes_max; /* of all memtables */
	struct index_lmdb *lmdb;
	/* immutable after index_open_replay(); NULL before, and read-only */
	struct journal *journal;

	/* any thread */
	atomic_uint_least64_t next_ino;
	atomic_uint_least64_t next_chunk;
	atomic_int_least64_t paced_until_ns; /* commits so far are paid for then */

	/* guarded by lock */
	struct lock lock;
	struct condition changed; /* frozen, applied, stop, failure */
	uint64_t lsn;
	uint64_t content_lsn; /* segment bytes are durable up to here */
	uint64_t applied_lsn;
	uint64_t inodes;
	uint64_t dirty_files;
	uint64_t mapped;
	/* No rows of these tables have a greater number: no need to look. */
	uint64_t highest_inode;
	uint64_t highest_content; /* CONTENT rows and their DIRTY rows */
	size_t frozen_bytes;
	double checkpoint_ns_per_byte; /* of memtables, lately */
	struct buffer scratch;
	struct index_stats totals; /* the fields that count */
	int failure;
	char failure_text[600];

	/* changed under lock and view_lock, read under either */
	struct lock view_lock;
	struct index_view *view;

	/* the checkpointer; flags guarded by lock */
	pthread_t thread;
	bool thread_started;
	bool stopping;
	bool closing; /* no more waiting for space */
};

/* Remembers the first failure and returns it; commits fail from then on. */
int index_fail_locked(struct index *index, int code);
int index_check_failure_locked(struct index *index);

/* Deletes what a load that did not come to its end left in LMDB. */
int index_load_clear(struct index *index);

/* The current view, with a reference; not under INDEX. */
struct index_view *index_current_view(struct index *index);
/* Takes over `view`, drops the one before. Under INDEX. */
void index_swap_view_locked(struct index *index, struct index_view *view);

#endif
