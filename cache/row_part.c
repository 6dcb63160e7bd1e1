/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/row_part.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "backend/codec.h"
#include "backend/object_name.h"

#define BOUND_SIZE 72 /* of the header: what the seal is bound to */
#define CRC_AT	   76

static const uint8_t magic[8] = { 'D', 'R', 'A', 'Y', 'P', 'A', 'R', 'T' };

/* A part's header; magic and version are implied. */
struct header {
	enum codec codec;
	uint32_t key_id;
	struct id volume;
	uint64_t epoch;
	struct id id;
	uint64_t raw_length;
	uint64_t rows;
	uint32_t payload_crc;
};

static void header_encode(const struct header *header, uint8_t out[ROW_PART_HEADER_SIZE])
{
	memset(out, 0, ROW_PART_HEADER_SIZE);
	memcpy(out, magic, sizeof(magic));
	store_le16(out + 8, ROW_PART_FORMAT_VERSION);
	out[10] = (uint8_t)header->codec;
	store_le32(out + 12, header->key_id);
	memcpy(out + 16, header->volume.bytes, ID_BYTES);
	store_le64(out + 32, header->epoch);
	memcpy(out + 40, header->id.bytes, ID_BYTES);
	store_le64(out + 56, header->raw_length);
	store_le64(out + 64, header->rows);
	store_le32(out + 72, header->payload_crc);
	store_le32(out + CRC_AT, crc32c(0, out, CRC_AT));
}

static int corrupt(const char *object, const char *why)
{
	return err_set(-ERR_commit_corrupt, "%s: the part %s", object, why);
}

static int header_decode(const char *object, const uint8_t *in, struct header *out)
{
	if (memcmp(in, magic, sizeof(magic)) != 0)
		return corrupt(object, "does not begin as a part");
	if (load_le32(in + CRC_AT) != crc32c(0, in, CRC_AT))
		return corrupt(object, "has a header with a wrong checksum");
	if (load_le16(in + 8) > ROW_PART_FORMAT_VERSION)
		return err_set(-ERR_format_newer,
			       "%s: the part has format %u: written by a newer drayfs: upgrade",
			       object, load_le16(in + 8));
	out->codec = (enum codec)in[10];
	out->key_id = load_le32(in + 12);
	memcpy(out->volume.bytes, in + 16, ID_BYTES);
	out->epoch = load_le64(in + 32);
	memcpy(out->id.bytes, in + 40, ID_BYTES);
	out->raw_length = load_le64(in + 56);
	out->rows = load_le64(in + 64);
	out->payload_crc = load_le32(in + 72);
	return 0;
}

static struct seal_place place_of(const struct id *volume, const struct id *id,
				  const uint8_t *header)
{
	struct seal_place place = {
		.volume = *volume,
		.object = *id,
		.bound = header,
		.bound_length = BOUND_SIZE,
	};

	return place;
}

/* Appends header and payload under a new id, and describes them. */
static void encode(const struct row_part_conf *conf, const struct row_run_writer *run,
		   bool compress, struct buffer *out, struct row_part *part)
{
	size_t start = out->length;
	size_t payload = start + ROW_PART_HEADER_SIZE;
	struct header header = {
		.codec = CODEC_RAW,
		.key_id = conf->seal->key_id,
		.volume = conf->volume,
		.epoch = conf->epoch,
		.id = id_new(),
		.raw_length = run->bytes.length,
		.rows = run->rows,
	};
	uint8_t head[ROW_PART_HEADER_SIZE];
	struct seal_place place;

	buffer_extend(out, ROW_PART_HEADER_SIZE);
	if (compress)
		codec_encode(conf->level, run->bytes.data, run->bytes.length, out, &header.codec);
	else
		buffer_append(out, run->bytes.data, run->bytes.length);
	header_encode(&header, head);
	place = place_of(&conf->volume, &header.id, head);
	seal_bytes(conf->seal, &place, out, payload);
	header.payload_crc = crc32c(0, out->data + payload, out->length - payload);
	header_encode(&header, out->data + start);
	*part = (struct row_part){
		.place = conf->place,
		.role = conf->role,
		.epoch = conf->epoch,
		.id = header.id,
		.rows = run->rows,
		.raw_length = run->bytes.length,
		.stored_length = out->length - start,
		.digest = digest_of(out->data + start, out->length - start),
	};
}

static bool reads_back(const struct row_part_conf *conf, const struct row_run_writer *run,
		       const struct row_part *part, const uint8_t *bytes)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;

	return row_part_decode(part, &conf->volume, conf->seal, "a new part", bytes,
			       part->stored_length, &rows) == 0 &&
	       rows.length == run->bytes.length &&
	       memcmp(rows.data, run->bytes.data, rows.length) == 0;
}

int row_part_encode(const struct row_part_conf *conf, const struct row_run_writer *run,
		    struct buffer *out, struct row_part *part_out)
{
	size_t start = out->length;
	int attempt;

	assert(run->rows > 0 && run->bytes.length <= ROW_PART_RAW_MAX);
	for (attempt = 0; attempt < 2; attempt++) {
		out->length = start;
		encode(conf, run, attempt == 0, out, part_out);
		if (reads_back(conf, run, part_out, out->data + start))
			return 0;
	}
	out->length = start;
	return err_set(-ERR_commit_corrupt,
		       "rows for a commit do not decode to what was encoded, twice: check this "
		       "machine's memory; nothing of it was uploaded");
}

/* The header names the part that the descriptor describes. */
static bool header_matches(const struct header *header, const struct row_part *part,
			   const struct id *volume)
{
	return id_equal(&header->volume, volume) && header->epoch == part->epoch &&
	       id_equal(&header->id, &part->id) && header->rows == part->rows &&
	       header->raw_length == part->raw_length;
}

int row_part_decode(const struct row_part *part, const struct id *volume, const struct seal *seal,
		    const char *object, const void *bytes, size_t length, struct buffer *rows_out)
{
	CLEANUP_BUFFER struct buffer scratch = BUFFER_INIT;
	struct digest digest = digest_of(bytes, length);
	struct seal_place place;
	const uint8_t *payload;
	struct header header;
	const uint8_t *plain;
	size_t plain_length;
	int rc;

	if (length != part->stored_length || length < ROW_PART_HEADER_SIZE ||
	    !digest_equal(&digest, &part->digest))
		return corrupt(object, "is not what was written: its SHA-256 differs");
	rc = header_decode(object, bytes, &header);
	if (rc)
		return rc;
	payload = (const uint8_t *)bytes + ROW_PART_HEADER_SIZE;
	length -= ROW_PART_HEADER_SIZE;
	if (!header_matches(&header, part, volume) || header.raw_length > ROW_PART_RAW_MAX ||
	    header.payload_crc != crc32c(0, payload, length))
		return corrupt(object, "has a header that belongs to another part");
	place = place_of(volume, &header.id, bytes);
	rc = seal_open(seal, header.key_id, &place, payload, length, &scratch, &plain,
		       &plain_length);
	if (rc == -ENOKEY)
		return err_set(-ERR_format_newer,
			       "%s: the part is encrypted with a key that this drayfs does not "
			       "have",
			       object);
	if (rc)
		return corrupt(object, "was changed, or belongs to another place");
	if (codec_decode(header.codec, plain, plain_length, header.raw_length, rows_out))
		return corrupt(object, "does not decompress");
	return 0;
}

void row_part_descriptor_encode(const struct row_part *part, uint8_t out[ROW_PART_DESCRIPTOR_SIZE])
{
	memset(out, 0, ROW_PART_DESCRIPTOR_SIZE);
	out[0] = (uint8_t)part->place;
	out[1] = (uint8_t)part->role;
	store_le64(out + 8, part->rows);
	store_le64(out + 16, part->raw_length);
	store_le64(out + 24, part->stored_length);
	store_le64(out + 32, part->epoch);
	memcpy(out + 40, part->id.bytes, ID_BYTES);
	memcpy(out + 64, part->digest.bytes, DIGEST_BYTES);
}

bool row_part_descriptor_decode(const uint8_t in[ROW_PART_DESCRIPTOR_SIZE], struct row_part *out)
{
	out->place = (enum part_place)in[0];
	out->role = (enum part_role)in[1];
	out->rows = load_le64(in + 8);
	out->raw_length = load_le64(in + 16);
	out->stored_length = load_le64(in + 24);
	out->epoch = load_le64(in + 32);
	memcpy(out->id.bytes, in + 40, ID_BYTES);
	memcpy(out->digest.bytes, in + 64, DIGEST_BYTES);
	return out->place >= PART_INLINE && out->place <= PART_OBJECT && out->role >= PART_BODY &&
	       out->role <= PART_RUN && out->rows > 0 && out->raw_length > 0 &&
	       out->raw_length <= ROW_PART_RAW_MAX && out->stored_length > ROW_PART_HEADER_SIZE &&
	       out->stored_length <= ROW_PART_HEADER_SIZE + out->raw_length + SEAL_OVERHEAD_MAX;
}
