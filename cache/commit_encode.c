/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/commit_encode.h"

#include <assert.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"

static void encode_header(const char *magic, const struct commit *commit, const struct seal *seal,
			  uint8_t out[COMMIT_HEADER_SIZE])
{
	const struct commit_head *head = &commit->head;

	memset(out, 0, COMMIT_HEADER_SIZE);
	memcpy(out, magic, COMMIT_MAGIC_SIZE);
	store_le16(out + 8, COMMIT_FORMAT_VERSION);
	store_le16(out + 10, (uint16_t)head->flags);
	store_le32(out + 12, seal->key_id);
	memcpy(out + 16, head->volume.bytes, ID_BYTES);
	store_le64(out + 32, head->epoch);
	store_le64(out + 40, head->seq);
	memcpy(out + 48, head->previous.bytes, DIGEST_BYTES);
	store_le64(out + 80, head->cut_lsn);
	store_le64(out + 88, (uint64_t)head->cut_real_ns);
	memcpy(out + 96, head->session.bytes, ID_BYTES);
	memcpy(out + 112, head->salt.bytes, ID_BYTES);
	store_le64(out + 128, head->next_ino);
	store_le64(out + 136, head->next_chunk_id);
	store_le64(out + 144, head->logical_bytes);
	store_le64(out + 152, commit->pack_length);
	store_le32(out + 160, commit->part_count);
	store_le32(out + 164, seal->overhead);
	store_le64(out + 168, (uint64_t)head->made_real_ns);
	store_le32(out + 252, crc32c(0, out, 252));
}

/* Programmer's errors that would make an object nobody can read. */
static void check(const struct commit *commit)
{
	uint32_t i;

	assert((commit->head.flags & ~(uint32_t)COMMIT_FLAGS_ALL) == 0);
	assert(commit->part_count <= COMMIT_PARTS_MAX);
	assert(commit->head.seq > 0);
	if (commit->head.flags & COMMIT_FENCE)
		assert(commit->part_count == 0 && commit->pack_length == 0);
	for (i = 0; i < commit->part_count; i++) {
		bool has_bytes = commit->parts[i].bytes != NULL;

		assert(has_bytes == (commit->parts[i].part.place == PART_INLINE));
	}
}

/* Appends what the cipher adds to no bytes, which authenticates the frame. */
static void append_tag(const struct commit *commit, const struct seal *seal,
		       const struct buffer *frame, struct buffer *out)
{
	struct seal_place place = {
		.volume = commit->head.volume,
		.object = commit->head.salt,
		.bound = frame->data,
		.bound_length = frame->length,
	};

	seal_bytes(seal, &place, out, out->length);
}

static void encode(const char *magic, const struct commit *commit, const struct seal *seal,
		   struct buffer *out)
{
	/* header and descriptors; in the object the pack lies between them */
	CLEANUP_BUFFER struct buffer frame = BUFFER_INIT;
	uint32_t i;

	assert(out->length == 0);
	check(commit);
	encode_header(magic, commit, seal, buffer_extend(&frame, COMMIT_HEADER_SIZE));
	for (i = 0; i < commit->part_count; i++)
		row_part_descriptor_encode(&commit->parts[i].part,
					   buffer_extend(&frame, ROW_PART_DESCRIPTOR_SIZE));
	buffer_append(out, frame.data, COMMIT_HEADER_SIZE);
	buffer_append(out, commit->pack, commit->pack_length);
	buffer_append(out, frame.data + COMMIT_HEADER_SIZE, frame.length - COMMIT_HEADER_SIZE);
	append_tag(commit, seal, &frame, out);
	for (i = 0; i < commit->part_count; i++)
		if (commit->parts[i].bytes)
			buffer_append(out, commit->parts[i].bytes,
				      commit->parts[i].part.stored_length);
	buffer_put_u32(out, crc32c(0, out->data, out->length));
	assert(out->length <= COMMIT_SIZE_MAX);
}

void commit_encode(const struct commit *commit, const struct seal *seal, struct buffer *out)
{
	encode(COMMIT_MAGIC, commit, seal, out);
}

void commit_encode_root(const struct commit *commit, const struct seal *seal, struct buffer *out)
{
	encode(COMMIT_MAGIC_ROOT, commit, seal, out);
}
