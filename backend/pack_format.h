/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a pack: many chunks in one object (pack/<shard>/<epoch>-<id>),
 * or inline in a commit object, where the same bytes start at
 * COMMIT_PACK_OFFSET. All offsets in a pack count from its own first byte;
 * integers are little-endian; reserved bytes are written as zero and ignored.
 *
 *	header | chunk 0 | chunk 1 | ... | directory | footer
 *
 * Header, footer and each chunk's header have magic and version where they are
 * here, and their CRC at their end, in every version.
 *
 * Header, 64 bytes:
 *
 *	 0  8  magic "DRAYPACK"
 *	 8  2  format version (1)
 *	10  2  flags (0)
 *	12  4  key id (0: not encrypted)
 *	16 16  volume uuid
 *	32  8  epoch of the writer
 *	40 16  pack id (random; never used for another encoding)
 *	56  4  reserved
 *	60  4  CRC-32C of bytes 0-59
 *
 * Chunk: a header of 64 bytes, then the payload = sealed, compressed bytes:
 *
 *	 0  4  magic "DCHK"
 *	 4  1  format version (1)
 *	 5  1  codec (enum codec)
 *	 6  2  flags (0)
 *	 8  4  key id
 *	12  4  position: number of the chunk in the pack, from 0
 *	16  8  chunk id
 *	24  4  raw length
 *	28  4  payload length
 *	32 16  digest of the raw bytes (seal_digest())
 *	48  8  first 8 bytes of the pack id
 *	56  4  CRC-32C of the payload
 *	60  4  CRC-32C of bytes 0-59
 *
 * The payload is sealed at the chunk's position, bound to bytes 0-55. It is at
 * most SEAL_OVERHEAD_MAX longer than the raw bytes.
 *
 * The bytes of the pack id keep a scan of a damaged pack from taking chunks for
 * its own which lie in it as data (a copy of a bucket kept on a volume).
 *
 * Directory: for each chunk, in the order of the chunks:
 *
 *	 0  8  chunk id
 *	 8  4  offset of its header in the pack
 *	12  4  stored length: header and payload
 *	16  4  raw length
 *	20  1  codec
 *	21  3  reserved
 *	24 16  digest
 *	40  4  length of the origins that follow
 *	44  -  origins: reserved for the reverse map (inode, offset) which
 *	       garbage collection may want; opaque, written empty today
 *
 * compressed (codec in the footer) and sealed as one at position
 * PACK_POSITION_DIRECTORY, bound to the header.
 *
 * Footer, the last 64 bytes:
 *
 *	 0  8  offset of the directory
 *	 8  4  stored length of the directory
 *	12  4  raw length of the directory
 *	16  4  number of chunks
 *	20  1  codec of the directory
 *	21  1  reserved
 *	22  2  format version (1)
 *	24  4  key id
 *	28  4  CRC-32C of the stored directory
 *	32 16  pack id
 *	48  8  magic "DRAYPEND"
 *	56  4  reserved
 *	60  4  CRC-32C of bytes 0-59
 */
#ifndef DRAY_PACK_FORMAT_H
#define DRAY_PACK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/id.h"
#include "backend/codec.h"
#include "backend/seal.h"

#define PACK_FORMAT_VERSION 1

#define PACK_HEADER_SIZE       64
#define PACK_CHUNK_HEADER_SIZE 64
#define PACK_ENTRY_SIZE	       44 /* of the directory, without origins */
#define PACK_FOOTER_SIZE       64
#define PACK_CHUNK_BOUND_SIZE  56 /* of a chunk's header: what its seal is bound to */

/* The first bytes of a chunk's header: what a scan searches for. */
#define PACK_CHUNK_MAGIC           \
	{                          \
		'D', 'C', 'H', 'K' \
	}

/* Limits that readers enforce before they allocate. */
#define PACK_CHUNK_RAW_MAX     (64u << 20)
#define PACK_DIRECTORY_RAW_MAX (64u << 20)
#define PACK_SIZE_MAX	       (1u << 30)

/* The nonce of the directory; chunks have 0, 1, 2, ... */
#define PACK_POSITION_DIRECTORY UINT32_MAX

/* Which pack: what its readers and its writer know from elsewhere. */
struct pack_identity {
	struct id volume;
	uint64_t epoch;
	struct id id;
	/* The key of the object that holds it, for messages; not owned. NULL:
	 * pack/<shard>/<epoch>-<id>. */
	const char *object;
};

/* Where a chunk is and what it holds: the content of a chunk row. */
struct pack_chunk {
	uint64_t chunk_id;
	uint32_t offset;	/* of its header, from the start of the pack */
	uint32_t stored_length; /* header and payload: what a ranged GET asks for */
	uint32_t raw_length;	/* 1 to PACK_CHUNK_RAW_MAX */
	uint32_t position;	/* number of the chunk in the pack */
	enum codec codec;
	struct chunk_digest digest;
};

/* A chunk's header as decoded. */
struct pack_chunk_header {
	struct pack_chunk chunk; /* offset: 0, a header does not know it */
	uint32_t key_id;
	uint32_t payload_crc;
};

struct pack_footer {
	uint64_t directory_offset;
	uint32_t directory_stored_length;
	uint32_t directory_raw_length;
	uint32_t chunk_count;
	enum codec directory_codec;
	uint32_t key_id;
	uint32_t directory_crc;
};

/*
 * Encoders write the fixed number of bytes named above. Decoders check magic,
 * CRC, version, limits and that the bytes belong to this pack. They return 0,
 * or -ERR_format_newer or -ERR_pack_corrupt with a sentence.
 */
void pack_header_encode(const struct pack_identity *pack, uint32_t key_id,
			uint8_t out[PACK_HEADER_SIZE]);
int pack_header_decode(const struct pack_identity *pack, const uint8_t in[PACK_HEADER_SIZE]);
void pack_footer_encode(const struct pack_identity *pack, const struct pack_footer *footer,
			uint8_t out[PACK_FOOTER_SIZE]);
/* pack_length: of the whole pack, which the directory must fit. */
int pack_footer_decode(const struct pack_identity *pack, const uint8_t in[PACK_FOOTER_SIZE],
		       uint64_t pack_length, struct pack_footer *out);

/*
 * Chunk headers are also what a scan looks for, where most bytes are none: the
 * decoder returns -EBADMSG or -ERR_format_newer without a sentence, and says
 * why in words that complete "chunk 7 ...".
 */
void pack_chunk_header_encode(const struct pack_identity *pack,
			      const struct pack_chunk_header *header,
			      uint8_t out[PACK_CHUNK_HEADER_SIZE]);
int pack_chunk_header_decode(const struct pack_identity *pack,
			     const uint8_t in[PACK_CHUNK_HEADER_SIZE],
			     struct pack_chunk_header *out, const char **why_out);

/* One directory entry, without its origins. */
void pack_entry_encode(const struct pack_chunk *chunk, uint32_t origins_length,
		       uint8_t out[PACK_ENTRY_SIZE]);
/* The position is the caller's count. False when a limit is broken. */
bool pack_entry_decode(const uint8_t in[PACK_ENTRY_SIZE], struct pack_chunk *out,
		       uint32_t *origins_length_out);

/* Where sealed bytes of this pack belong. */
struct seal_place pack_place(const struct pack_identity *pack, uint64_t position, const void *bound,
			     size_t bound_length);

/* Longer than any name that pack_name() gives; longer object names are cut. */
#define PACK_NAME_SIZE 128

/* "pack/3f/0000000000000001-3f...", or the object that holds the pack. */
void pack_name(const struct pack_identity *pack, char text[PACK_NAME_SIZE]);

#endif
