/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a commit, log/<seq>. Little-endian; reserved bytes are written
 * as zero and ignored.
 *
 *	header | inline pack | descriptors | tag | inline parts | CRC
 *
 * Header, 256 bytes:
 *
 *	  0   8  magic "DRAYLOG\0" (a root object: "DRAYROOT")
 *	  8   2  format version (1)
 *	 10   2  flags (enum commit_flags)
 *	 12   4  key id (0: not encrypted)
 *	 16  16  volume uuid
 *	 32   8  epoch of the writer
 *	 40   8  seq; the first commit is 1
 *	 48  32  SHA-256 of the whole object log/<seq - 1>; zeros in the first
 *	         (a root object: of log/<seq>)
 *	 80   8  cut: LSN
 *	 88   8  cut: wall time, ns since 1970 (signed)
 *	 96  16  session nonce: random, one a mount
 *	112  16  salt: random, one an encoding
 *	128   8  next inode number
 *	136   8  next chunk id
 *	144   8  logical bytes of content that the commit brings
 *	152   8  length of the inline pack; 0: none
 *	160   4  number of descriptors
 *	164   4  length of the tag
 *	168   8  roots: wall time when it was made, ns since 1970 (signed)
 *	176  76  reserved
 *	252   4  CRC-32C of bytes 0-251
 *
 * Inline pack: the chunks of a small commit, as in pack_format.h. It starts at
 * COMMIT_PACK_OFFSET in each commit, so that rows may name places in it before
 * the commit is encoded.
 *
 * Descriptors: 96 bytes a part (row_part.h). The parts of role PART_BODY, in the
 * order given, are one run: each begins behind the last key of the one before.
 * Ledger parts likewise.
 *
 * Tag: what the cipher adds to no bytes, sealed at position 0 of the salt and
 * bound to header and descriptors. Empty with the null cipher.
 *
 * Inline parts: in the order of their descriptors, without gaps.
 *
 * CRC: CRC-32C of all bytes before, the last 4 bytes of the object in every
 * format version, as the magic and the version are its first 10.
 */
#ifndef DRAY_COMMIT_FORMAT_H
#define DRAY_COMMIT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/id.h"
#include "backend/digest.h"
#include "cache/row_part.h"

#define COMMIT_FORMAT_VERSION 1

#define COMMIT_MAGIC	  "DRAYLOG"  /* with its NUL: 8 bytes */
#define COMMIT_MAGIC_ROOT "DRAYROOT" /* without */
#define COMMIT_MAGIC_SIZE 8

#define COMMIT_HEADER_SIZE 256
#define COMMIT_PACK_OFFSET COMMIT_HEADER_SIZE
#define COMMIT_CRC_SIZE	   4

/* Limits that readers enforce. */
#define COMMIT_SIZE_MAX	 (1u << 30)
#define COMMIT_PARTS_MAX 65536

enum commit_flags {
	COMMIT_FENCE = 1, /* the first act of a new epoch: no parts, no pack */
};

#define COMMIT_FLAGS_ALL COMMIT_FENCE

/* The header's content, of commits and roots. */
struct commit_head {
	uint32_t flags;
	struct id volume;
	uint64_t epoch;
	uint64_t seq;
	struct digest previous;
	uint64_t cut_lsn;
	int64_t cut_real_ns;
	struct id session;
	struct id salt;
	uint64_t next_ino;
	uint64_t next_chunk_id;
	uint64_t logical_bytes;
	int64_t made_real_ns; /* roots only */
};

/* A descriptor, and with place PART_INLINE the part's bytes. */
struct commit_part {
	struct row_part part;
	const uint8_t *bytes; /* part.stored_length of them; NULL: meta object */
};

/*
 * A commit in memory. To be encoded: the caller owns all that it points to.
 * Decoded: bytes and pack point into the object's bytes, parts is allocated
 * (commit_release()).
 */
struct commit {
	struct commit_head head;
	struct commit_part *parts;
	uint32_t part_count;
	const uint8_t *pack; /* NULL when pack_length is 0 */
	size_t pack_length;
};

/* The hash that the next commit carries as `previous`. */
static inline struct digest commit_hash(const void *object, size_t length)
{
	return digest_of(object, length);
}

#endif
