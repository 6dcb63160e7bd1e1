/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/pack_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "backend/pack_read.h"

#define DIRECTORY_LEVEL 1 /* of compression */

void pack_writer_init(struct pack_writer *writer, const struct pack_identity *identity,
		      const struct seal *seal)
{
	memset(writer, 0, sizeof(*writer));
	writer->identity = *identity;
	writer->seal = seal;
	pack_header_encode(identity, seal->key_id, buffer_extend(&writer->bytes, PACK_HEADER_SIZE));
}

void pack_writer_release(struct pack_writer *writer)
{
	buffer_release(&writer->bytes);
	buffer_release(&writer->scratch);
	buffer_release(&writer->decoded);
	free(writer->chunks);
	memset(writer, 0, sizeof(*writer));
}

/* Appends header and payload of the chunk; fills in its codec and lengths. */
static void append_chunk(struct pack_writer *writer, const void *raw, int level, bool compress,
			 struct pack_chunk *chunk)
{
	struct pack_chunk_header header = { .key_id = writer->seal->key_id };
	uint8_t head[PACK_CHUNK_HEADER_SIZE];
	struct seal_place place;
	size_t payload;

	buffer_extend(&writer->bytes, PACK_CHUNK_HEADER_SIZE);
	payload = writer->bytes.length;
	chunk->codec = CODEC_RAW;
	if (compress)
		codec_encode(level, raw, chunk->raw_length, &writer->bytes, &chunk->codec);
	else
		buffer_append(&writer->bytes, raw, chunk->raw_length);
	chunk->stored_length =
		(uint32_t)(writer->bytes.length + writer->seal->overhead - chunk->offset);
	header.chunk = *chunk;
	pack_chunk_header_encode(&writer->identity, &header, head);
	place = pack_place(&writer->identity, chunk->position, head, PACK_CHUNK_BOUND_SIZE);
	seal_bytes(writer->seal, &place, &writer->bytes, payload);
	assert(writer->bytes.length == (size_t)chunk->offset + chunk->stored_length);
	header.payload_crc =
		crc32c(0, writer->bytes.data + payload, writer->bytes.length - payload);
	pack_chunk_header_encode(&writer->identity, &header, writer->bytes.data + chunk->offset);
}

/* The bytes that will be sent decode to what went in. */
static bool reads_back(struct pack_writer *writer, const void *raw, const struct pack_chunk *chunk)
{
	struct pack_chunk_header header;
	const char *why;

	buffer_clear(&writer->decoded);
	return pack_open_chunk(&writer->identity, writer->seal, writer->bytes.data + chunk->offset,
			       chunk->stored_length, &writer->scratch, &header, &writer->decoded,
			       &why) == 0 &&
	       writer->decoded.length == chunk->raw_length &&
	       memcmp(writer->decoded.data, raw, chunk->raw_length) == 0;
}

static void remember(struct pack_writer *writer, const struct pack_chunk *chunk)
{
	if (writer->chunk_count == writer->chunk_capacity) {
		writer->chunk_capacity = writer->chunk_capacity ? 2 * writer->chunk_capacity : 64;
		writer->chunks = xrealloc(writer->chunks,
					  (size_t)writer->chunk_capacity * sizeof(*writer->chunks));
	}
	writer->chunks[writer->chunk_count++] = *chunk;
}

int pack_writer_add(struct pack_writer *writer, uint64_t chunk_id, const void *raw,
		    size_t raw_length, int level, struct pack_chunk *placed_out)
{
	size_t start = writer->bytes.length;
	struct pack_chunk chunk = {
		.chunk_id = chunk_id,
		.offset = (uint32_t)start,
		.raw_length = (uint32_t)raw_length,
		.position = writer->chunk_count,
	};
	char name[PACK_NAME_SIZE];

	assert(raw_length > 0 && raw_length <= PACK_CHUNK_RAW_MAX);
	assert(start + raw_length <= PACK_SIZE_MAX - PACK_CHUNK_RAW_MAX);
	chunk.digest = seal_digest(writer->seal, raw, raw_length);
	append_chunk(writer, raw, level, true, &chunk);
	if (!reads_back(writer, raw, &chunk)) {
		writer->encode_faults++;
		writer->bytes.length = start;
		append_chunk(writer, raw, level, false, &chunk);
		if (!reads_back(writer, raw, &chunk)) {
			writer->bytes.length = start;
			pack_name(&writer->identity, name);
			return err_set(-ERR_chunk_corrupt,
				       "%s: chunk %" PRIu64 " does not decode to what was "
				       "encoded, twice: check this machine's memory; the chunk "
				       "was not uploaded",
				       name, chunk_id);
		}
	}
	remember(writer, &chunk);
	*placed_out = chunk;
	return 0;
}

size_t pack_writer_size(const struct pack_writer *writer)
{
	return writer->bytes.length;
}

uint32_t pack_writer_chunk_count(const struct pack_writer *writer)
{
	return writer->chunk_count;
}

void pack_writer_finish(struct pack_writer *writer, struct buffer *out)
{
	struct pack_footer footer = {
		.directory_offset = writer->bytes.length,
		.chunk_count = writer->chunk_count,
		.key_id = writer->seal->key_id,
	};
	uint8_t header[PACK_HEADER_SIZE];
	struct seal_place place;
	uint32_t i;

	buffer_clear(&writer->scratch);
	for (i = 0; i < writer->chunk_count; i++)
		pack_entry_encode(&writer->chunks[i], 0,
				  buffer_extend(&writer->scratch, PACK_ENTRY_SIZE));
	footer.directory_raw_length = (uint32_t)writer->scratch.length;
	codec_encode(DIRECTORY_LEVEL, writer->scratch.data, writer->scratch.length, &writer->bytes,
		     &footer.directory_codec);
	memcpy(header, writer->bytes.data, sizeof(header));
	place = pack_place(&writer->identity, PACK_POSITION_DIRECTORY, header, sizeof(header));
	seal_bytes(writer->seal, &place, &writer->bytes, footer.directory_offset);
	footer.directory_stored_length = (uint32_t)(writer->bytes.length - footer.directory_offset);
	footer.directory_crc = crc32c(0, writer->bytes.data + footer.directory_offset,
				      footer.directory_stored_length);
	pack_footer_encode(&writer->identity, &footer,
			   buffer_extend(&writer->bytes, PACK_FOOTER_SIZE));
	buffer_release(out);
	out->data = buffer_steal(&writer->bytes, &out->length);
	out->capacity = out->length;
}
