/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the journal back: which files and records count.
 *
 * journal_scan_open() reads and checks everything that lies behind
 * applied_lsn and decides where the journal ends. It changes nothing.
 *
 *	what it finds where a record should be	meaning
 *	nothing valid behind it			the end, or a torn tail: cut
 *	valid records or files behind it:
 *	  one says: durable up to that LSN	corruption
 *	  the machine has not restarted since	corruption: a kill tears only the
 *						last write
 *	  otherwise				a power cut took pages that were
 *						never flushed: cut, and nothing
 *						behind it counts
 *
 * Corruption is -ERR_journal_corrupt with file, offset, LSN and what to do.
 * A file whose header was never written counts for nothing.
 *
 * Then the records with LSN applied_lsn + 1 to last_lsn can be read, as
 * often as needed, in order. One thread.
 */
#ifndef DRAY_CACHE_JOURNAL_SCAN_H
#define DRAY_CACHE_JOURNAL_SCAN_H

#include "cache/journal_record.h"

struct journal_scan_file {
	char *path;
	uint64_t bytes;
	bool has_header;
	struct journal_header header;
	uint32_t header_crc;
	/* It holds records behind applied_lsn, or would have held the next. */
	bool live;
	uint64_t last_lsn; /* of the records that count; first_lsn - 1 if none */
};

struct journal_scan {
	/* results of journal_scan_open() */
	struct journal_scan_file *files; /* by sequence */
	size_t files_count;
	uint64_t applied_lsn;
	uint64_t last_lsn;	/* the end of the journal; at least applied_lsn */
	uint64_t content_lsn;	/* segment bytes were known durable up to here */
	uint64_t next_sequence; /* greater than all that are used */
	bool power_cut;		/* the machine restarted since the last record */
	/* position of journal_scan_next() */
	size_t file_index;
	size_t offset;
	uint64_t next_lsn;
	struct buffer contents; /* of the file at file_index */
};

int journal_scan_open(const char *directory, uint64_t applied_lsn, const struct id *boot_id,
		      struct journal_scan *scan);
void journal_scan_release(struct journal_scan *scan);
/* 1 and the next record (valid until the next call), 0 at the end, or an
 * error. */
int journal_scan_next(struct journal_scan *scan, struct journal_record *record);
/* Back to the first record. */
void journal_scan_rewind(struct journal_scan *scan);

#endif
