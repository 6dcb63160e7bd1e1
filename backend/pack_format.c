/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/pack_format.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "backend/object_name.h"

#define PACK_ID_PREFIX 8  /* bytes of the pack id in a chunk's header */
#define CRC_AT	       60 /* in header, chunk header and footer alike */

static const uint8_t header_magic[8] = { 'D', 'R', 'A', 'Y', 'P', 'A', 'C', 'K' };
static const uint8_t chunk_magic[4] = PACK_CHUNK_MAGIC;
static const uint8_t footer_magic[8] = { 'D', 'R', 'A', 'Y', 'P', 'E', 'N', 'D' };

void pack_name(const struct pack_identity *pack, char text[PACK_NAME_SIZE])
{
	char object[OBJECT_NAME_SIZE];

	object_name_pack(pack->epoch, &pack->id, object);
	snprintf(text, PACK_NAME_SIZE, "%s", pack->object ? pack->object : object);
}

struct seal_place pack_place(const struct pack_identity *pack, uint64_t position, const void *bound,
			     size_t bound_length)
{
	struct seal_place place = {
		.volume = pack->volume,
		.object = pack->id,
		.position = position,
		.bound = bound,
		.bound_length = bound_length,
	};

	return place;
}

static void put_crc(uint8_t *bytes)
{
	store_le32(bytes + CRC_AT, crc32c(0, bytes, CRC_AT));
}

static bool crc_matches(const uint8_t *bytes)
{
	return load_le32(bytes + CRC_AT) == crc32c(0, bytes, CRC_AT);
}

/* Common tail of the decoders: `why` completes "pack X: ...". */
static int corrupt(const struct pack_identity *pack, const char *why)
{
	char name[PACK_NAME_SIZE];

	pack_name(pack, name);
	return err_set(-ERR_pack_corrupt, "%s: %s", name, why);
}

static int newer(const struct pack_identity *pack, unsigned int version)
{
	char name[PACK_NAME_SIZE];

	pack_name(pack, name);
	return err_set(-ERR_format_newer,
		       "%s has pack format %u: written by a newer drayfs: upgrade", name, version);
}

void pack_header_encode(const struct pack_identity *pack, uint32_t key_id,
			uint8_t out[PACK_HEADER_SIZE])
{
	memset(out, 0, PACK_HEADER_SIZE);
	memcpy(out, header_magic, sizeof(header_magic));
	store_le16(out + 8, PACK_FORMAT_VERSION);
	store_le32(out + 12, key_id);
	memcpy(out + 16, pack->volume.bytes, ID_BYTES);
	store_le64(out + 32, pack->epoch);
	memcpy(out + 40, pack->id.bytes, ID_BYTES);
	put_crc(out);
}

int pack_header_decode(const struct pack_identity *pack, const uint8_t in[PACK_HEADER_SIZE])
{
	if (memcmp(in, header_magic, sizeof(header_magic)) != 0)
		return corrupt(pack, "does not begin as a pack of drayfs");
	if (!crc_matches(in))
		return corrupt(pack, "the header has a wrong checksum");
	if (load_le16(in + 8) > PACK_FORMAT_VERSION)
		return newer(pack, load_le16(in + 8));
	if (memcmp(in + 16, pack->volume.bytes, ID_BYTES) != 0)
		return corrupt(pack, "belongs to another volume");
	if (load_le64(in + 32) != pack->epoch || memcmp(in + 40, pack->id.bytes, ID_BYTES) != 0)
		return corrupt(pack, "is another pack under this name");
	return 0;
}

void pack_chunk_header_encode(const struct pack_identity *pack,
			      const struct pack_chunk_header *header,
			      uint8_t out[PACK_CHUNK_HEADER_SIZE])
{
	const struct pack_chunk *chunk = &header->chunk;

	memset(out, 0, PACK_CHUNK_HEADER_SIZE);
	memcpy(out, chunk_magic, sizeof(chunk_magic));
	out[4] = PACK_FORMAT_VERSION;
	out[5] = (uint8_t)chunk->codec;
	store_le32(out + 8, header->key_id);
	store_le32(out + 12, chunk->position);
	store_le64(out + 16, chunk->chunk_id);
	store_le32(out + 24, chunk->raw_length);
	store_le32(out + 28, chunk->stored_length - PACK_CHUNK_HEADER_SIZE);
	memcpy(out + 32, chunk->digest.bytes, CHUNK_DIGEST_BYTES);
	memcpy(out + 48, pack->id.bytes, PACK_ID_PREFIX);
	store_le32(out + 56, header->payload_crc);
	put_crc(out);
}

int pack_chunk_header_decode(const struct pack_identity *pack,
			     const uint8_t in[PACK_CHUNK_HEADER_SIZE],
			     struct pack_chunk_header *out, const char **why_out)
{
	uint32_t payload_length = load_le32(in + 28);

	*why_out = "does not begin as a chunk";
	if (memcmp(in, chunk_magic, sizeof(chunk_magic)) != 0)
		return -EBADMSG;
	*why_out = "has a header with a wrong checksum";
	if (!crc_matches(in))
		return -EBADMSG;
	*why_out = "was written by a newer drayfs: upgrade";
	if (in[4] > PACK_FORMAT_VERSION)
		return -ERR_format_newer;
	*why_out = "belongs to another pack";
	if (memcmp(in + 48, pack->id.bytes, PACK_ID_PREFIX) != 0)
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	out->chunk.codec = (enum codec)in[5];
	out->key_id = load_le32(in + 8);
	out->chunk.position = load_le32(in + 12);
	out->chunk.chunk_id = load_le64(in + 16);
	out->chunk.raw_length = load_le32(in + 24);
	memcpy(out->chunk.digest.bytes, in + 32, CHUNK_DIGEST_BYTES);
	out->payload_crc = load_le32(in + 56);
	*why_out = "has a length beyond the limits";
	if (out->chunk.raw_length == 0 || out->chunk.raw_length > PACK_CHUNK_RAW_MAX ||
	    payload_length > out->chunk.raw_length + SEAL_OVERHEAD_MAX)
		return -EBADMSG;
	out->chunk.stored_length = PACK_CHUNK_HEADER_SIZE + payload_length;
	*why_out = NULL;
	return 0;
}

void pack_entry_encode(const struct pack_chunk *chunk, uint32_t origins_length,
		       uint8_t out[PACK_ENTRY_SIZE])
{
	memset(out, 0, PACK_ENTRY_SIZE);
	store_le64(out, chunk->chunk_id);
	store_le32(out + 8, chunk->offset);
	store_le32(out + 12, chunk->stored_length);
	store_le32(out + 16, chunk->raw_length);
	out[20] = (uint8_t)chunk->codec;
	memcpy(out + 24, chunk->digest.bytes, CHUNK_DIGEST_BYTES);
	store_le32(out + 40, origins_length);
}

bool pack_entry_decode(const uint8_t in[PACK_ENTRY_SIZE], struct pack_chunk *out,
		       uint32_t *origins_length_out)
{
	memset(out, 0, sizeof(*out));
	out->chunk_id = load_le64(in);
	out->offset = load_le32(in + 8);
	out->stored_length = load_le32(in + 12);
	out->raw_length = load_le32(in + 16);
	out->codec = (enum codec)in[20];
	memcpy(out->digest.bytes, in + 24, CHUNK_DIGEST_BYTES);
	*origins_length_out = load_le32(in + 40);
	return out->raw_length > 0 && out->raw_length <= PACK_CHUNK_RAW_MAX &&
	       out->stored_length > PACK_CHUNK_HEADER_SIZE &&
	       out->stored_length <= PACK_CHUNK_HEADER_SIZE + out->raw_length + SEAL_OVERHEAD_MAX;
}

void pack_footer_encode(const struct pack_identity *pack, const struct pack_footer *footer,
			uint8_t out[PACK_FOOTER_SIZE])
{
	memset(out, 0, PACK_FOOTER_SIZE);
	store_le64(out, footer->directory_offset);
	store_le32(out + 8, footer->directory_stored_length);
	store_le32(out + 12, footer->directory_raw_length);
	store_le32(out + 16, footer->chunk_count);
	out[20] = (uint8_t)footer->directory_codec;
	store_le16(out + 22, PACK_FORMAT_VERSION);
	store_le32(out + 24, footer->key_id);
	store_le32(out + 28, footer->directory_crc);
	memcpy(out + 32, pack->id.bytes, ID_BYTES);
	memcpy(out + 48, footer_magic, sizeof(footer_magic));
	put_crc(out);
}

/* The directory lies between header and footer, and its lengths are sane. */
static bool footer_fits(const struct pack_footer *footer, uint64_t pack_length)
{
	return pack_length <= PACK_SIZE_MAX && footer->directory_offset >= PACK_HEADER_SIZE &&
	       footer->directory_offset <= pack_length - PACK_FOOTER_SIZE &&
	       footer->directory_stored_length ==
		       pack_length - PACK_FOOTER_SIZE - footer->directory_offset &&
	       footer->directory_raw_length <= PACK_DIRECTORY_RAW_MAX &&
	       footer->chunk_count <= footer->directory_raw_length / PACK_ENTRY_SIZE;
}

int pack_footer_decode(const struct pack_identity *pack, const uint8_t in[PACK_FOOTER_SIZE],
		       uint64_t pack_length, struct pack_footer *out)
{
	if (memcmp(in + 48, footer_magic, sizeof(footer_magic)) != 0)
		return corrupt(pack, "has no footer: the end is missing or damaged");
	if (!crc_matches(in))
		return corrupt(pack, "the footer has a wrong checksum");
	if (load_le16(in + 22) > PACK_FORMAT_VERSION)
		return newer(pack, load_le16(in + 22));
	if (memcmp(in + 32, pack->id.bytes, ID_BYTES) != 0)
		return corrupt(pack, "has the footer of another pack");
	out->directory_offset = load_le64(in);
	out->directory_stored_length = load_le32(in + 8);
	out->directory_raw_length = load_le32(in + 12);
	out->chunk_count = load_le32(in + 16);
	out->directory_codec = (enum codec)in[20];
	out->key_id = load_le32(in + 24);
	out->directory_crc = load_le32(in + 28);
	if (pack_length < PACK_HEADER_SIZE + PACK_FOOTER_SIZE || !footer_fits(out, pack_length))
		return corrupt(pack, "the footer does not fit the pack");
	return 0;
}
