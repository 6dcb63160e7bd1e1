/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/segment_record.h"

#include <assert.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/base/error.h"

#define HEADER_CRC_AT (SEGMENT_HEADER_SIZE - SEGMENT_CRC_SIZE)

uint32_t segment_piece_count(uint64_t offset, uint32_t length)
{
	uint64_t last = offset + length - 1;

	assert(length > 0);
	return (uint32_t)(last / SEGMENT_PIECE_BYTES - offset / SEGMENT_PIECE_BYTES + 1);
}

uint32_t segment_head_bytes(uint64_t offset, uint32_t length)
{
	return SEGMENT_HEADER_SIZE + SEGMENT_CRC_SIZE * segment_piece_count(offset, length);
}

uint32_t segment_record_bytes(uint64_t file_offset, uint32_t length)
{
	return segment_head_bytes(file_offset, length) + length;
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

void segment_record_sum(const struct segment_record *record, const void *data, uint8_t *head)
{
	uint32_t count = segment_piece_count(record->tag.offset, record->length);
	uint8_t *crcs = head + SEGMENT_HEADER_SIZE;
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint32_t start = piece_start(record, i);

		store_le32(crcs + SEGMENT_CRC_SIZE * i,
			   crc32c(0, (const uint8_t *)data + start, piece_end(record, i) - start));
	}
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

bool segment_pieces_verify(const struct segment_record *record, const struct segment_pieces *pieces,
			   const uint8_t *crcs, const uint8_t *data, uint32_t *bad_delta)
{
	uint32_t i;

	for (i = 0; i < pieces->count; i++) {
		uint32_t start = piece_start(record, pieces->first + i);
		uint32_t end = piece_end(record, pieces->first + i);

		if (load_le32(crcs + SEGMENT_CRC_SIZE * i) !=
		    crc32c(0, data + (start - pieces->delta), end - start)) {
			*bad_delta = start;
			return false;
		}
	}
	return true;
}
