/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part: one run (row_run.h), compressed and sealed, with a header. The same
 * bytes lie inline in a commit or root object, or are an object of their own
 * (meta/<epoch>-<id>).
 *
 * Header, 80 bytes, little-endian; then the payload = sealed, compressed rows:
 *
 *	 0  8  magic "DRAYPART"
 *	 8  2  format version (1)
 *	10  1  codec (enum codec)
 *	11  1  reserved
 *	12  4  key id (0: not encrypted)
 *	16 16  volume uuid
 *	32  8  epoch of the writer
 *	40 16  part id (random; never used for another encoding)
 *	56  8  raw length: of the run
 *	64  8  rows
 *	72  4  CRC-32C of the payload
 *	76  4  CRC-32C of bytes 0-75
 *
 * The payload is sealed at position 0 of the part id, bound to bytes 0-71.
 *
 * Whoever names a part keeps a descriptor of it (struct row_part), 96 bytes:
 *
 *	 0  1  place: 1 inline, 2 an object meta/<epoch>-<id>
 *	 1  1  role (enum part_role)
 *	 2  6  reserved
 *	 8  8  rows
 *	16  8  raw length
 *	24  8  stored length: header and payload
 *	32  8  epoch
 *	40 16  part id
 *	56  8  reserved
 *	64 32  SHA-256 of header and payload
 */
#ifndef DRAY_ROW_PART_H
#define DRAY_ROW_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"
#include "backend/digest.h"
#include "backend/seal.h"
#include "cache/row_run.h"

#define ROW_PART_FORMAT_VERSION 1

#define ROW_PART_HEADER_SIZE	 80
#define ROW_PART_DESCRIPTOR_SIZE 96

/* Readers refuse a longer run. Writers start the next part long before. */
#define ROW_PART_RAW_MAX (256u << 20)

/* Persistent values. */
enum part_place {
	PART_INLINE = 1,
	PART_OBJECT = 2,
};

enum part_role {
	PART_BODY = 1,	 /* rows of a commit */
	PART_LEDGER = 2, /* rows of a commit's loss ledger (ledger.h) */
	PART_RUNS = 3,	 /* a root's list of runs (root_format.h) */
	PART_RUN = 4,	 /* rows of a checkpoint */
};

struct row_part {
	enum part_place place;
	enum part_role role;
	uint64_t epoch;
	struct id id;
	uint64_t rows;
	uint64_t raw_length;
	uint64_t stored_length;
	struct digest digest;
};

/* What a part needs beyond its rows. */
struct row_part_conf {
	struct id volume;
	uint64_t epoch;
	const struct seal *seal;
	int level; /* as in codec_encode() */
	enum part_place place;
	enum part_role role;
};

/*
 * Appends the part of the writer's rows (under a new random id) to out, and
 * describes it. The bytes are decoded again and compared before, as chunks
 * are (pack_write.h). Returns 0, or -ERR_commit_corrupt when they do not come
 * back: out is then as it was.
 */
int row_part_encode(const struct row_part_conf *conf, const struct row_run_writer *run,
		    struct buffer *out, struct row_part *part_out);

/*
 * Appends the rows of a part to rows_out: bytes are its header and payload,
 * `object` names what holds them (for messages). Returns 0, -ERR_format_newer,
 * or -ERR_commit_corrupt when they are not what the descriptor says.
 */
int row_part_decode(const struct row_part *part, const struct id *volume, const struct seal *seal,
		    const char *object, const void *bytes, size_t length, struct buffer *rows_out);

/* The descriptor's bytes. Decoding checks place, role and limits. */
void row_part_descriptor_encode(const struct row_part *part, uint8_t out[ROW_PART_DESCRIPTOR_SIZE]);
/* False when the bytes describe no part. */
bool row_part_descriptor_decode(const uint8_t in[ROW_PART_DESCRIPTOR_SIZE], struct row_part *out);

#endif
