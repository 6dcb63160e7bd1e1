/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay: the journal behind applied_lsn into the memtable, at index_open.
 *
 * After a mere kill every record is applied: the page cache has all bytes.
 *
 * After a power cut a first pass writes REDO bytes to their segments and
 * looks at the segment bytes of content records, in LSN order, for each
 * inode:
 *
 *	record of the inode	effect on the inode's verdict
 *	BATCH_CONTENT, bad	the first one since: dropped from here on
 *	BATCH_SYNC		good up to here: its bytes were durable when the
 *				record was made, or are the REDO in it
 *
 * Records up to the journal's content_lsn are not looked at: their bytes
 * were flushed. The second pass applies all but the content records that the
 * verdict drops, with their segment uses: the file is then exactly as it was
 * before its first lost write.
 */
#ifndef DRAY_CACHE_REPLAY_H
#define DRAY_CACHE_REPLAY_H

#include "cache/index_int.h"
#include "cache/journal_scan.h"

int replay_run(struct index *index, struct journal_scan *scan);

#endif
