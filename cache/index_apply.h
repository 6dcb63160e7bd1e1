/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal record does to rows and counters: the same code for a
 * commit and for its replay, so that the two cannot differ.
 *
 *	item		effect
 *	row put/delete	the row in the active memtable; with ROW_CLOUD its
 *			DIRTY row; inodes, dirty_files, next_ino, next_chunk
 *	segment use	the hook of the segment store
 *	redo		none here (replay.c)
 */
#ifndef DRAY_CACHE_INDEX_APPLY_H
#define DRAY_CACHE_INDEX_APPLY_H

#include "cache/index_int.h"

/* record: kind, lsn, time_ns and body count. */
int index_apply_locked(struct index *index, const struct journal_record *record);
/* Of a content record that is dropped after a power cut: the INODE rows that
 * it puts (a mode set together with the time of the content, for example). */
int index_apply_attributes_locked(struct index *index, const struct journal_record *record);
/* Puts the rows of a batch as they are: no DIRTY rows, no counters. */
void index_apply_raw_locked(struct index *index, const struct batch *batch);
/* 0 and the DIRTY row for a cloud key, -ENOENT, or an error. */
int index_dirty_find_locked(struct index *index, const struct row_key *dirty_key,
			    struct dirty_row *out);
/* Raises the counters to at least what this row proves to be in use. */
void index_apply_numbers(struct index *index, const void *key, size_t key_length);

#endif
