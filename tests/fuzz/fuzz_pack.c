/* SPDX-License-Identifier: Apache-2.0 */
/* A whole pack: directory, scan, and each chunk that they name. */
#include "backend/base/cleanup.h"
#include "backend/pack_read.h"
#include "tests/fuzz/fuzz.h"

struct input {
	const uint8_t *bytes;
	size_t size;
	uint64_t end; /* of the entry before */
};

static int see_entry(const struct pack_entry *entry, void *arg)
{
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
	const struct pack_chunk *chunk = &entry->chunk;
	struct input *input = arg;
	int rc;

	assert(chunk->offset >= input->end);
	input->end = (uint64_t)chunk->offset + chunk->stored_length;
	assert(input->end <= input->size);
	rc = pack_decode_chunk(&fuzz_pack, seal_null(), input->bytes + chunk->offset,
			       chunk->stored_length, chunk->chunk_id, &chunk->digest, &raw);
	assert(rc == 0 ? raw.length > 0 : raw.length == 0);
	return 0;
}

static void read_pack(const uint8_t *bytes, size_t size)
{
	struct input input = { bytes, size, PACK_HEADER_SIZE };
	struct pack_scan_result result;

	pack_read_directory(&fuzz_pack, seal_null(), bytes, size, see_entry, &input);
	input.end = PACK_HEADER_SIZE;
	pack_scan(&fuzz_pack, bytes, size, see_entry, &input, &result);
	assert(result.bytes_skipped <= size);
}

/* Right checksums in the headers of the chunks that follow one another. */
static void mend_chunks(uint8_t *bytes, size_t size)
{
	size_t at = PACK_HEADER_SIZE;
	uint64_t payload;

	while (at + PACK_CHUNK_HEADER_SIZE <= size) {
		payload = load_le32(bytes + at + 28);
		if (at + PACK_CHUNK_HEADER_SIZE + payload <= size)
			store_le32(bytes + at + 56,
				   crc32c(0, bytes + at + PACK_CHUNK_HEADER_SIZE, payload));
		fuzz_mend_crc(bytes + at, size - at, 60);
		at += PACK_CHUNK_HEADER_SIZE + payload;
	}
}

static void mend(uint8_t *bytes, size_t size)
{
	uint8_t *footer = bytes + size - PACK_FOOTER_SIZE;
	uint64_t offset;
	uint64_t length;

	fuzz_mend_crc(bytes, size, 60);
	mend_chunks(bytes, size);
	if (size < PACK_HEADER_SIZE + PACK_FOOTER_SIZE)
		return;
	offset = load_le64(footer);
	length = load_le32(footer + 8);
	if (offset < size && length <= size - offset)
		store_le32(footer + 28, crc32c(0, bytes + offset, length));
	fuzz_mend_crc(footer, PACK_FOOTER_SIZE, 60);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size);

	read_pack(data, size);
	memcpy(copy, data, size);
	mend(copy, size);
	read_pack(copy, size);
	free(copy);
	return 0;
}
