/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the journal: its header, its records, and the items in them. */
#include "backend/base/cleanup.h"
#include "cache/journal_format.h"
#include "cache/journal_record.h"
#include "tests/fuzz/fuzz.h"

static void read_items(const struct journal_record *record)
{
	const uint8_t *end = record->body + record->body_length;
	struct batch_item item;
	struct reader reader;

	reader_init(&reader, record->body, record->body_length);
	while (batch_next(&reader, &item) > 0) {
		if (item.op == BATCH_OP_ROW_PUT || item.op == BATCH_OP_ROW_DELETE)
			assert(item.key > record->body && item.key + item.key_length <= end);
		if (item.op == BATCH_OP_ROW_PUT || item.op == BATCH_OP_REDO)
			assert(item.value > record->body && item.value + item.value_length <= end);
	}
}

/* What was read is written as the same bytes. */
static void assert_record(const uint8_t *bytes, uint32_t seed, const struct journal_record *record)
{
	CLEANUP_BUFFER struct buffer again = BUFFER_INIT;
	struct journal_record copy = *record;

	journal_record_encode(&again, seed, &copy);
	assert(copy.bytes == record->bytes && copy.crc == record->crc);
	assert(memcmp(again.data, bytes, JOURNAL_RECORD_HEAD + record->body_length) == 0);
}

static void read_file(const uint8_t *bytes, size_t size)
{
	uint8_t page[JOURNAL_PAGE_BYTES];
	struct journal_header header;
	struct journal_record record;
	uint32_t crc;
	uint32_t seed;
	size_t at;

	if (journal_header_decode(bytes, size, &header, &crc) != JOURNAL_HEADER_GOOD)
		return;
	assert(journal_header_encode(&header, page) == crc);
	seed = journal_record_seed(header.generation);
	for (at = JOURNAL_PAGE_BYTES; at < size; at += record.bytes) {
		if (!journal_record_decode(bytes + at, size - at, seed, &record))
			return;
		assert_record(bytes + at, seed, &record);
		read_items(&record);
	}
}

static void mend(uint8_t *bytes, size_t size)
{
	size_t at = JOURNAL_PAGE_BYTES;
	uint32_t length;
	uint32_t seed;

	if (size < JOURNAL_PAGE_BYTES)
		return;
	memcpy(bytes, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES);
	store_le32(bytes + 8, JOURNAL_VERSION);
	store_le32(bytes + 12, 0);
	fuzz_mend_crc(bytes, size, JOURNAL_HEADER_CRC);
	seed = journal_record_seed(load_le64(bytes + 24));
	while (at + JOURNAL_RECORD_HEAD <= size) {
		length = load_le32(bytes + at);
		if (length < JOURNAL_RECORD_HEAD || length > size - at)
			return;
		store_le32(bytes + at + 4, crc32c(seed, bytes + at + 8, length - 8));
		at += journal_record_bytes(length - JOURNAL_RECORD_HEAD);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size);

	read_file(data, size);
	memcpy(copy, data, size);
	mend(copy, size);
	read_file(copy, size);
	free(copy);
	return 0;
}
