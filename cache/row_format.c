/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/row_format.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/error.h"

static void key_begin(struct row_key *key, enum row_table table)
{
	key->bytes[0] = (uint8_t)table;
	key->length = 1;
}

static void key_add_u64(struct row_key *key, uint64_t value)
{
	store_be64(key->bytes + key->length, value);
	key->length += 8;
}

static void key_add_bytes(struct row_key *key, const void *bytes, size_t length)
{
	assert(key->length + length <= ROW_KEY_MAX);
	memcpy(key->bytes + key->length, bytes, length);
	key->length = (uint16_t)(key->length + length);
}

static void key_numbered(struct row_key *key, enum row_table table, uint64_t number)
{
	key_begin(key, table);
	key_add_u64(key, number);
}

void key_meta(struct row_key *key, const char *name)
{
	key_begin(key, TABLE_META);
	key_add_bytes(key, name, strlen(name));
}

void key_inode(struct row_key *key, uint64_t ino)
{
	key_numbered(key, TABLE_INODE, ino);
}

void key_dirent(struct row_key *key, uint64_t parent, uint64_t cookie)
{
	key_numbered(key, TABLE_DIRENT, parent);
	key_add_u64(key, cookie);
}

void key_xattr(struct row_key *key, uint64_t ino, const void *name, size_t length)
{
	key_numbered(key, TABLE_XATTR, ino);
	key_add_bytes(key, name, length);
}

void key_content(struct row_key *key, uint64_t ino)
{
	key_numbered(key, TABLE_CONTENT, ino);
}

void key_extent(struct row_key *key, uint64_t ino, uint32_t generation, uint64_t end)
{
	key_numbered(key, TABLE_EXTENT, ino);
	store_be32(key->bytes + key->length, generation);
	key->length += 4;
	key_add_u64(key, end);
}

void key_chunk(struct row_key *key, uint64_t chunk)
{
	key_numbered(key, TABLE_CHUNK, chunk);
}

void key_pack(struct row_key *key, uint64_t pack)
{
	key_numbered(key, TABLE_PACK, pack);
}

void key_dedup(struct row_key *key, const uint8_t digest[CHUNK_DIGEST_BYTES])
{
	key_begin(key, TABLE_DEDUP);
	key_add_bytes(key, digest, CHUNK_DIGEST_BYTES);
}

void key_stored(struct row_key *key, uint64_t chunk)
{
	key_numbered(key, TABLE_STORED, chunk);
}

void key_segment(struct row_key *key, uint64_t segment)
{
	key_numbered(key, TABLE_SEGMENT, segment);
}

void key_cached(struct row_key *key, uint64_t chunk)
{
	key_numbered(key, TABLE_CACHED, chunk);
}

void key_pin(struct row_key *key, const char *path)
{
	key_begin(key, TABLE_PIN);
	key_add_bytes(key, path, strlen(path));
}

void key_orphan(struct row_key *key, uint64_t ino)
{
	key_numbered(key, TABLE_ORPHAN, ino);
}

void key_dirty(struct row_key *key, const void *cloud_key, size_t length)
{
	key_begin(key, TABLE_DIRTY);
	key_add_bytes(key, cloud_key, length);
}

enum row_table key_table(const void *key, size_t length)
{
	return length ? (enum row_table)((const uint8_t *)key)[0] : 0;
}

uint64_t key_number(const void *key, size_t length)
{
	return length >= 9 ? load_be64((const uint8_t *)key + 1) : 0;
}

bool key_dirent_parse(const void *key, size_t length, uint64_t *parent, uint64_t *cookie)
{
	if (key_table(key, length) != TABLE_DIRENT || length != 17)
		return false;
	*parent = load_be64((const uint8_t *)key + 1);
	*cookie = load_be64((const uint8_t *)key + 9);
	return true;
}

bool key_extent_parse(const void *key, size_t length, uint64_t *ino, uint32_t *generation,
		      uint64_t *end)
{
	if (key_table(key, length) != TABLE_EXTENT || length != 21)
		return false;
	*ino = load_be64((const uint8_t *)key + 1);
	*generation = load_be32((const uint8_t *)key + 9);
	*end = load_be64((const uint8_t *)key + 13);
	return true;
}

bool table_is_cloud(enum row_table table)
{
	return table >= TABLE_INODE && table <= TABLE_PACK;
}

bool table_is_content(enum row_table table)
{
	return table == TABLE_CONTENT || table == TABLE_EXTENT;
}

static int row_finish(const struct reader *reader, const char *table)
{
	if (reader->failed || reader_left(reader))
		return err_set(-ERR_index_corrupt,
			       "a row of table %s has a wrong length (%zu bytes)", table,
			       reader->length);
	return 0;
}

static void put_time(struct buffer *out, const struct timespec *time)
{
	buffer_put_u64(out, (uint64_t)time->tv_sec);
	buffer_put_u32(out, (uint32_t)time->tv_nsec);
}

static struct timespec get_time(struct reader *reader)
{
	struct timespec time;

	time.tv_sec = (time_t)reader_get_u64(reader);
	time.tv_nsec = (long)reader_get_u32(reader);
	if (time.tv_nsec >= 1000000000)
		reader->failed = true;
	return time;
}

void row_put_inode(struct buffer *out, const struct inode_row *row)
{
	buffer_put_u32(out, row->mode);
	buffer_put_u32(out, row->uid);
	buffer_put_u32(out, row->gid);
	buffer_put_u32(out, row->nlink);
	buffer_put_u32(out, row->rdev);
	buffer_put_u32(out, row->generation);
	put_time(out, &row->atime);
	put_time(out, &row->mtime);
	put_time(out, &row->ctime);
	put_time(out, &row->btime);
	if (S_ISDIR(row->mode)) {
		buffer_put_u64(out, row->parent);
		buffer_put_u64(out, row->children);
	} else if (S_ISREG(row->mode) && row->parent) {
		buffer_put_u64(out, row->parent);
	} else if (S_ISLNK(row->mode)) {
		buffer_put_u16(out, row->target_length);
		buffer_append(out, row->target, row->target_length);
	}
}

int row_get_inode(const void *bytes, size_t length, struct inode_row *row)
{
	struct reader reader;

	memset(row, 0, sizeof(*row));
	reader_init(&reader, bytes, length);
	row->mode = reader_get_u32(&reader);
	row->uid = reader_get_u32(&reader);
	row->gid = reader_get_u32(&reader);
	row->nlink = reader_get_u32(&reader);
	row->rdev = reader_get_u32(&reader);
	row->generation = reader_get_u32(&reader);
	row->atime = get_time(&reader);
	row->mtime = get_time(&reader);
	row->ctime = get_time(&reader);
	row->btime = get_time(&reader);
	if (S_ISDIR(row->mode)) {
		row->parent = reader_get_u64(&reader);
		row->children = reader_get_u64(&reader);
	} else if (S_ISREG(row->mode) && reader_left(&reader)) {
		row->parent = reader_get_u64(&reader);
	} else if (S_ISLNK(row->mode)) {
		row->target_length = reader_get_u16(&reader);
		row->target = reader_get_bytes(&reader, row->target_length);
	}
	return row_finish(&reader, "inode");
}

void row_put_content(struct buffer *out, const struct content_row *row)
{
	buffer_put_u64(out, row->size);
	put_time(out, &row->mtime);
	buffer_put_u32(out, row->generation);
	buffer_put_u64(out, row->mapped);
}

int row_get_content(const void *bytes, size_t length, struct content_row *row)
{
	struct reader reader;

	reader_init(&reader, bytes, length);
	row->size = reader_get_u64(&reader);
	row->mtime = get_time(&reader);
	row->generation = reader_get_u32(&reader);
	row->mapped = reader_get_u64(&reader);
	return row_finish(&reader, "content");
}

void row_put_dirent(struct buffer *out, const struct dirent_row *row)
{
	assert(row->name_length && row->name_length <= NAME_BYTES_MAX);
	buffer_put_u64(out, row->ino);
	buffer_put_u8(out, row->type);
	buffer_put_u8(out, (uint8_t)row->name_length);
	buffer_append(out, row->name, row->name_length);
}

int row_get_dirent(const void *bytes, size_t length, struct dirent_row *row)
{
	struct reader reader;

	reader_init(&reader, bytes, length);
	row->ino = reader_get_u64(&reader);
	row->type = reader_get_u8(&reader);
	row->name_length = reader_get_u8(&reader);
	row->name = reader_get_bytes(&reader, row->name_length);
	if (!row->name_length)
		reader.failed = true;
	return row_finish(&reader, "dirent");
}

/* Bit 0 of the flags byte: the local place follows. */
#define EXTENT_HAS_SEGMENT 1

void row_put_extent(struct buffer *out, const struct extent_row *row)
{
	unsigned int i;

	assert(row->segment || row->refs_count);
	buffer_put_u32(out, row->length);
	buffer_put_u8(out, row->segment ? EXTENT_HAS_SEGMENT : 0);
	buffer_put_u8(out, row->refs_count);
	if (row->segment) {
		buffer_put_u64(out, row->segment);
		buffer_put_u32(out, row->record);
		buffer_put_u32(out, row->delta);
	}
	for (i = 0; i < row->refs_count; i++) {
		buffer_put_u64(out, row->refs[i].chunk);
		buffer_put_u32(out, row->refs[i].chunk_offset);
		buffer_put_u32(out, row->refs[i].length);
	}
}

static void get_extent_refs(struct reader *reader, struct extent_row *row)
{
	uint64_t covered = 0;
	unsigned int i;

	for (i = 0; i < row->refs_count; i++) {
		row->refs[i].chunk = reader_get_u64(reader);
		row->refs[i].chunk_offset = reader_get_u32(reader);
		row->refs[i].length = reader_get_u32(reader);
		covered += row->refs[i].length;
	}
	if (row->refs_count ? covered != row->length : !row->segment)
		reader->failed = true;
}

int row_get_extent(const void *bytes, size_t length, struct extent_row *row)
{
	struct reader reader;
	uint8_t flags;

	reader_init(&reader, bytes, length);
	row->length = reader_get_u32(&reader);
	flags = reader_get_u8(&reader);
	row->refs_count = reader_get_u8(&reader);
	row->segment = 0;
	row->record = 0;
	row->delta = 0;
	if (flags & EXTENT_HAS_SEGMENT) {
		row->segment = reader_get_u64(&reader);
		row->record = reader_get_u32(&reader);
		row->delta = reader_get_u32(&reader);
	}
	if (!row->length || row->length > EXTENT_LENGTH_MAX)
		reader.failed = true;
	get_extent_refs(&reader, row);
	return row_finish(&reader, "extent");
}

void row_put_chunk(struct buffer *out, const struct chunk_row *row)
{
	buffer_put_u64(out, row->pack);
	buffer_put_u32(out, row->offset);
	buffer_put_u32(out, row->stored_length);
	buffer_put_u32(out, row->raw_length);
	buffer_append(out, row->digest, CHUNK_DIGEST_BYTES);
}

int row_get_chunk(const void *bytes, size_t length, struct chunk_row *row)
{
	struct reader reader;
	const uint8_t *digest;

	reader_init(&reader, bytes, length);
	row->pack = reader_get_u64(&reader);
	row->offset = reader_get_u32(&reader);
	row->stored_length = reader_get_u32(&reader);
	row->raw_length = reader_get_u32(&reader);
	digest = reader_get_bytes(&reader, CHUNK_DIGEST_BYTES);
	if (digest)
		memcpy(row->digest, digest, CHUNK_DIGEST_BYTES);
	return row_finish(&reader, "chunk");
}

void row_put_pack(struct buffer *out, const struct pack_row *row)
{
	buffer_put_u8(out, (uint8_t)row->kind);
	buffer_put_u64(out, row->epoch);
	buffer_append(out, row->id.bytes, ID_BYTES);
	buffer_put_u64(out, row->seq);
	buffer_put_u64(out, row->base);
	buffer_put_u64(out, row->length);
}

int row_get_pack(const void *bytes, size_t length, struct pack_row *row)
{
	struct reader reader;
	const uint8_t *id;

	reader_init(&reader, bytes, length);
	row->kind = reader_get_u8(&reader);
	row->epoch = reader_get_u64(&reader);
	id = reader_get_bytes(&reader, ID_BYTES);
	if (id)
		memcpy(row->id.bytes, id, ID_BYTES);
	row->seq = reader_get_u64(&reader);
	row->base = reader_get_u64(&reader);
	row->length = reader_get_u64(&reader);
	if (row->kind != PACK_KIND_OBJECT && row->kind != PACK_KIND_LOG)
		reader.failed = true;
	return row_finish(&reader, "pack");
}

void row_put_dedup(struct buffer *out, const struct dedup_row *row)
{
	buffer_put_u64(out, row->chunk);
	buffer_put_u32(out, row->chunk_offset);
	buffer_put_u32(out, row->length);
}

int row_get_dedup(const void *bytes, size_t length, struct dedup_row *row)
{
	struct reader reader;

	reader_init(&reader, bytes, length);
	row->chunk = reader_get_u64(&reader);
	row->chunk_offset = reader_get_u32(&reader);
	row->length = reader_get_u32(&reader);
	return row_finish(&reader, "dedup");
}

void row_put_segment(struct buffer *out, const struct segment_row *row)
{
	buffer_put_u8(out, (uint8_t)row->class);
	buffer_put_u64(out, row->live);
	buffer_put_u64(out, row->dirty);
}

int row_get_segment(const void *bytes, size_t length, struct segment_row *row)
{
	struct reader reader;

	reader_init(&reader, bytes, length);
	row->class = reader_get_u8(&reader);
	row->live = reader_get_u64(&reader);
	row->dirty = reader_get_u64(&reader);
	if (row->class <= SEGMENT_CLASS_INVALID || row->class > SEGMENT_CLASS_KEPT)
		reader.failed = true;
	return row_finish(&reader, "segment");
}

void row_put_cached(struct buffer *out, const struct cached_row *row)
{
	buffer_put_u64(out, row->segment);
	buffer_put_u32(out, row->record);
}

int row_get_cached(const void *bytes, size_t length, struct cached_row *row)
{
	struct reader reader;

	reader_init(&reader, bytes, length);
	row->segment = reader_get_u64(&reader);
	row->record = reader_get_u32(&reader);
	return row_finish(&reader, "cached");
}

void row_put_dirty(struct buffer *out, const struct dirty_row *row)
{
	buffer_put_u64(out, row->lsn);
	buffer_put_u64(out, (uint64_t)row->since_ns);
	buffer_put_u32(out, row->flags);
	if (row->flags)
		buffer_put_u64(out, row->barrier_lsn);
}

int row_get_dirty(const void *bytes, size_t length, struct dirty_row *row)
{
	struct reader reader;

	reader_init(&reader, bytes, length);
	row->lsn = reader_get_u64(&reader);
	row->since_ns = (int64_t)reader_get_u64(&reader);
	row->flags = reader_get_u32(&reader);
	row->barrier_lsn = row->flags ? reader_get_u64(&reader) : 0;
	return row_finish(&reader, "dirty");
}

int row_get_u64(const void *bytes, size_t length, uint64_t *value)
{
	struct reader reader;

	reader_init(&reader, bytes, length);
	*value = reader_get_u64(&reader);
	return row_finish(&reader, "meta");
}
