/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/journal_record.h"

#include <assert.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "cache/journal_format.h"

uint32_t journal_header_encode(const struct journal_header *header, uint8_t *page)
{
	uint32_t crc;

	memset(page, 0, JOURNAL_PAGE_BYTES);
	memcpy(page, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES);
	store_le32(page + 8, JOURNAL_VERSION);
	store_le64(page + 16, header->sequence);
	store_le64(page + 24, header->generation);
	store_le64(page + 32, header->first_lsn);
	store_le64(page + 40, header->durable_lsn);
	memcpy(page + 48, header->boot_id.bytes, ID_BYTES);
	crc = crc32c(0, page, JOURNAL_HEADER_CRC);
	store_le32(page + JOURNAL_HEADER_CRC, crc);
	return crc;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

enum journal_header_state journal_header_decode(const uint8_t *bytes, size_t length,
						struct journal_header *header, uint32_t *crc_out)
{
	if (length < JOURNAL_PAGE_BYTES || all_zero(bytes, JOURNAL_PAGE_BYTES))
		return JOURNAL_HEADER_ABSENT;
	*crc_out = crc32c(0, bytes, JOURNAL_HEADER_CRC);
	if (memcmp(bytes, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES))
		return JOURNAL_HEADER_BAD;
	/* A newer version may lay out all that follows in another way. */
	if (load_le32(bytes + 8) > JOURNAL_VERSION)
		return JOURNAL_HEADER_NEWER;
	if (load_le32(bytes + JOURNAL_HEADER_CRC) != *crc_out ||
	    load_le32(bytes + 8) != JOURNAL_VERSION)
		return JOURNAL_HEADER_BAD;
	header->sequence = load_le64(bytes + 16);
	header->generation = load_le64(bytes + 24);
	header->first_lsn = load_le64(bytes + 32);
	header->durable_lsn = load_le64(bytes + 40);
	memcpy(header->boot_id.bytes, bytes + 48, ID_BYTES);
	return JOURNAL_HEADER_GOOD;
}

uint32_t journal_record_seed(uint64_t generation)
{
	uint8_t bytes[8];

	store_le64(bytes, generation);
	return crc32c(0, bytes, sizeof(bytes));
}

static size_t align_up(size_t length)
{
	return (length + JOURNAL_RECORD_ALIGNMENT - 1) & ~(size_t)(JOURNAL_RECORD_ALIGNMENT - 1);
}

size_t journal_record_bytes(size_t body_length)
{
	return align_up(JOURNAL_RECORD_HEAD + body_length);
}

void journal_record_encode(struct buffer *out, uint32_t seed, struct journal_record *record)
{
	size_t length = JOURNAL_RECORD_HEAD + record->body_length;
	uint8_t *place;

	assert(length <= JOURNAL_RECORD_MAX);
	record->bytes = align_up(length);
	place = buffer_extend(out, record->bytes);
	store_le32(place, (uint32_t)length);
	store_le32(place + 8, record->previous_crc);
	store_le32(place + 12, record->kind);
	store_le64(place + 16, record->lsn);
	store_le64(place + 24, record->ino);
	store_le64(place + 32, (uint64_t)record->time_ns);
	store_le64(place + 40, record->durable_lsn);
	store_le64(place + 48, record->content_lsn);
	if (record->body_length)
		memcpy(place + JOURNAL_RECORD_HEAD, record->body, record->body_length);
	memset(place + length, 0, record->bytes - length);
	record->crc = crc32c(seed, place + 8, length - 8);
	store_le32(place + 4, record->crc);
}

bool journal_record_decode(const uint8_t *bytes, size_t length, uint32_t seed,
			   struct journal_record *record)
{
	uint32_t record_length;

	if (length < JOURNAL_RECORD_HEAD)
		return false;
	record_length = load_le32(bytes);
	if (record_length < JOURNAL_RECORD_HEAD || record_length > JOURNAL_RECORD_MAX ||
	    record_length > length)
		return false;
	record->kind = load_le32(bytes + 12);
	if (record->kind < BATCH_ROWS || record->kind > BATCH_SYNC)
		return false;
	record->crc = load_le32(bytes + 4);
	if (crc32c(seed, bytes + 8, record_length - 8) != record->crc)
		return false;
	record->previous_crc = load_le32(bytes + 8);
	record->lsn = load_le64(bytes + 16);
	record->ino = load_le64(bytes + 24);
	record->time_ns = (int64_t)load_le64(bytes + 32);
	record->durable_lsn = load_le64(bytes + 40);
	record->content_lsn = load_le64(bytes + 48);
	record->body = bytes + JOURNAL_RECORD_HEAD;
	record->body_length = record_length - JOURNAL_RECORD_HEAD;
	record->bytes = align_up(record_length);
	return true;
}
