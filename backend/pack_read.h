/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads chunks and directories out of the bytes of packs. Nothing is believed
 * before its checksum, its bounds and its owner are checked; a chunk is
 * delivered only when its raw bytes have the digest that the index expects.
 *
 * All functions are pure and may run in any thread.
 */
#ifndef DRAY_PACK_READ_H
#define DRAY_PACK_READ_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/pack_format.h"
#include "backend/seal.h"

/*
 * Appends the raw bytes of one chunk. bytes: its header and payload, as a
 * ranged GET of (offset, stored_length) returns them. chunk_id and digest:
 * what the index says is there. Returns 0, -ERR_chunk_corrupt or
 * -ERR_format_newer with a sentence that names pack and chunk; out is then as it
 * was.
 */
int pack_decode_chunk(const struct pack_identity *pack, const struct seal *seal, const void *bytes,
		      size_t length, uint64_t chunk_id, const struct chunk_digest *digest,
		      struct buffer *raw_out);

/*
 * As pack_decode_chunk(), but without comparing chunk id and digest, and without
 * a sentence: returns 0, -EBADMSG or -ERR_format_newer, and in the latter cases
 * words that complete "chunk 7 ...". A writer checks its own work with it and
 * compares the raw bytes. scratch: memory that the caller keeps for the next
 * call.
 */
int pack_open_chunk(const struct pack_identity *pack, const struct seal *seal, const uint8_t *bytes,
		    size_t length, struct buffer *scratch, struct pack_chunk_header *header,
		    struct buffer *raw_out, const char **why_out);

/* One entry of a directory; valid until the next one and as long as it. */
struct pack_entry {
	struct pack_chunk chunk;
	const uint8_t *origins;
	uint32_t origins_length;
};

/* Called for each chunk; a non-zero result ends the walk and is returned. */
typedef int pack_entry_fn(const struct pack_entry *entry, void *arg);

/*
 * Walks the directory of a pack whose bytes are all here. Every entry is checked
 * before the first call. Returns 0, what fn returned, -ERR_format_newer, or
 * -ERR_pack_corrupt (then pack_scan() may still find the chunks).
 */
int pack_read_directory(const struct pack_identity *pack, const struct seal *seal,
			const void *bytes, size_t length, pack_entry_fn *fn, void *arg);

/*
 * The same from ranged reads: the footer was decoded from the last 64 bytes of
 * the pack, `header` are its first 64 bytes, `directory` the bytes that the
 * footer names.
 */
int pack_decode_directory(const struct pack_identity *pack, const struct seal *seal,
			  const struct pack_footer *footer, const uint8_t header[PACK_HEADER_SIZE],
			  const void *directory, size_t length, pack_entry_fn *fn, void *arg);

struct pack_scan_result {
	uint32_t chunks_good;
	uint32_t chunks_damaged; /* header whole, payload not */
	uint64_t bytes_skipped;	 /* of no chunk; the directory's too if the footer is bad */
};

/*
 * Walks the chunks themselves, without directory and footer: for a pack whose
 * end is damaged or cut off. Calls fn for each chunk whose header and payload
 * have their checksums (origins are empty), in order of offset; behind damage it
 * goes on at the next header of this pack. Returns 0 or what fn returned.
 */
int pack_scan(const struct pack_identity *pack, const void *bytes, size_t length, pack_entry_fn *fn,
	      void *arg, struct pack_scan_result *result);

#endif
