/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/segment_record.h"

#include <assert.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/base/error.h"

#define HEADER_CRC_AT  (SEGMENT_HEADER_SIZE - SEGMENT_CRC_SIZE)
#define IDENTITY_BYTES 29 /* of a piece, without its number and length */
#define NUMBER_BYTES   6

static uint32_t piece_count(uint64_t offset, uint32_t length)
{
	uint64_t last = offset + length - 1;

	assert(length > 0);
	return (uint32_t)(last / SEGMENT_PIECE_BYTES - offset / SEGMENT_PIECE_BYTES + 1);
}

uint32_t segment_record_bytes(uint64_t file_offset, uint32_t length)
{
	return SEGMENT_HEADER_SIZE + SEGMENT_PIECE_HEAD * piece_count(file_offset, length) + length;
}

/* Where piece `number` begins in the data. */
static uint32_t piece_start(const struct segment_record *record, uint32_t number)
{
	uint32_t skipped = (uint32_t)(record->tag.offset % SEGMENT_PIECE_BYTES);

	return number ? number * SEGMENT_PIECE_BYTES - skipped : 0;
}

/* Where it ends. */
static uint32_t piece_end(const struct segment_record *record, uint32_t number)
{
	uint32_t end = piece_start(record, number + 1);

	return end < record->length ? end : record->length;
}

static uint32_t piece_length(const struct segment_record *record, uint32_t number)
{
	return piece_end(record, number) - piece_start(record, number);
}

void segment_record_encode(const struct segment_record *record, uint8_t header[SEGMENT_HEADER_SIZE])
{
	memset(header, 0, SEGMENT_HEADER_SIZE);
	memcpy(header, SEGMENT_MAGIC, 4);
	store_le16(header + 4, SEGMENT_FORMAT_VERSION);
	header[6] = (uint8_t)record->tag.class;
	store_le64(header + 8, record->segment);
	store_le32(header + 16, record->record);
	store_le32(header + 20, record->length);
	store_le64(header + 24, record->tag.number);
	store_le64(header + 32, record->tag.offset);
	store_le32(header + HEADER_CRC_AT, crc32c(0, header, HEADER_CRC_AT));
}

int segment_record_decode(const uint8_t header[SEGMENT_HEADER_SIZE], struct segment_record *out)
{
	if (memcmp(header, SEGMENT_MAGIC, 4) ||
	    load_le32(header + HEADER_CRC_AT) != crc32c(0, header, HEADER_CRC_AT))
		return -EBADMSG;
	if (load_le16(header + 4) > SEGMENT_FORMAT_VERSION)
		return -ERR_format_newer;
	out->tag.class = header[6];
	out->segment = load_le64(header + 8);
	out->record = load_le32(header + 16);
	out->length = load_le32(header + 20);
	out->tag.number = load_le64(header + 24);
	out->tag.offset = load_le64(header + 32);
	if (out->tag.class != SEGMENT_CLASS_WRITTEN && out->tag.class != SEGMENT_CLASS_FETCHED)
		return -EBADMSG;
	if (!out->length || out->length > SEGMENT_DATA_MAX ||
	    out->tag.offset > (uint64_t)INT64_MAX - out->length)
		return -EBADMSG;
	return 0;
}

struct segment_pieces segment_pieces_of(const struct segment_record *record, uint32_t delta,
					uint32_t length)
{
	uint32_t skipped = (uint32_t)(record->tag.offset % SEGMENT_PIECE_BYTES);
	struct segment_pieces pieces;

	assert(length > 0 && delta <= record->length && length <= record->length - delta);
	pieces.first = (skipped + delta) / SEGMENT_PIECE_BYTES;
	pieces.count = (skipped + delta + length - 1) / SEGMENT_PIECE_BYTES - pieces.first + 1;
	pieces.delta = piece_start(record, pieces.first);
	pieces.length = piece_end(record, pieces.first + pieces.count - 1) - pieces.delta;
	return pieces;
}

uint32_t segment_pieces_at(const struct segment_record *record, const struct segment_pieces *pieces)
{
	return SEGMENT_HEADER_SIZE + SEGMENT_PIECE_HEAD * pieces->first +
	       piece_start(record, pieces->first);
}

uint32_t segment_pieces_bytes(const struct segment_pieces *pieces)
{
	return SEGMENT_PIECE_HEAD * pieces->count + pieces->length;
}

uint32_t segment_piece_length(const uint8_t head[SEGMENT_PIECE_HEAD])
{
	return load_le16(head + 4);
}

/* The CRC of what all pieces of a record have in common. */
static uint32_t record_sum(const struct segment_record *record)
{
	uint8_t identity[IDENTITY_BYTES];

	store_le64(identity, record->segment);
	store_le32(identity + 8, record->record);
	identity[12] = (uint8_t)record->tag.class;
	store_le64(identity + 13, record->tag.number);
	store_le64(identity + 21, record->tag.offset);
	return crc32c(0, identity, sizeof(identity));
}

static uint32_t piece_sum(uint32_t sum, uint32_t number, const uint8_t *data, uint32_t length)
{
	uint8_t identity[NUMBER_BYTES];

	store_le32(identity, number);
	store_le16(identity + 4, (uint16_t)length);
	return crc32c(crc32c(sum, identity, sizeof(identity)), data, length);
}

void segment_pieces_sum(const struct segment_record *record, const struct segment_pieces *pieces,
			const uint8_t *data, uint8_t *heads)
{
	uint32_t sum = record_sum(record);
	uint32_t i;

	for (i = 0; i < pieces->count; i++) {
		uint32_t number = pieces->first + i;
		uint32_t length = piece_length(record, number);
		uint8_t *head = heads + SEGMENT_PIECE_HEAD * i;

		store_le32(head, piece_sum(sum, number, data, length));
		store_le16(head + 4, (uint16_t)length);
		store_le16(head + 6, 0);
		data += length;
	}
}

bool segment_pieces_verify(const struct segment_record *record, const struct segment_pieces *pieces,
			   const uint8_t *data, const uint8_t *heads, uint32_t *bad_delta)
{
	uint32_t sum = record_sum(record);
	uint32_t i;

	for (i = 0; i < pieces->count; i++) {
		uint32_t number = pieces->first + i;
		uint32_t length = piece_length(record, number);
		const uint8_t *head = heads + SEGMENT_PIECE_HEAD * i;

		if (segment_piece_length(head) != length || load_le16(head + 6) ||
		    load_le32(head) != piece_sum(sum, number, data, length)) {
			*bad_delta = piece_start(record, number);
			return false;
		}
		data += length;
	}
	return true;
}

/* Adds a part, or what `skip` leaves of it. */
static int add_part(struct iovec *vector, int count, const uint8_t *bytes, uint32_t length,
		    uint32_t *skip)
{
	if (*skip >= length) {
		*skip -= length;
		return count;
	}
	vector[count].iov_base = (void *)(bytes + *skip);
	vector[count].iov_len = length - *skip;
	*skip = 0;
	return count + 1;
}

int segment_pieces_vector(const struct segment_record *record, const struct segment_pieces *pieces,
			  const uint8_t *data, const uint8_t *heads, uint32_t skip,
			  struct iovec *vector, int max)
{
	uint32_t i;
	int count = 0;

	for (i = 0; i < pieces->count && count + 2 <= max; i++) {
		uint32_t number = pieces->first + i;

		count = add_part(vector, count, heads + SEGMENT_PIECE_HEAD * i, SEGMENT_PIECE_HEAD,
				 &skip);
		count = add_part(vector, count,
				 data + (piece_start(record, number) - pieces->delta),
				 piece_length(record, number), &skip);
	}
	return count;
}
