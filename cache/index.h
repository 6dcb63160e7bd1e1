/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: one ordered map of rows (row_format.h) that survives kill -9 at
 * any moment and a power cut up to the last flush.
 *
 *	index_commit()            readers (index_get, cursors)
 *	      |                     newest to oldest, first hit counts
 *	      v                          |
 *	 active memtable  <--------------+
 *	 frozen memtables <--------------+   bounded queue, oldest is applied
 *	 LMDB             <--------------+   by the checkpointer thread
 *
 * index_commit() assigns the next LSN, appends the batch to the
 * journal, and applies it to the active memtable, all under the INDEX lock,
 * so that journal order, memtable order and LSN order are one. It returns when the
 * record is written (write(2)): a killed process loses nothing. Durability
 * against power cuts is index_flush().
 *
 * Applying a ROW_CLOUD change also puts its DIRTY row (lsn of the change;
 * `since` and the barrier of an existing DIRTY row of CONTENT are kept).
 * Applying SEGMENT_USE changes the counters of the segment table through
 * the hook of index_conf. When a memtable is frozen, the counters are put in
 * it as SEGMENT rows and the META rows of index_counters follow, so that
 * what a checkpoint makes durable is one instant.
 *
 * Checkpoint of frozen memtables: (1) hook: segments durable up to its last
 * LSN; (2) journal durable up to it; (3) its rows and META applied_lsn in
 * one synced LMDB transaction, in key order; (4) the memtable leaves the
 * view; (5) journal files wholly below applied_lsn are recycled. LMDB is
 * opened in its safe mode. A DIRTY row deleted in a memtable is a tombstone
 * until it is applied.
 *
 * Recovery (index_open): LMDB as of applied_lsn, then the journal after it.
 * The journal's torn tail is cut (what counts as torn and what as corruption:
 * journal_scan.h); corruption is refused with -ERR_journal_corrupt: nothing
 * is deleted. A changed boot id (boot_id.h) means that the page cache is gone: content
 * records whose segment bytes fail their checks are dropped, from the first
 * bad one of that inode that no BATCH_SYNC of it follows (a SYNC record is
 * written when the bytes before it are durable); all but the attributes, the
 * INODE rows that such a record puts. What was found then is made
 * durable before index_open_replay() returns, so it is judged only once.
 *
 * Threads: every function may be called from any thread. No call does
 * network I/O. Locks: INDEX, JOURNAL, INDEX_VIEW (lock.h).
 */
#ifndef DRAY_CACHE_INDEX_H
#define DRAY_CACHE_INDEX_H

#include "cache/batch.h"
#include "cache/row_format.h"

struct index;
struct index_view;
struct index_cursor;
struct journal_io;

/* What the index asks of the segment store; `arg` comes back in each. */
struct index_hooks {
	void *arg;
	/* Rows point to so many bytes more or fewer; called in LSN order. */
	void (*segment_use)(void *arg, uint64_t segment, int64_t live, int64_t dirty);
	/* Puts a SEGMENT row for every segment changed since the last call
	 * (deletes those gone) by batch_put(); called under the INDEX lock. */
	void (*segment_rows)(void *arg, struct batch *batch);
	/* Makes every segment byte appended before this call durable. */
	int (*segments_flush)(void *arg);
	/*
	 * Replay only. segment_verify: 0 when the segment holds good bytes
	 * for this extent, -ERR_segment_corrupt when not. segment_redo:
	 * writes the bytes at their place where they are not there already.
	 */
	int (*segment_verify)(void *arg, uint64_t ino, uint64_t end, const struct extent_row *row);
	int (*segment_redo)(void *arg, uint64_t segment, uint32_t offset, const void *bytes,
			    uint32_t length);
};

/* Counters kept in memory and saved as META rows at each freeze. */
struct index_counters {
	uint64_t next_ino;
	uint64_t next_chunk;
	uint64_t inodes;      /* INODE rows with nlink > 0 */
	uint64_t dirty_files; /* CONTENT keys with a DIRTY row */
	uint64_t mapped;      /* bytes that the CONTENT rows map */
};

struct index_conf {
	const char *index_directory;	     /* CACHE/index */
	const char *journal_directory;	     /* CACHE/journal */
	size_t memtable_bytes;		     /* freeze above; 0: 16 MiB */
	unsigned int frozen_max;	     /* queue length; 0: 4 */
	bool read_only;			     /* inspect a dead cache: nothing is written */
	uint64_t journal_file_bytes;	     /* 0: 64 MiB */
	const struct id *boot_id;	     /* NULL: boot_id_read() */
	const struct journal_io *journal_io; /* NULL: the system's; tests let it fail */
	struct index_hooks hooks;
	/* Progress of replay, or NULL: records done of about total. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

struct index_stats {
	uint64_t lsn;		/* last assigned */
	uint64_t lsn_durable;	/* flushed */
	uint64_t lsn_applied;	/* in LMDB */
	uint64_t journal_bytes; /* on disk */
	uint64_t lmdb_bytes;
	uint64_t memtable_bytes;
	uint64_t checkpoints_total;
	uint64_t flushes_total;
	uint64_t replayed_records; /* by index_open */
	uint64_t dropped_records;  /* content dropped by it after a power cut */
};

/* Opens and recovers. SEGMENT rows are read by the caller from the index
 * before replay starts: see index_open_replay(). */
int index_open(const struct index_conf *conf, struct index **out);
/* Replays the journal and starts the checkpointer. Between the two calls the
 * caller loads its segment table with index_get()/cursors. */
int index_open_replay(struct index *index);
/* Freezes, checkpoints all, stops the thread, closes. */
void index_close(struct index *index);
/* Closes without checkpoint or flush, as a killed process would (tests). */
void index_abandon(struct index *index);

/*
 * Commits a batch (an empty one is a no-op). Returns 0 when its record is in
 * the journal file; *lsn_out (may be NULL) is its LSN. A batch without a time
 * gets the current one. A failed write is reported to all whose records it
 * held; from then on every commit fails with -ERR_read_only and the first
 * cause. Delays the caller while the queue of frozen memtables fills up.
 */
int index_commit(struct index *index, struct batch *batch, uint64_t *lsn_out);
/* As index_commit(), but returns before the record is written; the caller
 * passes *lsn_out to index_written() after it has dropped its locks. */
int index_commit_begin(struct index *index, struct batch *batch, uint64_t *lsn_out);
/* Waits until the journal is written up to lsn; the place of the delay. */
int index_written(struct index *index, uint64_t lsn);
/* Makes the journal durable up to lsn (group commit: concurrent callers
 * share a flush). A failed flush is reported by this and every later call. */
int index_flush(struct index *index, uint64_t lsn);
/*
 * Makes everything committed before the call durable: segments, then the
 * journal with a record which says that content up to here needs no check
 * after a power cut. For the thread that does this each second. A segment
 * may only be unlinked after it, because the check would miss its bytes.
 */
int index_flush_all(struct index *index);
/* The LSN of the last commit. */
uint64_t index_lsn(struct index *index);
/* 0, or the code for which the index became read-only (err_message() set). */
int index_health(struct index *index);

/*
 * Numbers, never reused. next_ino is found again by replay from the rows;
 * chunk ids may be in packs before any row has them, so that every
 * index_open_replay() begins a new block of 2^32.
 */
uint64_t index_new_ino(struct index *index);
uint64_t index_new_chunks(struct index *index, uint32_t count);
void index_counters_get(struct index *index, struct index_counters *out);
/* Raises the counters to at least these (restore, takeover); journaled. */
int index_counters_raise(struct index *index, uint64_t next_ino, uint64_t next_chunk);

/* Appends the value of key to out. 0, -ENOENT, or -ERR_index_corrupt. */
int index_get(struct index *index, const struct row_key *key, struct buffer *out);

/*
 * A cursor yields the live rows with key >= the start key in key order, each
 * once, as of about now: rows changed while it is open may be seen old or
 * new. Rows of an inode whose node lock is held are exact. Keep it short: it
 * pins an LMDB read transaction.
 */
int index_cursor_open(struct index *index, const struct row_key *start, struct index_cursor **out);
/* 1 and the row (pointers valid until the next call), 0 at the end, or an
 * error. */
int index_cursor_next(struct index_cursor *cursor, const uint8_t **key, size_t *key_length,
		      const uint8_t **value, size_t *value_length);
/* Moves the cursor to the first key >= start. */
int index_cursor_seek(struct index_cursor *cursor, const struct row_key *start);
/*
 * From now on the cursor ends at the first key that does not begin with these
 * length bytes of key. Without it the next row may lie behind any number of
 * deleted ones of other inodes: a cursor over one inode's rows is bounded.
 */
void index_cursor_bound(struct index_cursor *cursor, const struct row_key *key, size_t length);
void index_cursor_close(struct index_cursor *cursor);

/*
 * A snapshot: all rows exactly as of one LSN, the cut. Taking one freezes
 * the active memtable. Holds an LMDB read transaction: release it soon.
 */
struct index_snapshot;
int index_snapshot_take(struct index *index, struct index_snapshot **out, uint64_t *cut_lsn_out);
int index_snapshot_get(struct index_snapshot *snapshot, const struct row_key *key,
		       struct buffer *out);
int index_snapshot_cursor(struct index_snapshot *snapshot, const struct row_key *start,
			  struct index_cursor **out);
void index_snapshot_release(struct index_snapshot *snapshot);

/*
 * The cloud has all changes of these keys up to cut_lsn, which was at
 * cut_real_ns: their DIRTY rows with lsn <= cut_lsn go. A DIRTY row of CONTENT
 * that was changed since stays; what the cloud lacks of that content is no older
 * than the cut, and a barrier before the cut was kept. Idempotent. keys: `count`
 * keys. Done in batches of
 * its own (journaled as row deletes of the DIRTY table), each short enough
 * not to be felt by other commits; a kill may leave any number of them done.
 */
int index_mark_clean(struct index *index, const struct row_key *keys, size_t count,
		     uint64_t cut_lsn, int64_t cut_real_ns);

/*
 * Restore: rows in strictly ascending key order straight into an empty LMDB
 * (MDB_APPEND), no journal, no DIRTY rows; the counters are derived. Begin
 * fails with -ERR_index_corrupt when the index is not empty. A load that was
 * not committed, for whatever reason, leaves an empty index: the next
 * index_open() deletes its rows. No commits meanwhile.
 */
struct index_load;
int index_load_begin(struct index *index, struct index_load **out);
int index_load_put(struct index_load *load, const void *key, size_t key_length, const void *value,
		   size_t value_length);
int index_load_commit(struct index_load *load);
void index_load_abort(struct index_load *load);

/* Freezes and applies everything now (tests, before a copy). */
int index_checkpoint(struct index *index);
void index_stats_get(struct index *index, struct index_stats *out);

#endif
