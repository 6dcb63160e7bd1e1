/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds one pack in memory.
 *
 *	init -> add, add, ... -> finish -> release
 *
 * Each chunk is decoded again from the very bytes that will be sent and
 * compared with what went in, before it counts as added: a compressor's bug or
 * a bad memory cell shows here, where the original still exists, and not at
 * the restore. A chunk that does not come back is encoded once more, raw.
 *
 * One thread uses a writer at a time.
 */
#ifndef DRAY_PACK_WRITE_H
#define DRAY_PACK_WRITE_H

#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/pack_format.h"
#include "backend/seal.h"

struct pack_writer {
	/* immutable after init */
	struct pack_identity identity;
	const struct seal *seal;

	/* owned */
	struct buffer bytes;   /* header and chunks so far */
	struct buffer scratch; /* opened bytes of the comparison */
	struct buffer decoded; /* decoded bytes of the comparison */
	struct pack_chunk *chunks;
	uint32_t chunk_count;
	uint32_t chunk_capacity;

	/* chunks that did not come back at first: worth a warning */
	uint32_t encode_faults;
};

/* The seal must outlive the writer; the id of the identity is fresh. */
void pack_writer_init(struct pack_writer *writer, const struct pack_identity *identity,
		      const struct seal *seal);

/*
 * Compresses (level as in codec_encode()), seals and appends a chunk of
 * raw_length (1 to PACK_CHUNK_RAW_MAX) bytes; fills in placed_out. Returns 0, or
 * -ERR_chunk_corrupt when the chunk cannot be read back: the pack is then as it
 * was before the call.
 */
int pack_writer_add(struct pack_writer *writer, uint64_t chunk_id, const void *raw,
		    size_t raw_length, int level, struct pack_chunk *placed_out);

/* Bytes that the pack has by now; finish adds about 64 + 44 a chunk. */
size_t pack_writer_size(const struct pack_writer *writer);
uint32_t pack_writer_chunk_count(const struct pack_writer *writer);

/* Appends directory and footer, and hands the bytes over (out is replaced; the
 * caller releases it). Only release may follow. */
void pack_writer_finish(struct pack_writer *writer, struct buffer *out);

void pack_writer_release(struct pack_writer *writer);

#endif
