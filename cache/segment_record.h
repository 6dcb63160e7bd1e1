/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record of a segment (segment_format.h): its header, its pieces, and
 * where they lie. Pure.
 *
 * `delta` counts bytes from the beginning of the record's data.
 */
#ifndef DRAY_CACHE_SEGMENT_RECORD_H
#define DRAY_CACHE_SEGMENT_RECORD_H

#include <sys/uio.h>

#include "cache/segment.h"
#include "cache/segment_format.h"

struct segment_record {
	struct segment_tag tag;
	uint64_t segment;
	uint32_t record; /* offset of the header in the segment */
	uint32_t length; /* of the data */
};

/* Some pieces of a record, side by side. */
struct segment_pieces {
	uint32_t first; /* number of the first piece */
	uint32_t count;
	uint32_t delta;	 /* of the first byte of the first piece */
	uint32_t length; /* of their data together */
};

/* The header. */
void segment_record_encode(const struct segment_record *record,
			   uint8_t header[SEGMENT_HEADER_SIZE]);
/*
 * The record that a header describes. -EBADMSG: these bytes are no header.
 * -ERR_format_newer (no sentence yet): they are one of a later version.
 */
int segment_record_decode(const uint8_t header[SEGMENT_HEADER_SIZE], struct segment_record *out);

/* The pieces that [delta, delta + length) of the data touches; length > 0. */
struct segment_pieces segment_pieces_of(const struct segment_record *record, uint32_t delta,
					uint32_t length);
/* Where they begin, counted from the header, and how many bytes they take. */
uint32_t segment_pieces_at(const struct segment_record *record,
			   const struct segment_pieces *pieces);
uint32_t segment_pieces_bytes(const struct segment_pieces *pieces);

/* The heads of the pieces; data is the first byte of the first one. */
void segment_pieces_sum(const struct segment_record *record, const struct segment_pieces *pieces,
			const uint8_t *data, uint8_t *heads);
/* False: *bad_delta is where the first bad piece begins. */
bool segment_pieces_verify(const struct segment_record *record, const struct segment_pieces *pieces,
			   const uint8_t *data, const uint8_t *heads, uint32_t *bad_delta);
/* The length that the head of a piece tells. */
uint32_t segment_piece_length(const uint8_t head[SEGMENT_PIECE_HEAD]);

/*
 * For preadv(2) and pwritev(2): the bytes of the pieces from byte `skip` on, as
 * they lie in the file, in at most `max` parts of heads and data. Returns how
 * many parts.
 */
int segment_pieces_vector(const struct segment_record *record, const struct segment_pieces *pieces,
			  const uint8_t *data, const uint8_t *heads, uint32_t skip,
			  struct iovec *vector, int max);

#endif
