/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/object_name.h"
#include "backend/pack_read.h"
#include "tests/commit/world.h"

static void get_row(struct world *world, const struct row_key *key, struct buffer *value)
{
	int result;

	buffer_clear(value);
	result = index_get(world->cache.index, key, value);
	ck_assert_msg(!result, "table 0x%02x, number %llu: %s", key->bytes[0],
		      (unsigned long long)key_number(key->bytes, key->length), err_message(result));
}

/* Bytes of a chunk, straight from the store. */
static void read_ref(struct world *world, const struct extent_ref *ref, struct buffer *out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer stored = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
	char name[OBJECT_NAME_SIZE];
	struct pack_identity identity;
	struct chunk_digest digest;
	struct chunk_row chunk;
	struct pack_row pack;
	struct row_key key;
	int result;

	key_chunk(&key, ref->chunk);
	get_row(world, &key, &value);
	ck_assert_int_eq(row_get_chunk(value.data, value.length, &chunk), 0);
	key_pack(&key, chunk.pack);
	get_row(world, &key, &value);
	ck_assert_int_eq(row_get_pack(value.data, value.length, &pack), 0);
	if (pack.kind == PACK_KIND_LOG)
		object_name_log(pack.seq, name);
	else
		object_name_pack(pack.epoch, &pack.id, name);
	identity =
		(struct pack_identity){ world->cache.conf.volume.uuid, pack.epoch, pack.id, name };
	ck_assert_int_eq(store_get(world->cache.store, name, pack.base + chunk.offset,
				   chunk.stored_length, &stored),
			 0);
	memcpy(digest.bytes, chunk.digest, sizeof(digest.bytes));
	result = pack_decode_chunk(&identity, world->cache.seal, stored.data, stored.length,
				   ref->chunk, &digest, &raw);
	ck_assert_msg(!result, "%s", err_message(result));
	ck_assert_uint_le(ref->chunk_offset + ref->length, raw.length);
	buffer_append(out, raw.data + ref->chunk_offset, ref->length);
}

/* One extent: from here, and from the cloud when it is there; both agree. */
static void read_extent(struct world *world, uint64_t ino, uint64_t start,
			const struct extent_row *row, struct buffer *out)
{
	CLEANUP_BUFFER struct buffer local = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer cloud = BUFFER_INIT;
	struct segment_tag tag = { SEGMENT_CLASS_WRITTEN, ino, start - row->delta };
	unsigned int i;

	for (i = 0; i < row->refs_count; i++)
		read_ref(world, &row->refs[i], &cloud);
	if (row->segment) {
		int result =
			segments_read(world->cache.segments, row->segment, row->record, &tag,
				      row->delta, row->length, buffer_extend(&local, row->length));

		ck_assert_msg(!result, "%s", err_message(result));
	}
	if (row->refs_count && row->segment)
		ck_assert_mem_eq(local.data, cloud.data, row->length);
	buffer_append(out, row->segment ? local.data : cloud.data, row->length);
}

static void digest_content(struct world *world, uint64_t ino, struct digest_stream *stream)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct content_row content;
	struct index_cursor *cursor;
	struct row_key key;
	const uint8_t *at;
	const uint8_t *row_bytes;
	size_t at_length;
	size_t row_length;
	uint64_t mapped = 0;

	key_content(&key, ino);
	if (index_get(world->cache.index, &key, &value))
		return;
	ck_assert_int_eq(row_get_content(value.data, value.length, &content), 0);
	digest_stream_add(stream, value.data, value.length);
	key_extent(&key, ino, content.generation, 0);
	ck_assert_int_eq(index_cursor_open(world->cache.index, &key, &cursor), 0);
	while (index_cursor_next(cursor, &at, &at_length, &row_bytes, &row_length) > 0) {
		struct extent_row row;
		uint32_t generation;
		uint64_t owner;
		uint64_t end;

		if (!key_extent_parse(at, at_length, &owner, &generation, &end) || owner != ino ||
		    generation != content.generation)
			break;
		ck_assert_int_eq(row_get_extent(row_bytes, row_length, &row), 0);
		buffer_clear(&bytes);
		read_extent(world, ino, end - row.length, &row, &bytes);
		digest_stream_add(stream, &end, sizeof(end));
		digest_stream_add(stream, bytes.data, bytes.length);
		mapped += row.length;
	}
	index_cursor_close(cursor);
	ck_assert_uint_eq(mapped, content.mapped);
}

static void digest_file(struct world *world, uint64_t ino, struct digest_stream *stream)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;

	key_inode(&key, ino);
	get_row(world, &key, &value);
	digest_stream_add(stream, value.data, value.length);
	key_xattr(&key, ino, "user.x", 6);
	buffer_clear(&value);
	if (!index_get(world->cache.index, &key, &value))
		digest_stream_add(stream, value.data, value.length);
	digest_content(world, ino, stream);
}

struct digest state_of(struct world *world)
{
	struct digest_stream stream;
	struct index_cursor *cursor;
	struct digest digest;
	struct row_key key;
	const uint8_t *at;
	const uint8_t *bytes;
	size_t at_length;
	size_t length;

	digest_stream_init(&stream);
	key_dirent(&key, ROOT_INO, 0);
	ck_assert_int_eq(index_cursor_open(world->cache.index, &key, &cursor), 0);
	while (index_cursor_next(cursor, &at, &at_length, &bytes, &length) > 0) {
		struct dirent_row row;

		if (key_table(at, at_length) != TABLE_DIRENT)
			break;
		ck_assert_int_eq(row_get_dirent(bytes, length, &row), 0);
		digest_stream_add(&stream, at, at_length);
		digest_stream_add(&stream, bytes, length);
		digest_file(world, row.ino, &stream);
	}
	index_cursor_close(cursor);
	digest = digest_stream_finish(&stream);
	digest_stream_release(&stream);
	return digest;
}

uint64_t dirty_rows(struct world *world)
{
	struct row_key start = { .length = 1, .bytes = { TABLE_DIRTY } };
	struct index_cursor *cursor;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	uint64_t count = 0;

	ck_assert_int_eq(index_cursor_open(world->cache.index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &value, &value_length) > 0)
		count += key_table(key, key_length) == TABLE_DIRTY;
	index_cursor_close(cursor);
	return count;
}

uint64_t dirty_bytes(struct world *world)
{
	struct segments_stats segments;

	segments_stats_get(world->cache.segments, &segments);
	return segments.dirty_bytes;
}

static bool is_named(struct world *world, uint64_t ino)
{
	unsigned int file;

	for (file = 0; file < WORLD_FILES; file++)
		if (world_ino(world, file) == ino)
			return true;
	return ino == ROOT_INO;
}

void state_assert_tidy(struct world *world)
{
	struct row_key start = { .length = 1, .bytes = { TABLE_INODE } };
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct index_cursor *cursor;
	const uint8_t *key;
	const uint8_t *bytes;
	size_t key_length;
	size_t length;

	ck_assert_int_eq(index_cursor_open(world->cache.index, &start, &cursor), 0);
	while (index_cursor_next(cursor, &key, &key_length, &bytes, &length) > 0) {
		enum row_table table = key_table(key, key_length);
		struct row_key orphan;
		uint64_t ino = key_number(key, key_length);

		/* The root that opening makes where there is none. */
		if (table == TABLE_DIRTY && key_number(key + 1, key_length - 1) == ROOT_INO)
			continue;
		ck_assert(table != TABLE_DIRTY && table != TABLE_STORED);
		if (table != TABLE_INODE && table != TABLE_XATTR && !table_is_content(table))
			continue;
		if (is_named(world, ino))
			continue;
		/* To be reaped: then its INODE row is not there. */
		ck_assert(table != TABLE_INODE);
		key_orphan(&orphan, ino);
		get_row(world, &orphan, &value);
	}
	index_cursor_close(cursor);
}
