/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers and records of journal files to bytes and back (journal_format.h).
 * Pure: no I/O, clock or threads.
 */
#ifndef DRAY_CACHE_JOURNAL_RECORD_H
#define DRAY_CACHE_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"
#include "cache/batch.h"

struct journal_header {
	uint64_t sequence;
	uint64_t generation;
	uint64_t first_lsn;
	uint64_t durable_lsn;
	struct id boot_id;
};

struct journal_record {
	enum batch_kind kind;
	uint64_t lsn;
	uint64_t ino;
	int64_t time_ns;
	uint64_t durable_lsn;
	uint64_t content_lsn;
	const uint8_t *body; /* decoded: points into the bytes */
	size_t body_length;
	/* Set by the codec. */
	uint32_t crc;
	uint32_t previous_crc;
	size_t bytes; /* in the file, with padding */
};

/* Fills a page; returns the CRC that the first record is chained to. */
uint32_t journal_header_encode(const struct journal_header *header, uint8_t *page);

enum journal_header_state {
	JOURNAL_HEADER_GOOD,
	JOURNAL_HEADER_ABSENT, /* all zeros or too short: never written */
	JOURNAL_HEADER_BAD,
	JOURNAL_HEADER_NEWER, /* a format version that this program does not know */
};
enum journal_header_state journal_header_decode(const uint8_t *bytes, size_t length,
						struct journal_header *header, uint32_t *crc_out);

/* The start of every record's CRC in a file of this generation. */
uint32_t journal_record_seed(uint64_t generation);
/* Bytes that a record with such a body takes. */
size_t journal_record_bytes(size_t body_length);
/* Appends the record, chained to record->previous_crc; sets crc and bytes. */
void journal_record_encode(struct buffer *out, uint32_t seed, struct journal_record *record);
/*
 * True when a whole record with a matching CRC begins at bytes; the caller
 * compares LSN and previous_crc with what it expects.
 */
bool journal_record_decode(const uint8_t *bytes, size_t length, uint32_t seed,
			   struct journal_record *record);

#endif
