/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. Objects of the corpus all belong to one volume
 * and one pack, so that a target knows what its input claims to be.
 *
 * Checksums keep a fuzzer out of everything behind them. So each target runs its
 * input twice: as it is, and mended: with right checksums where the format has
 * them.
 */
#ifndef DRAY_TESTS_FUZZ_H
#define DRAY_TESTS_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/crc32c.h"
#include "backend/base/id.h"
#include "backend/pack_format.h"

#define FUZZ_EPOCH 1
#define FUZZ_SEQ   2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct id fuzz_volume = { { 0x11, 0x11, 0x11, 0x11 } };

static const struct pack_identity fuzz_pack = {
	.volume = { { 0x11, 0x11, 0x11, 0x11 } },
	.epoch = FUZZ_EPOCH,
	.id = { { 0x22, 0x22, 0x22, 0x22 } },
};

/* Sets the CRC at `at` to that of the bytes before it, if there are so many. */
static inline void fuzz_mend_crc(uint8_t *bytes, size_t size, size_t at)
{
	if (at + 4 <= size)
		store_le32(bytes + at, crc32c(0, bytes, at));
}

/* Appends the file's bytes; non-zero after a message when there is none. */
static inline int fuzz_read_file(const char *path, struct buffer *out)
{
	FILE *file = fopen(path, "rb");
	size_t got;

	if (!file) {
		perror(path);
		return 1;
	}
	do {
		got = fread(buffer_extend(out, 4096), 1, 4096, file);
		out->length -= 4096 - got;
	} while (got > 0);
	fclose(file);
	return 0;
}

#endif
