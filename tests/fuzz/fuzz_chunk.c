/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk as a ranged read delivers it: its header, then the payload. */
#include "backend/base/cleanup.h"
#include "backend/pack_read.h"
#include "tests/fuzz/fuzz.h"

static void decode(const uint8_t *bytes, size_t size)
{
	CLEANUP_BUFFER struct buffer scratch = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer again = BUFFER_INIT;
	struct pack_chunk_header header;
	struct chunk_digest digest;
	const char *why;
	int rc;

	rc = pack_open_chunk(&fuzz_pack, seal_null(), bytes, size, &scratch, &header, &raw, &why);
	assert(rc == 0 || (why && raw.length == 0));
	if (rc)
		return;
	assert(raw.length == header.chunk.raw_length);
	digest = seal_digest(seal_null(), raw.data, raw.length);
	rc = pack_decode_chunk(&fuzz_pack, seal_null(), bytes, size, header.chunk.chunk_id, &digest,
			       &again);
	assert(rc == 0 && again.length == raw.length);
	rc = pack_decode_chunk(&fuzz_pack, seal_null(), bytes, size, header.chunk.chunk_id + 1,
			       &digest, &again);
	assert(rc != 0 && again.length == raw.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size);

	decode(data, size);
	if (size >= PACK_CHUNK_HEADER_SIZE) {
		memcpy(copy, data, size);
		store_le32(copy + 28, (uint32_t)(size - PACK_CHUNK_HEADER_SIZE));
		store_le32(copy + 56,
			   crc32c(0, copy + PACK_CHUNK_HEADER_SIZE, size - PACK_CHUNK_HEADER_SIZE));
		fuzz_mend_crc(copy, size, 60);
		decode(copy, size);
	}
	free(copy);
	return 0;
}
