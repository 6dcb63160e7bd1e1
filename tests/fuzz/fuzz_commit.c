/* SPDX-License-Identifier: Apache-2.0 */
/* A commit: its frame, the inline parts with their rows, the inline pack. */
#include "backend/base/cleanup.h"
#include "backend/pack_read.h"
#include "cache/commit_decode.h"
#include "cache/ledger.h"
#include "tests/fuzz/fuzz.h"

static int see_entry(const struct pack_entry *entry, void *arg)
{
	(void)entry;
	(void)arg;
	return 0;
}

/* Decodes a part under checksums that are right. */
static void read_part(const struct commit_part *part)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
	size_t length = part->part.stored_length;
	uint8_t *copy = xmalloc(length);
	struct row_part mended = part->part;
	struct row_run_reader reader;
	struct row_run_row row;

	memcpy(copy, part->bytes, length);
	store_le32(copy + 72,
		   crc32c(0, copy + ROW_PART_HEADER_SIZE, length - ROW_PART_HEADER_SIZE));
	fuzz_mend_crc(copy, length, 76);
	mended.digest = digest_of(copy, length);
	if (row_part_decode(&mended, &fuzz_volume, seal_null(), "part", copy, length, &rows) == 0) {
		assert(rows.length == mended.raw_length);
		row_run_reader_init(&reader, rows.data, rows.length, "part");
		while (row_run_reader_next(&reader, &row) > 0)
			assert(row.key_length > 0);
	}
	free(copy);
}

static void read_commit(const uint8_t *bytes, size_t size)
{
	struct pack_scan_result result;
	struct commit commit;
	size_t inside = 0;
	uint32_t i;

	if (commit_decode(&fuzz_volume, FUZZ_SEQ, seal_null(), bytes, size, &commit)) {
		assert(commit.parts == NULL);
		return;
	}
	for (i = 0; i < commit.part_count; i++) {
		if (!commit.parts[i].bytes)
			continue;
		assert(commit.parts[i].bytes > bytes);
		inside += commit.parts[i].part.stored_length;
		read_part(&commit.parts[i]);
	}
	assert(inside + commit.pack_length < size);
	if (commit.pack)
		pack_scan(&fuzz_pack, commit.pack, commit.pack_length, see_entry, NULL, &result);
	commit_release(&commit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size);

	read_commit(data, size);
	memcpy(copy, data, size);
	fuzz_mend_crc(copy, size, 252);
	if (size >= 4)
		fuzz_mend_crc(copy, size, size - 4);
	read_commit(copy, size);
	free(copy);
	return 0;
}
