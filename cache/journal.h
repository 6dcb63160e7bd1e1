/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: records in LSN order, appended to files of about 64 MiB.
 *
 *	journal_append()   copies the record into the buffer of its file
 *	journal_write()    until written: write(2) of the contiguous prefix
 *	journal_flush()    until durable: fdatasync(2)
 *
 * A record is appended (in memory), then written (a killed process does not
 * lose it), then durable (a power cut does not). Each state is a prefix of
 * LSNs: written_lsn <= appended, durable_lsn <= written_lsn. Callers of
 * journal_write() and journal_flush() that find work to do become writer or
 * flusher for all who wait (one of each at a time); the others wait for
 * them. Writing goes on while a flush is under way.
 *
 * A file is begun when a record does not fit the one before, and at every
 * start. The first failed write or flush is final: all calls return its code
 * and sentence from then on, because nobody knows what the file holds, and
 * after a failed fdatasync the kernel drops the dirty pages.
 *
 * A file whose records are all in the index is kept to be written over (a
 * few of them) or unlinked; never before the header of the file that follows
 * it is durable, so that a scan always finds where to begin.
 *
 * Locks: JOURNAL; it is not held across write or fdatasync.
 */
#ifndef DRAY_CACHE_JOURNAL_H
#define DRAY_CACHE_JOURNAL_H

#include "cache/journal_file.h"
#include "cache/journal_record.h"
#include "cache/journal_scan.h"

struct journal;

struct journal_conf {
	const char *directory;
	uint64_t file_bytes; /* 0: 64 MiB */
	struct id boot_id;
	const struct journal_io *io; /* NULL: the system's */
};

struct journal_stats {
	uint64_t appended_lsn;
	uint64_t written_lsn;
	uint64_t durable_lsn;
	uint64_t bytes; /* on disk, files kept for use included */
	uint64_t flushes_total;
};

/*
 * Goes on behind the end that the scan found: makes the records that count
 * durable and takes over the files. The scan stays the caller's.
 */
int journal_start(const struct journal_conf *conf, const struct journal_scan *scan,
		  struct journal **out);
/* Writes and flushes nothing. No other call may be under way. */
void journal_close(struct journal *journal);

/*
 * Appends one record: kind, lsn (the last one plus 1), ino, time_ns,
 * content_lsn and body are the caller's, the rest is filled in.
 */
int journal_append(struct journal *journal, struct journal_record *record);
int journal_write(struct journal *journal, uint64_t lsn);
int journal_flush(struct journal *journal, uint64_t lsn);
/* Files with no record above applied_lsn, which is durable in the index, may
 * be used again. Not for two threads at once. */
void journal_recycle(struct journal *journal, uint64_t applied_lsn);
/* 0, or the code of the first failure. */
int journal_health(struct journal *journal);
void journal_stats_get(struct journal *journal, struct journal_stats *out);

#endif
