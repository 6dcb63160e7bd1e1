/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/pack_stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/pack_write.h"
#include "cache/budget.h"
#include "cache/cache_int.h"
#include "cache/commit_format.h"
#include "cache/fence.h"

/* Chunk ids are taken from the index in blocks. */
#define CHUNK_IDS 32

/* An item whose refs lie in the pack's array. */
struct held_item {
	struct attach_item item;
	size_t refs_first;
};

/* One pack: being filled, then on its way. */
struct stream_pack {
	struct stream_pack *next;
	uint64_t number;
	struct pack_identity identity;
	struct pack_writer writer;
	uint64_t length; /* when finished */
	struct upload_job job;

	struct dedup_note *notes;
	size_t notes_count;
	size_t notes_capacity;
	struct held_item *items;
	size_t items_count;
	size_t items_capacity;
	struct extent_ref *refs;
	size_t refs_count;
	size_t refs_capacity;
};

struct pack_stream {
	struct pack_stream_conf conf;
	struct dedup_map map;
	struct stream_pack *filling; /* NULL: none begun */
	struct stream_pack *first;   /* submitted, in order */
	struct stream_pack *last;
	unsigned int submitted; /* ever */
	uint64_t next_chunk;
	uint32_t chunks_left;
	uint64_t stored_bytes;
	int result;
};

struct pack_stream *pack_stream_new(const struct pack_stream_conf *conf)
{
	struct pack_stream *stream = xcalloc(1, sizeof(*stream));

	stream->conf = *conf;
	return stream;
}

uint64_t pack_stream_stored_bytes(const struct pack_stream *stream)
{
	return stream->stored_bytes;
}

static struct stream_pack *pack_new(struct pack_stream *stream)
{
	struct cache *cache = stream->conf.cache;
	struct stream_pack *pack = xcalloc(1, sizeof(*pack));

	pack->number = index_new_chunks(cache->index, 1);
	pack->identity.volume = cache->conf.volume.uuid;
	pack->identity.epoch = fence_epoch(cache->fence);
	pack->identity.id = id_new();
	pack_writer_init(&pack->writer, &pack->identity, cache->seal);
	return pack;
}

static void pack_free(struct stream_pack *pack)
{
	if (!pack)
		return;
	pack_writer_release(&pack->writer);
	buffer_release(&pack->job.bytes);
	free(pack->notes);
	free(pack->items);
	free(pack->refs);
	free(pack);
}

/* A pack on its way is the pool's until it is done. */
void pack_stream_free(struct pack_stream *stream)
{
	if (!stream)
		return;
	pack_free(stream->filling);
	while (stream->first) {
		struct stream_pack *pack = stream->first;

		stream->first = pack->next;
		upload_wait(stream->conf.pool, &pack->job);
		pack_free(pack);
	}
	dedup_map_release(&stream->map);
	free(stream);
}

static struct stream_pack *filling(struct pack_stream *stream)
{
	if (!stream->filling)
		stream->filling = pack_new(stream);
	return stream->filling;
}

uint64_t pack_stream_new_chunk(struct pack_stream *stream)
{
	if (!stream->chunks_left) {
		stream->next_chunk = index_new_chunks(stream->conf.cache->index, CHUNK_IDS);
		stream->chunks_left = CHUNK_IDS;
	}
	stream->chunks_left--;
	return stream->next_chunk++;
}

/* Recording. */

void dedup_note_put(struct batch *batch, const struct dedup_note *note)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct dedup_row row = {
		.chunk = note->place.chunk,
		.chunk_offset = note->place.chunk_offset,
		.length = note->place.length,
	};
	struct row_key key;

	key_dedup(&key, note->digest.bytes);
	row_put_dedup(&value, &row);
	batch_put(batch, &key, &value, ROW_LOCAL);
}

static void put_chunk(struct batch *batch, uint64_t pack, const struct pack_chunk *chunk)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct buffer empty = BUFFER_INIT;
	struct chunk_row row;
	struct row_key key;

	chunk_row_of(pack, chunk, &row);
	key_chunk(&key, chunk->chunk_id);
	row_put_chunk(&value, &row);
	batch_put(batch, &key, &value, ROW_LOCAL);
	key_stored(&key, chunk->chunk_id);
	batch_put(batch, &key, &empty, ROW_LOCAL);
}

void chunk_row_of(uint64_t pack, const struct pack_chunk *chunk, struct chunk_row *row)
{
	row->pack = pack;
	row->offset = chunk->offset;
	row->stored_length = chunk->stored_length;
	row->raw_length = chunk->raw_length;
	memcpy(row->digest, chunk->digest.bytes, CHUNK_DIGEST_BYTES);
}

static int record_notes(struct pack_stream *stream, const struct stream_pack *pack,
			struct batch *batch)
{
	size_t i;

	for (i = 0; i < pack->notes_count; i++)
		dedup_note_put(batch, &pack->notes[i]);
	return index_commit(stream->conf.cache->index, batch, NULL);
}

static int record_pack(struct pack_stream *stream, const struct stream_pack *pack)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct pack_row row = {
		.kind = PACK_KIND_OBJECT,
		.epoch = pack->identity.epoch,
		.id = pack->identity.id,
		.length = pack->length,
	};
	struct row_key key;
	struct batch batch;
	size_t i;
	int result;

	batch_init(&batch, BATCH_ROWS, 0);
	key_pack(&key, pack->number);
	row_put_pack(&value, &row);
	batch_put(&batch, &key, &value, ROW_LOCAL);
	for (i = 0; i < pack->writer.chunk_count; i++)
		put_chunk(&batch, pack->number, &pack->writer.chunks[i]);
	result = record_notes(stream, pack, &batch);
	batch_release(&batch);
	return result;
}

static int attach_items(struct pack_stream *stream, struct stream_pack *pack)
{
	struct cache *cache = stream->conf.cache;
	struct attach_item *items = xcalloc(pack->items_count + 1, sizeof(*items));
	uint64_t stored = 0;
	size_t i;
	int result;

	for (i = 0; i < pack->items_count; i++) {
		items[i] = pack->items[i].item;
		items[i].refs = pack->refs + pack->items[i].refs_first;
	}
	result = attach_refs(cache, items, pack->items_count, &stored);
	free(items);
	stream->stored_bytes += stored;
	if (cache->budget)
		budget_note_stored(cache, stored, upload_pool_busy_ns(stream->conf.pool));
	return result;
}

/* The oldest pack on its way: waits for it, and records what it brings. */
static void take_first(struct pack_stream *stream)
{
	struct stream_pack *pack = stream->first;
	int result = upload_wait(stream->conf.pool, &pack->job);

	if (!stream->result && !result) {
		CRASH_POINT(pack_acknowledged);
		result = record_pack(stream, pack);
		CRASH_POINT(pack_recorded);
		if (!result)
			result = attach_items(stream, pack);
		CRASH_POINT(pack_attached);
	}
	if (!stream->result)
		stream->result = result;
	stream->first = pack->next;
	if (!stream->first)
		stream->last = NULL;
	pack_free(pack);
}

static void submit(struct pack_stream *stream)
{
	struct stream_pack *pack = stream->filling;

	stream->filling = NULL;
	object_name_pack(pack->identity.epoch, &pack->identity.id, pack->job.key);
	pack_writer_finish(&pack->writer, &pack->job.bytes);
	pack->length = pack->job.bytes.length;
	if (stream->last)
		stream->last->next = pack;
	else
		stream->first = pack;
	stream->last = pack;
	stream->submitted++;
	pack->job.urgent = stream->conf.inline_seq > 0;
	upload_submit(stream->conf.pool, &pack->job);
	/* What is done already is recorded; what is not goes on. */
	while (stream->first && upload_is_done(stream->conf.pool, &stream->first->job))
		take_first(stream);
}

/* Filling. */

int pack_stream_store(struct pack_stream *stream, uint64_t chunk, const void *bytes, size_t length)
{
	struct cache *cache = stream->conf.cache;
	struct stream_pack *pack = filling(stream);
	struct pack_chunk placed;

	if (!stream->result && upload_pool_is_cancelled(stream->conf.pool))
		stream->result = err_set(-ERR_stopping, "the gateway is stopping");
	if (stream->result)
		return stream->result;
	stream->result = pack_writer_add(&pack->writer, chunk, bytes, length,
					 cache->conf.zstd_level, &placed);
	if (!stream->result && pack_writer_size(&pack->writer) >= cache->conf.volume.pack_bytes)
		submit(stream);
	return stream->result;
}

int pack_stream_find(struct pack_stream *stream, const void *bytes, uint32_t length,
		     struct chunk_digest *digest_out, struct extent_ref *place_out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	const struct extent_ref *known;
	struct dedup_row row;
	struct row_key key;
	int result;

	*digest_out = seal_digest(stream->conf.cache->seal, bytes, length);
	known = dedup_map_find(&stream->map, digest_out);
	if (known) {
		*place_out = *known;
		return known->length == length;
	}
	key_dedup(&key, digest_out->bytes);
	result = index_get(stream->conf.cache->index, &key, &value);
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_dedup(value.data, value.length, &row);
	if (result || row.length != length)
		return result;
	place_out->chunk = row.chunk;
	place_out->chunk_offset = row.chunk_offset;
	place_out->length = row.length;
	return 1;
}

/* Room for one more element. */
static void *reserve_one(void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity * 2 + 16;
	return xrealloc(array, *capacity * size);
}

void pack_stream_remember(struct pack_stream *stream, const struct chunk_digest *digest,
			  const struct extent_ref *place)
{
	struct stream_pack *pack = filling(stream);
	struct dedup_note note = { .digest = *digest, .place = *place };

	if (dedup_map_find(&stream->map, digest))
		return;
	dedup_map_add(&stream->map, &note);
	pack->notes = reserve_one(pack->notes, pack->notes_count, &pack->notes_capacity,
				  sizeof(*pack->notes));
	pack->notes[pack->notes_count++] = note;
}

int pack_stream_attach(struct pack_stream *stream, const struct attach_item *item)
{
	struct stream_pack *pack = filling(stream);
	struct held_item *held;
	unsigned int i;

	if (stream->result)
		return stream->result;
	pack->items = reserve_one(pack->items, pack->items_count, &pack->items_capacity,
				  sizeof(*pack->items));
	held = &pack->items[pack->items_count++];
	held->item = *item;
	held->refs_first = pack->refs_count;
	for (i = 0; i < item->refs_count; i++) {
		pack->refs = reserve_one(pack->refs, pack->refs_count, &pack->refs_capacity,
					 sizeof(*pack->refs));
		pack->refs[pack->refs_count++] = item->refs[i];
	}
	return 0;
}

/* The only pack, small: its chunks are named by the commit that carries it. */
static void hand_over(struct pack_stream *stream, struct inline_pack *out)
{
	struct stream_pack *pack = stream->filling;

	pack_writer_finish(&pack->writer, &out->bytes);
	out->number = pack->number;
	out->row.kind = PACK_KIND_LOG;
	out->row.epoch = pack->identity.epoch;
	out->row.id = pack->identity.id;
	out->row.seq = stream->conf.inline_seq;
	out->row.base = COMMIT_PACK_OFFSET;
	out->row.length = out->bytes.length;
	out->chunk_count = pack->writer.chunk_count;
	out->chunks = xcalloc(out->chunk_count, sizeof(*out->chunks));
	memcpy(out->chunks, pack->writer.chunks, out->chunk_count * sizeof(*out->chunks));
	out->notes = pack->notes;
	out->notes_count = pack->notes_count;
	pack->notes = NULL;
	pack_free(pack);
	stream->filling = NULL;
}

/* What was handed in behind the last pack: it is done, like all before it. */
static int record_rest(struct pack_stream *stream, struct stream_pack *pack)
{
	struct batch batch;
	int result;

	batch_init(&batch, BATCH_ROWS, 0);
	result = record_notes(stream, pack, &batch);
	batch_release(&batch);
	return result ? result : attach_items(stream, pack);
}

int pack_stream_finish(struct pack_stream *stream, struct inline_pack *inline_out)
{
	struct stream_pack *pack = stream->filling;

	if (!stream->result && pack && pack->writer.chunk_count) {
		if (stream->conf.inline_seq && !stream->submitted &&
		    pack_writer_size(&pack->writer) < INLINE_PACK_BYTES) {
			hand_over(stream, inline_out);
			return 0;
		}
		submit(stream);
		pack = NULL;
	}
	while (stream->first)
		take_first(stream);
	if (!stream->result && pack)
		stream->result = record_rest(stream, pack);
	return stream->result;
}

void inline_pack_release(struct inline_pack *pack)
{
	buffer_release(&pack->bytes);
	free(pack->chunks);
	free(pack->notes);
	memset(pack, 0, sizeof(*pack));
}
