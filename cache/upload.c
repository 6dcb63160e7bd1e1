/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/upload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/cache_int.h"

static int read_piece(void *arg, const struct plan_piece *planned, uint32_t from, uint32_t length,
		      void *bytes)
{
	struct upload *upload = arg;
	const struct upload_piece *piece = &upload->pieces[planned->cookie];
	struct segment_tag tag = {
		.class = SEGMENT_CLASS_WRITTEN,
		.number = piece->ino,
		.offset = piece->offset - piece->delta,
	};
	int result = segments_read(upload->cache->segments, piece->segment, piece->record, &tag,
				   piece->delta + from, length, bytes);

	if (result == -ENOENT)
		result = err_set(-ERR_segment_corrupt,
				 "segment %" PRIu64 " is gone, but inode %" PRIu64
				 " has unsent bytes in it",
				 piece->segment, piece->ino);
	if (result == -ERR_segment_corrupt)
		damage_note(upload->cache, result, piece->ino, piece->offset + from, length,
			    piece->segment, piece->record);
	return result;
}

static int lost_inode(void *arg, uint64_t ino, int code)
{
	struct upload *upload = arg;

	upload->lost(upload->lost_arg, ino, code);
	return 0;
}

static uint64_t new_chunk(void *arg)
{
	struct upload *upload = arg;

	return pack_stream_new_chunk(upload->stream);
}

static int find(void *arg, const void *bytes, uint32_t length, struct chunk_digest *digest_out,
		struct extent_ref *place_out)
{
	struct upload *upload = arg;

	return pack_stream_find(upload->stream, bytes, length, digest_out, place_out);
}

static void remember(void *arg, const struct chunk_digest *digest, const struct extent_ref *place)
{
	struct upload *upload = arg;

	pack_stream_remember(upload->stream, digest, place);
}

static int store(void *arg, uint64_t chunk, const void *bytes, size_t length)
{
	struct upload *upload = arg;

	return pack_stream_store(upload->stream, chunk, bytes, length);
}

static int placed(void *arg, const struct plan_piece *planned, uint32_t length,
		  const struct extent_ref *refs, unsigned int refs_count)
{
	struct upload *upload = arg;
	struct upload_piece *piece = &upload->pieces[planned->cookie];
	struct attach_item item = {
		.ino = piece->ino,
		.generation = piece->generation,
		.offset = piece->offset,
		.length = length,
		.segment = piece->segment,
		.record = piece->record,
		.delta = piece->delta,
		.refs_count = refs_count,
		.refs = refs,
	};

	while (upload->refs_count + refs_count > upload->refs_capacity) {
		upload->refs_capacity = upload->refs_capacity * 2 + 64;
		upload->refs =
			xrealloc(upload->refs, upload->refs_capacity * sizeof(*upload->refs));
	}
	piece->placed = length;
	piece->refs_count = refs_count;
	piece->refs_first = upload->refs_count;
	memcpy(upload->refs + upload->refs_count, refs, refs_count * sizeof(*refs));
	upload->refs_count += refs_count;
	return pack_stream_attach(upload->stream, &item);
}

static const struct plan_ops plan_ops = {
	.read = read_piece,
	.lost = lost_inode,
	.new_chunk = new_chunk,
	.find = find,
	.remember = remember,
	.store = store,
	.placed = placed,
};

int upload_run(struct upload *upload)
{
	struct plan_piece *pieces = xcalloc(upload->pieces_count + 1, sizeof(*pieces));
	struct plan_conf conf;
	size_t i;
	int result;

	for (i = 0; i < upload->pieces_count; i++) {
		pieces[i].ino = upload->pieces[i].ino;
		pieces[i].offset = upload->pieces[i].offset;
		pieces[i].length = upload->pieces[i].length;
		pieces[i].open = upload->pieces[i].open;
		pieces[i].cookie = i;
	}
	plan_conf_init(&conf, &upload->cache->conf.volume.chunker);
	conf.bytes_max = upload->bytes_max;
	result = plan_run(&conf, pieces, upload->pieces_count, &plan_ops, upload);
	free(pieces);
	return result;
}

void upload_release(struct upload *upload)
{
	free(upload->refs);
	upload->refs = NULL;
	upload->refs_count = upload->refs_capacity = 0;
}
