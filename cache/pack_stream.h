/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of chunks into packs.
 *
 *	store    -> pack being filled (compressed, sealed, verified)
 *	            | volume.pack_bytes reached
 *	            v
 *	         put by the pool, several at once
 *	            | acknowledged, and all before it too
 *	            v
 *	         one batch: PACK, CHUNK, STORED and DEDUP rows
 *	         then the extents of which it holds the last byte are attached
 *
 * So a row that names a chunk exists only when its pack is in the bucket, and
 * an extent that is attached has all its chunks there. Packs are taken in the
 * order in which they were filled: what was handed in before a pack was
 * closed is done when the pack is.
 *
 * A last pack of less than INLINE_PACK_BYTES that is the only one need not
 * be an object: it may ride in the commit (pack_stream_finish()). Then
 * nothing is recorded here; settling the commit does it.
 *
 * An error is kept; every later call returns it. One thread.
 */
#ifndef DRAY_CACHE_PACK_STREAM_H
#define DRAY_CACHE_PACK_STREAM_H

#include "backend/pack_format.h"
#include "cache/attach.h"
#include "cache/batch.h"
#include "cache/dedup_map.h"
#include "cache/upload_pool.h"

#define INLINE_PACK_BYTES (512u << 10)

struct pack_stream;

struct pack_stream_conf {
	struct cache *cache;
	struct upload_pool *pool;
	uint64_t inline_seq; /* commit that may carry the pack; 0: none */
};

/* The pack that rides in a commit; rows for its body. */
struct inline_pack {
	struct buffer bytes; /* length 0: there is none */
	uint64_t number;
	struct pack_row row;
	struct pack_chunk *chunks;
	uint32_t chunk_count;
	struct dedup_note *notes; /* DEDUP rows, once the commit is settled */
	size_t notes_count;
};

struct pack_stream *pack_stream_new(const struct pack_stream_conf *conf);
void pack_stream_free(struct pack_stream *stream);

uint64_t pack_stream_new_chunk(struct pack_stream *stream);
int pack_stream_store(struct pack_stream *stream, uint64_t chunk, const void *bytes, size_t length);
/* Where the same bytes are, in this stream or an acknowledged pack: 1, 0, or
 * an error; fills digest_out. */
int pack_stream_find(struct pack_stream *stream, const void *bytes, uint32_t length,
		     struct chunk_digest *digest_out, struct extent_ref *place_out);
/* Bytes of a chunk that is stored in this stream, now or soon. */
void pack_stream_remember(struct pack_stream *stream, const struct chunk_digest *digest,
			  const struct extent_ref *place);
/* To be attached when all chunks stored so far are acknowledged. Copies. */
int pack_stream_attach(struct pack_stream *stream, const struct attach_item *item);
/* Puts and records what is left. With conf.inline_seq, inline_out (zeroed)
 * may get the only pack instead. */
int pack_stream_finish(struct pack_stream *stream, struct inline_pack *inline_out);
/* Extent bytes that became STORED so far. */
uint64_t pack_stream_stored_bytes(const struct pack_stream *stream);

void inline_pack_release(struct inline_pack *pack);

/* Puts the DEDUP row of a note. */
void dedup_note_put(struct batch *batch, const struct dedup_note *note);
/* The row of a chunk that was added to that pack. */
void chunk_row_of(uint64_t pack, const struct pack_chunk *chunk, struct chunk_row *row);

#endif
