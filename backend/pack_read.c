/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/pack_read.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"
#include "backend/base/error.h"

int pack_open_chunk(const struct pack_identity *pack, const struct seal *seal, const uint8_t *bytes,
		    size_t length, struct buffer *scratch, struct pack_chunk_header *header,
		    struct buffer *raw_out, const char **why_out)
{
	struct seal_place place;
	const uint8_t *plain;
	size_t plain_length;
	int rc;

	*why_out = "is cut off";
	if (length < PACK_CHUNK_HEADER_SIZE)
		return -EBADMSG;
	rc = pack_chunk_header_decode(pack, bytes, header, why_out);
	if (rc)
		return rc;
	*why_out = "has another length than expected";
	if (header->chunk.stored_length != length)
		return -EBADMSG;
	*why_out = "has a wrong checksum";
	if (crc32c(0, bytes + PACK_CHUNK_HEADER_SIZE, length - PACK_CHUNK_HEADER_SIZE) !=
	    header->payload_crc)
		return -EBADMSG;
	place = pack_place(pack, header->chunk.position, bytes, PACK_CHUNK_BOUND_SIZE);
	rc = seal_open(seal, header->key_id, &place, bytes + PACK_CHUNK_HEADER_SIZE,
		       length - PACK_CHUNK_HEADER_SIZE, scratch, &plain, &plain_length);
	*why_out = rc == -ENOKEY ? "is encrypted with a key that this drayfs does not have"
				 : "was changed, or belongs to another place";
	if (rc)
		return rc == -ENOKEY ? -ERR_format_newer : rc;
	*why_out = "does not decompress";
	return codec_decode(header->chunk.codec, plain, plain_length, header->chunk.raw_length,
			    raw_out);
}

static int chunk_error(const struct pack_identity *pack, uint64_t chunk_id, int rc, const char *why)
{
	char name[PACK_NAME_SIZE];

	pack_name(pack, name);
	return err_set(rc == -ERR_format_newer ? rc : -ERR_chunk_corrupt,
		       "%s: chunk %" PRIu64 " %s", name, chunk_id, why);
}

int pack_decode_chunk(const struct pack_identity *pack, const struct seal *seal, const void *bytes,
		      size_t length, uint64_t chunk_id, const struct chunk_digest *digest,
		      struct buffer *raw_out)
{
	CLEANUP_BUFFER struct buffer scratch = BUFFER_INIT;
	size_t start = raw_out->length;
	struct pack_chunk_header header;
	struct chunk_digest found;
	const char *why;
	int rc;

	rc = pack_open_chunk(pack, seal, bytes, length, &scratch, &header, raw_out, &why);
	if (rc)
		return chunk_error(pack, chunk_id, rc, why);
	if (header.chunk.chunk_id != chunk_id) {
		raw_out->length = start;
		return chunk_error(pack, chunk_id, -EBADMSG, "is not where the index expects it");
	}
	found = seal_digest(seal, raw_out->data + start, raw_out->length - start);
	if (!chunk_digest_equal(&found, digest)) {
		raw_out->length = start;
		return chunk_error(pack, chunk_id, -EBADMSG, "holds other bytes than were written");
	}
	return 0;
}

static int corrupt(const struct pack_identity *pack, const char *why)
{
	char name[PACK_NAME_SIZE];

	pack_name(pack, name);
	return err_set(-ERR_pack_corrupt, "%s: %s", name, why);
}

/* The next entry. The chunks lie one behind the other, before the directory. */
static bool next_entry(struct reader *reader, uint64_t *end, uint64_t limit, uint32_t position,
		       struct pack_entry *entry)
{
	const uint8_t *fixed = reader_get_bytes(reader, PACK_ENTRY_SIZE);

	if (!fixed || !pack_entry_decode(fixed, &entry->chunk, &entry->origins_length))
		return false;
	entry->chunk.position = position;
	entry->origins = reader_get_bytes(reader, entry->origins_length);
	if (!entry->origins || entry->chunk.offset < *end)
		return false;
	*end = (uint64_t)entry->chunk.offset + entry->chunk.stored_length;
	return *end <= limit;
}

/* Walks the opened directory; fn may be NULL. */
static int walk_entries(const struct pack_identity *pack, const struct pack_footer *footer,
			const struct buffer *entries, pack_entry_fn *fn, void *arg)
{
	uint64_t end = PACK_HEADER_SIZE;
	struct pack_entry entry;
	struct reader reader;
	uint32_t i;
	int rc = 0;

	reader_init(&reader, entries->data, entries->length);
	for (i = 0; i < footer->chunk_count && !rc; i++) {
		if (!next_entry(&reader, &end, footer->directory_offset, i, &entry))
			return corrupt(pack, "the directory names what is not in the pack");
		if (fn)
			rc = fn(&entry, arg);
	}
	if (!rc && reader_left(&reader) > 0)
		return corrupt(pack, "the directory is longer than its chunks");
	return rc;
}

int pack_decode_directory(const struct pack_identity *pack, const struct seal *seal,
			  const struct pack_footer *footer, const uint8_t header[PACK_HEADER_SIZE],
			  const void *directory, size_t length, pack_entry_fn *fn, void *arg)
{
	CLEANUP_BUFFER struct buffer scratch = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer entries = BUFFER_INIT;
	struct seal_place place =
		pack_place(pack, PACK_POSITION_DIRECTORY, header, PACK_HEADER_SIZE);
	const uint8_t *plain;
	size_t plain_length;
	int rc;

	if (length != footer->directory_stored_length ||
	    crc32c(0, directory, length) != footer->directory_crc)
		return corrupt(pack, "the directory has a wrong checksum");
	rc = seal_open(seal, footer->key_id, &place, directory, length, &scratch, &plain,
		       &plain_length);
	if (rc)
		return corrupt(pack, rc == -ENOKEY ? "the directory is encrypted with a key that "
						     "this drayfs does not have"
						   : "the directory was changed");
	if (codec_decode(footer->directory_codec, plain, plain_length, footer->directory_raw_length,
			 &entries))
		return corrupt(pack, "the directory does not decompress");
	rc = walk_entries(pack, footer, &entries, NULL, NULL);
	return rc ? rc : walk_entries(pack, footer, &entries, fn, arg);
}

int pack_read_directory(const struct pack_identity *pack, const struct seal *seal,
			const void *bytes, size_t length, pack_entry_fn *fn, void *arg)
{
	const uint8_t *first = bytes;
	struct pack_footer footer;
	int rc;

	if (length < PACK_HEADER_SIZE + PACK_FOOTER_SIZE)
		return corrupt(pack, "is too short to be a pack");
	rc = pack_header_decode(pack, first);
	if (rc)
		return rc;
	rc = pack_footer_decode(pack, first + length - PACK_FOOTER_SIZE, length, &footer);
	if (rc)
		return rc;
	return pack_decode_directory(pack, seal, &footer, first, first + footer.directory_offset,
				     footer.directory_stored_length, fn, arg);
}

/* Where the chunks end: at the directory, when a good footer says so. */
static size_t scan_limit(const struct pack_identity *pack, const uint8_t *bytes, size_t length)
{
	struct pack_footer footer;

	if (length >= PACK_HEADER_SIZE + PACK_FOOTER_SIZE &&
	    pack_footer_decode(pack, bytes + length - PACK_FOOTER_SIZE, length, &footer) == 0)
		return (size_t)footer.directory_offset;
	return length;
}

/* A whole header of this pack, whose payload is all here, at this offset. */
static bool scan_header(const struct pack_identity *pack, const uint8_t *bytes, size_t offset,
			size_t limit, struct pack_chunk_header *header)
{
	const char *why;

	return limit - offset >= PACK_CHUNK_HEADER_SIZE &&
	       pack_chunk_header_decode(pack, bytes + offset, header, &why) == 0 &&
	       header->chunk.stored_length <= limit - offset;
}

/* The next offset after this one where a chunk may begin. */
static size_t scan_resume(const uint8_t *bytes, size_t offset, size_t limit)
{
	static const uint8_t magic[] = PACK_CHUNK_MAGIC;
	const uint8_t *found = memmem(bytes + offset + 1, limit - offset - 1, magic, sizeof(magic));

	return found ? (size_t)(found - bytes) : limit;
}

int pack_scan(const struct pack_identity *pack, const void *bytes, size_t length, pack_entry_fn *fn,
	      void *arg, struct pack_scan_result *result)
{
	size_t limit = scan_limit(pack, bytes, length);
	const uint8_t *first = bytes;
	struct pack_chunk_header header;
	size_t offset = PACK_HEADER_SIZE;
	size_t next;
	int rc = 0;

	memset(result, 0, sizeof(*result));
	for (; offset < limit && !rc; offset = next) {
		if (!scan_header(pack, first, offset, limit, &header)) {
			next = scan_resume(first, offset, limit);
			result->bytes_skipped += next - offset;
			continue;
		}
		next = offset + header.chunk.stored_length;
		if (crc32c(0, first + offset + PACK_CHUNK_HEADER_SIZE,
			   header.chunk.stored_length - PACK_CHUNK_HEADER_SIZE) !=
		    header.payload_crc) {
			result->chunks_damaged++;
			continue;
		}
		result->chunks_good++;
		header.chunk.offset = (uint32_t)offset;
		rc = fn(&(struct pack_entry){ .chunk = header.chunk }, arg);
	}
	return rc;
}
