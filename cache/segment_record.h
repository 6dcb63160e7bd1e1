/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record of a segment (segment_format.h): its head (header and piece
 * CRCs), and the checks of its pieces. Pure.
 *
 * `delta` counts bytes from the beginning of the record's data.
 */
#ifndef DRAY_CACHE_SEGMENT_RECORD_H
#define DRAY_CACHE_SEGMENT_RECORD_H

#include "cache/segment.h"
#include "cache/segment_format.h"

struct segment_record {
	struct segment_tag tag;
	uint64_t segment;
	uint32_t record; /* offset of the header in the segment */
	uint32_t length; /* of the data */
};

/* Pieces that lie [offset, offset + length) touches; length > 0. */
uint32_t segment_piece_count(uint64_t offset, uint32_t length);
/* Bytes of header and CRCs. */
uint32_t segment_head_bytes(uint64_t offset, uint32_t length);

/* The CRCs of the data's pieces, to their place in a head. */
void segment_record_sum(const struct segment_record *record, const void *data, uint8_t *head);
/* The header, to the beginning of a head. */
void segment_record_encode(const struct segment_record *record,
			   uint8_t header[SEGMENT_HEADER_SIZE]);
/*
 * The record that a header describes. -EBADMSG: these bytes are no header.
 * -ERR_format_newer (no sentence yet): they are one of a later version.
 */
int segment_record_decode(const uint8_t header[SEGMENT_HEADER_SIZE], struct segment_record *out);

/* The pieces that [delta, delta + length) of the data touches. */
struct segment_pieces {
	uint32_t first; /* number of the first piece */
	uint32_t count;
	uint32_t delta;	 /* of the first byte of the first piece */
	uint32_t length; /* of the pieces together */
};

struct segment_pieces segment_pieces_of(const struct segment_record *record, uint32_t delta,
					uint32_t length);
/*
 * Checks whole pieces: crcs is the entry of the first, data its first byte.
 * False: *bad_delta is where the first bad piece begins.
 */
bool segment_pieces_verify(const struct segment_record *record, const struct segment_pieces *pieces,
			   const uint8_t *crcs, const uint8_t *data, uint32_t *bad_delta);

#endif
