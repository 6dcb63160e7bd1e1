/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All crash points, in one list: X(name, what has just happened there).
 * tests/model ends the process at each of them and fails when one is never
 * reached.
 */
#ifndef DRAY_BASE_CRASH_POINTS_H
#define DRAY_BASE_CRASH_POINTS_H

#define CRASH_POINTS(X)                                                                     \
	/* a change, from the batch to the journal's file */                                \
	X(index_applied, "a batch is in the memtable and appended, not written")            \
	X(journal_file_made, "a new journal file has its blocks, not its header")           \
	X(journal_file_renamed, "an old journal file has its new name, not its header")     \
	X(journal_file_begun, "a journal file has its header, no record")                   \
	X(journal_written, "records are in the journal file, nobody was told")              \
	X(journal_flushed, "records are durable, nobody was told")                          \
	X(journal_retired, "a journal file is of no use any more, and still there")         \
	/* file data */                                                                     \
	X(segment_made, "a segment file is there, its name not durable")                    \
	X(segment_appended, "a record is in its segment, no row points to it")              \
	X(segment_flushed, "segments are durable, the journal does not say so")             \
	X(segment_unlinking, "a segment of no use is about to go")                          \
	X(segment_unlinked, "a segment of no use is gone")                                  \
	X(sync_appended, "an fsync's record is appended, not durable")                      \
	X(rename_flushed, "a file that replaces another is durable, not yet in its place")  \
	X(reap_step, "a part of a dead inode's rows is gone")                               \
	/* checkpoint of the index */                                                       \
	X(index_frozen, "a memtable is frozen")                                             \
	X(index_segments, "segments are durable for a checkpoint")                          \
	X(index_journal, "the journal is durable for a checkpoint")                         \
	X(index_rows, "rows are in a transaction of LMDB, not committed")                   \
	X(index_committed, "LMDB has the rows, the view has the memtable still")            \
	X(index_dropped, "the memtable is gone, its journal files are there")               \
	/* recovery */                                                                      \
	X(replay_judged, "replay knows which content a power cut took")                     \
	X(replay_applied, "a record is replayed")                                           \
	X(replay_done, "all records are replayed")                                          \
	X(open_journal, "the journal goes on behind what was replayed")                     \
	X(open_settled, "what replay found out is in LMDB")                                 \
	X(open_chunks, "a block of chunk ids is reserved")                                  \
	X(open_flushed, "what a killed process left is durable")                            \
	/* the cache's own description, and who may write */                                \
	X(identity_written, "a new volume.json lies beside the old one")                    \
	X(fence_claim, "a writer epoch is chosen, not claimed")                             \
	X(fence_claimed, "a writer epoch is claimed")                                       \
	/* a commit */                                                                      \
	X(capture_cut, "the cut of a commit is taken")                                      \
	X(commit_claimed, "a commit has claimed what it uploads")                           \
	X(commit_before_flush, "packs are put, local state is not durable up to the cut")   \
	X(commit_flushed, "local state is durable up to the cut")                           \
	X(outbox_part, "a part is about to be written to the outbox")                       \
	X(outbox_commit, "a commit is about to be written to the outbox")                   \
	X(outbox_written, "a file of the outbox has its bytes, not its name")               \
	X(outbox_named, "a file of the outbox has its name, which is not durable")          \
	X(commit_in_outbox, "a commit is in the outbox: it is decided")                     \
	X(commit_part_put, "a part of a commit is put")                                     \
	X(commit_before_put, "all parts of a commit are put")                               \
	X(commit_after_put, "a commit is put")                                              \
	X(commit_verified, "a commit is put, and the epoch still ours")                     \
	X(settle_begin, "a commit is about to be recorded")                                 \
	X(settle_recorded, "a commit is recorded")                                          \
	X(settle_places, "a commit's chunks have their places")                             \
	X(settle_attached, "a commit's extents know their chunks")                          \
	X(settle_marked_some, "some rows of a commit are marked clean")                     \
	X(settle_flushed, "all that a commit changes is durable, its outbox file there")    \
	X(settle_removed, "a commit's outbox file is gone")                                 \
	/* a checkpoint in the bucket, and what it makes superfluous */                     \
	X(checkpoint_before_run, "a run of a checkpoint is made, not put")                  \
	X(checkpoint_run_put, "a run of a checkpoint is put")                               \
	X(checkpoint_before_root, "all runs of a checkpoint are put")                       \
	X(checkpoint_root_put, "the root of a checkpoint is put")                           \
	X(retention_before_remove, "an object of the bucket is of no use any more")         \
	/* uploads */                                                                       \
	X(upload_before_put, "a pack is about to be put")                                   \
	X(upload_after_put, "a pack is put")                                                \
	X(pack_acknowledged, "a pack is known to be put")                                   \
	X(pack_recorded, "a pack's chunks have their places")                               \
	X(pack_attached, "extents know the chunks of a pack")                               \
	X(bulk_gathered, "a slice of a large file is chosen for upload")                    \
	X(rewrite_stored, "scattered bytes are stored together, no extent says so")         \
	X(rewrite_swapped, "extents know where scattered bytes are stored together")        \
	/* what comes back */                                                               \
	X(fetch_appended, "a fetched chunk is in a segment, no row points to it")           \
	X(fetch_cached, "a fetched chunk is cached")                                        \
	X(evict_detached, "an extent has lost its local place")                             \
	X(evict_dropped, "cached chunks are dropped")                                       \
	X(restore_loaded, "a restore's rows are in LMDB, not committed")                    \
	X(restore_load_committed, "a restore's rows are committed")                         \
	X(restore_applied, "a commit is applied by a restore")                              \
	X(restore_followed, "a commit of the log is dealt with")                            \
	X(restore_before_fence, "the log is followed to its end, the fence commit not put") \
	X(restore_after_fence, "the fence commit is put")

#endif
