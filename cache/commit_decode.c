/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/commit_decode.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "backend/object_name.h"

/* One decoding: what is expected, the bytes, and how far they are read. */
struct decoder {
	bool root;
	char name[OBJECT_NAME_SIZE]; /* of the object, for messages */
	const struct id *volume;
	uint64_t seq;
	const struct seal *seal;
	const uint8_t *bytes;
	size_t length;
	struct reader rest; /* behind the header, before the CRC */
	uint32_t key_id;
	uint64_t pack_length;
	uint32_t tag_length;
};

static int corrupt(const struct decoder *decoder, const char *why)
{
	return err_set(-ERR_commit_corrupt, "%s: %s", decoder->name, why);
}

static int newer(const struct decoder *decoder, const char *what, unsigned int number)
{
	return err_set(-ERR_format_newer, "%s: %s %u: written by a newer drayfs: upgrade",
		       decoder->name, what, number);
}

/* That the object is whole, and of a format that we understand. */
static int check_frame(const struct decoder *decoder)
{
	const uint8_t *bytes = decoder->bytes;
	size_t length = decoder->length;

	if (length < COMMIT_HEADER_SIZE + COMMIT_CRC_SIZE)
		return corrupt(decoder, "is cut off");
	if (length > COMMIT_SIZE_MAX)
		return corrupt(decoder, "is longer than any commit");
	if (memcmp(bytes, decoder->root ? COMMIT_MAGIC_ROOT : COMMIT_MAGIC, COMMIT_MAGIC_SIZE) != 0)
		return corrupt(decoder, "does not begin as an object of this kind");
	if (load_le32(bytes + length - COMMIT_CRC_SIZE) !=
	    crc32c(0, bytes, length - COMMIT_CRC_SIZE))
		return corrupt(decoder, "has a wrong checksum");
	if (load_le16(bytes + 8) > COMMIT_FORMAT_VERSION)
		return newer(decoder, "format", load_le16(bytes + 8));
	if (load_le16(bytes + 10) & ~(unsigned int)COMMIT_FLAGS_ALL)
		return newer(decoder, "unknown flags", load_le16(bytes + 10));
	if (load_le32(bytes + 252) != crc32c(0, bytes, 252))
		return corrupt(decoder, "has a header with a wrong checksum");
	return 0;
}

static int decode_header(struct decoder *decoder, struct commit *commit)
{
	const uint8_t *bytes = decoder->bytes;
	struct commit_head *head = &commit->head;

	head->flags = load_le16(bytes + 10);
	decoder->key_id = load_le32(bytes + 12);
	memcpy(head->volume.bytes, bytes + 16, ID_BYTES);
	head->epoch = load_le64(bytes + 32);
	head->seq = load_le64(bytes + 40);
	memcpy(head->previous.bytes, bytes + 48, DIGEST_BYTES);
	head->cut_lsn = load_le64(bytes + 80);
	head->cut_real_ns = (int64_t)load_le64(bytes + 88);
	memcpy(head->session.bytes, bytes + 96, ID_BYTES);
	memcpy(head->salt.bytes, bytes + 112, ID_BYTES);
	head->next_ino = load_le64(bytes + 128);
	head->next_chunk_id = load_le64(bytes + 136);
	head->logical_bytes = load_le64(bytes + 144);
	head->made_real_ns = (int64_t)load_le64(bytes + 168);
	decoder->pack_length = load_le64(bytes + 152);
	commit->part_count = load_le32(bytes + 160);
	decoder->tag_length = load_le32(bytes + 164);
	if (!id_equal(&head->volume, decoder->volume))
		return corrupt(decoder, "belongs to another volume");
	if (head->seq != decoder->seq)
		return corrupt(decoder, "is another object under this name");
	if (commit->part_count > COMMIT_PARTS_MAX || decoder->tag_length > SEAL_OVERHEAD_MAX)
		return corrupt(decoder, "has a count beyond the limits");
	if (head->flags & COMMIT_FENCE && (commit->part_count || decoder->pack_length))
		return corrupt(decoder, "is a fence, but not empty");
	return 0;
}

/* The cipher's proof that header and descriptors are what was written. */
static int check_tag(const struct decoder *decoder, const struct commit *commit,
		     const uint8_t *descriptors, const uint8_t *tag)
{
	CLEANUP_BUFFER struct buffer frame = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer scratch = BUFFER_INIT;
	struct seal_place place = {
		.volume = commit->head.volume,
		.object = commit->head.salt,
	};
	const uint8_t *plain;
	size_t plain_length;
	int rc;

	buffer_append(&frame, decoder->bytes, COMMIT_HEADER_SIZE);
	buffer_append(&frame, descriptors, (size_t)commit->part_count * ROW_PART_DESCRIPTOR_SIZE);
	place.bound = frame.data;
	place.bound_length = frame.length;
	rc = seal_open(decoder->seal, decoder->key_id, &place, tag, decoder->tag_length, &scratch,
		       &plain, &plain_length);
	if (rc == -ENOKEY)
		return newer(decoder, "is encrypted with the unknown key", decoder->key_id);
	if (rc || plain_length != 0)
		return corrupt(decoder, "was changed: its header is not authentic");
	return 0;
}

/* Which roles occur where is part of the format: others are of the future. */
static bool role_fits(const struct decoder *decoder, const struct row_part *part)
{
	if (decoder->root)
		return part->role == PART_RUNS && part->place == PART_INLINE;
	return part->role == PART_BODY || part->role == PART_LEDGER;
}

static int decode_parts(struct decoder *decoder, const uint8_t *descriptors, struct commit *commit)
{
	struct commit_part *part;
	uint32_t i;

	commit->parts = xcalloc(commit->part_count, sizeof(*commit->parts));
	for (i = 0; i < commit->part_count; i++) {
		part = &commit->parts[i];
		if (!row_part_descriptor_decode(descriptors + i * ROW_PART_DESCRIPTOR_SIZE,
						&part->part) ||
		    !role_fits(decoder, &part->part))
			return corrupt(decoder, "has a part that is none");
		if (part->part.place != PART_INLINE)
			continue;
		part->bytes = reader_get_bytes(&decoder->rest, part->part.stored_length);
		if (!part->bytes)
			return corrupt(decoder, "has a part that is cut off");
	}
	if (reader_left(&decoder->rest) > 0)
		return corrupt(decoder, "is longer than its parts");
	return 0;
}

static int decode_body(struct decoder *decoder, struct commit *commit)
{
	const uint8_t *descriptors;
	const uint8_t *tag;
	int rc;

	reader_init(&decoder->rest, decoder->bytes + COMMIT_HEADER_SIZE,
		    decoder->length - COMMIT_HEADER_SIZE - COMMIT_CRC_SIZE);
	commit->pack = reader_get_bytes(&decoder->rest, decoder->pack_length);
	commit->pack_length = decoder->pack_length;
	descriptors = reader_get_bytes(&decoder->rest,
				       (size_t)commit->part_count * ROW_PART_DESCRIPTOR_SIZE);
	tag = reader_get_bytes(&decoder->rest, decoder->tag_length);
	if (decoder->rest.failed)
		return corrupt(decoder, "has lengths that do not fit it");
	if (!commit->pack_length)
		commit->pack = NULL;
	rc = check_tag(decoder, commit, descriptors, tag);
	return rc ? rc : decode_parts(decoder, descriptors, commit);
}

static int decode(struct decoder *decoder, struct commit *commit)
{
	int rc;

	memset(commit, 0, sizeof(*commit));
	rc = check_frame(decoder);
	if (!rc)
		rc = decode_header(decoder, commit);
	if (!rc)
		rc = decode_body(decoder, commit);
	if (rc)
		commit_release(commit);
	return rc;
}

int commit_decode(const struct id *volume, uint64_t seq, const struct seal *seal, const void *bytes,
		  size_t length, struct commit *commit_out)
{
	struct decoder decoder = {
		.volume = volume,
		.seq = seq,
		.seal = seal,
		.bytes = bytes,
		.length = length,
	};

	object_name_log(seq, decoder.name);
	return decode(&decoder, commit_out);
}

int commit_decode_root(const struct id *volume, uint64_t seq, const struct seal *seal,
		       const void *bytes, size_t length, struct commit *commit_out)
{
	struct decoder decoder = {
		.root = true,
		.volume = volume,
		.seq = seq,
		.seal = seal,
		.bytes = bytes,
		.length = length,
	};

	object_name_root(seq, decoder.name);
	return decode(&decoder, commit_out);
}

void commit_release(struct commit *commit)
{
	free(commit->parts);
	memset(commit, 0, sizeof(*commit));
}
