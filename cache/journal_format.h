/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal files: CACHE/journal/<sequence, 16 hex digits>.wal.
 *
 * A file is one header page and the records, each at a multiple of 8. All
 * integers are little-endian.
 *
 *	header        0  magic "DRAYJRNL"
 *	(4096 bytes)  8  format version   u32
 *	             12  0                u32
 *	             16  sequence         u64  greater than all files before
 *	             24  generation       u64  random, drawn when the file is begun
 *	             32  first LSN        u64  of the first record
 *	             40  durable LSN      u64  known when the file was begun
 *	             48  boot id           16   boot_id.h
 *	             64  CRC-32C of the bytes before u32
 *	             68  zeros
 *
 *	record        0  length           u32  with this head, without padding
 *	              4  CRC-32C          u32  of generation, then of the record from 8
 *	              8  previous CRC     u32  of the record before; the header's
 *	             12  kind              u8  enum batch_kind
 *	             13  0 0 0
 *	             16  LSN              u64  one more than the record before
 *	             24  inode            u64  of BATCH_CONTENT and BATCH_SYNC
 *	             32  time             i64  wall time, ns
 *	             40  durable LSN      u64  the journal was durable up to here
 *	             48  content LSN      u64  segment bytes were durable up to here
 *	             56  body                  items, see batch.h
 *	                 zeros to a multiple of 8
 *
 * The header's fields fit a sector: after a power cut it is old or new, not
 * torn. Behind the last record written come zeros up to a page boundary,
 * then whatever the file held before: files are written over. Nothing of
 * that is taken for a record: the generation is part of every CRC.
 *
 * The file's name only keeps files apart: its identity is the header (the
 * rename of a file that is used again may be lost in a power cut).
 *
 * A file ends where any later one begins: it yields the records with an LSN
 * below the least first LSN of the files with a greater sequence. So a
 * recovery that cuts a torn tail needs to change nothing: it begins a file
 * with the LSN at which it cut.
 */
#ifndef DRAY_CACHE_JOURNAL_FORMAT_H
#define DRAY_CACHE_JOURNAL_FORMAT_H

#define JOURNAL_MAGIC		 "DRAYJRNL"
#define JOURNAL_MAGIC_BYTES	 8
#define JOURNAL_VERSION		 1
#define JOURNAL_PAGE_BYTES	 4096
#define JOURNAL_HEADER_CRC	 64
#define JOURNAL_RECORD_HEAD	 56
#define JOURNAL_RECORD_ALIGNMENT 8
#define JOURNAL_RECORD_MAX	 (1u << 30)
#define JOURNAL_SUFFIX		 ".wal"

#endif
