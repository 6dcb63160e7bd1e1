/* SPDX-License-Identifier: Apache-2.0 */
/* A record of a segment: its header, and any part of its pieces. */
#include "cache/segment_record.h"
#include "tests/fuzz/fuzz.h"

/* Heads and data of the pieces lie where the record says, within it. */
static void read_pieces(const struct segment_record *record, uint32_t delta, uint32_t length)
{
	struct segment_pieces all = segment_pieces_of(record, 0, record->length);
	struct segment_pieces some = segment_pieces_of(record, delta, length);
	uint32_t end = segment_pieces_at(record, &all) + segment_pieces_bytes(&all);
	uint8_t *data = xmalloc(some.length);
	uint8_t *heads = xmalloc((size_t)some.count * SEGMENT_PIECE_HEAD);
	uint32_t bad_delta;

	assert(some.first + some.count <= all.count && all.length == record->length);
	assert(some.delta <= delta && some.delta + some.length >= delta + length);
	assert(segment_pieces_at(record, &some) + segment_pieces_bytes(&some) <= end);
	memset(data, 0x5a, some.length);
	segment_pieces_sum(record, &some, data, heads);
	assert(segment_pieces_verify(record, &some, data, heads, &bad_delta));
	data[some.length - 1] ^= 1;
	assert(!segment_pieces_verify(record, &some, data, heads, &bad_delta));
	assert(bad_delta >= some.delta && bad_delta < some.delta + some.length);
	free(heads);
	free(data);
}

static void read_record(const uint8_t header[SEGMENT_HEADER_SIZE], uint32_t a, uint32_t b)
{
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	struct segment_record record;
	struct segment_record again;
	uint32_t delta;

	if (segment_record_decode(header, &record))
		return;
	segment_record_encode(&record, bytes);
	assert(segment_record_decode(bytes, &again) == 0);
	assert(again.tag.class == record.tag.class && again.tag.number == record.tag.number);
	assert(again.tag.offset == record.tag.offset && again.segment == record.segment);
	assert(again.record == record.record && again.length == record.length);
	assert(record.length > 0 && record.length <= SEGMENT_DATA_MAX);
	delta = a % record.length;
	read_pieces(&record, delta, 1 + b % (record.length - delta));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t copy[SEGMENT_HEADER_SIZE];

	if (size < SEGMENT_HEADER_SIZE + 8)
		return 0;
	read_record(data, 0, 0);
	memcpy(copy, data, sizeof(copy));
	fuzz_mend_crc(copy, sizeof(copy), SEGMENT_HEADER_SIZE - SEGMENT_CRC_SIZE);
	read_record(copy, load_le32(data + SEGMENT_HEADER_SIZE),
		    load_le32(data + SEGMENT_HEADER_SIZE + 4));
	return 0;
}
