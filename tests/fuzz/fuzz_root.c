/* SPDX-License-Identifier: Apache-2.0 */
/* A root: its frame, and the list of runs behind right checksums and hash. */
#include "backend/base/cleanup.h"
#include "cache/root_format.h"
#include "tests/fuzz/fuzz.h"

/* Where the only part lies when there is no pack and no tag. */
#define PART_AT (COMMIT_HEADER_SIZE + ROW_PART_DESCRIPTOR_SIZE)

static void read_root(const uint8_t *bytes, size_t size)
{
	struct root root;
	struct root_run run;
	uint64_t runs = 0;

	if (root_decode(&fuzz_volume, FUZZ_SEQ, seal_null(), bytes, size, &root))
		return;
	while (root_next(&root, &run) > 0) {
		assert(run.first_key_length > 0 && run.last_key_length > 0);
		assert(run.part.place == PART_OBJECT);
		runs++;
	}
	assert(runs == root.run_count);
	root_release(&root);
}

static void mend_part(uint8_t *descriptor, uint8_t *part, size_t length)
{
	struct digest digest;

	store_le32(part + 72,
		   crc32c(0, part + ROW_PART_HEADER_SIZE, length - ROW_PART_HEADER_SIZE));
	fuzz_mend_crc(part, length, 76);
	digest = digest_of(part, length);
	store_le64(descriptor + 24, length);
	memcpy(descriptor + 64, digest.bytes, DIGEST_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size);

	read_root(data, size);
	memcpy(copy, data, size);
	if (size > PART_AT + ROW_PART_HEADER_SIZE + COMMIT_CRC_SIZE)
		mend_part(copy + COMMIT_HEADER_SIZE, copy + PART_AT,
			  size - PART_AT - COMMIT_CRC_SIZE);
	fuzz_mend_crc(copy, size, 252);
	if (size >= 4)
		fuzz_mend_crc(copy, size, size - 4);
	read_root(copy, size);
	free(copy);
	return 0;
}
