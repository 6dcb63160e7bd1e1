/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: the one representation of everything drayfs knows.
 *
 * The index is an ordered map from key to value. The journal records row
 * changes, the memtables and LMDB hold rows, a commit ships the changed rows
 * of the cloud tables, a checkpoint run is a sorted list of them. So replay,
 * restore and merge are all the same act: put rows, in order.
 *
 * A key is a table byte and big-endian fields, so that memcmp() orders it. A
 * value is little-endian.
 *
 *   table        key after the table byte        value                  cloud
 *   META         name                            u64                    no
 *   INODE        ino                             struct inode_row       yes
 *   DIRENT       parent ino, cookie              struct dirent_row      yes
 *   XATTR        ino, name                       the bytes              yes
 *   CONTENT      ino                             struct content_row     yes
 *   EXTENT       ino, generation(4), end offset  struct extent_row      yes
 *   CHUNK        chunk id                        struct chunk_row       yes
 *   PACK         pack number                     struct pack_row        yes
 *   DEDUP        digest of a piece (16)          struct dedup_row       no
 *   STORED       chunk id                        empty                  no
 *   SEGMENT      segment number                  struct segment_row     no
 *   CACHED       chunk id                        struct cached_row      no
 *   ORPHAN       ino                             empty                  no
 *   PIN          path in the volume              empty                  no
 *   DIRTY        a key of a cloud table          struct dirty_row       no
 *
 * An inode is attributes (INODE: as of the cut of a commit) and content
 * (CONTENT and its EXTENTs: one version, as of that cut or earlier). The two
 * travel apart, which is what lets a directory's state go to the cloud while
 * a large file below it is still being uploaded.
 *
 * EXTENT rows are keyed by the offset of the extent's END, so that the
 * extent that covers an offset is the first key greater than it. Extents of
 * one (ino, generation) never overlap; what no extent covers is a hole.
 * Truncation to 0 bumps the content's generation: old rows are invisible at
 * once and reaped later. An extent's key is set by the write that made it
 * and changes only by another write: chunk references are added inside the
 * value, so the rows in the cloud have the keys of the rows here.
 *
 * A POSIX ACL is the XATTR row of its name, encoded as the kernel does (acl.h).
 *
 * An ORPHAN row marks an inode of which something waits to be reaped: all of
 * it (no name is left), or extents of generations that no longer count.
 *
 * DIRTY rows are the netted set of what the cloud lacks. They are not in the
 * journal: applying a put or delete of a cloud row makes the DIRTY row, and
 * replay makes it again. CHUNK and PACK rows have none; a commit ships those
 * that it names.
 *
 * A STORED row marks a chunk whose pack is acknowledged and which no commit has
 * named yet: the first one that refers to it carries its CHUNK and PACK rows.
 *
 * Inode numbers, chunk ids and pack numbers are never reused. Pack numbers
 * come from the same counter as chunk ids.
 */
#ifndef DRAY_CACHE_ROW_FORMAT_H
#define DRAY_CACHE_ROW_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"
#include "backend/seal.h"

#define ROW_KEY_MAX	  400
#define ROW_VALUE_MAX	  (1 << 20)
#define NAME_BYTES_MAX	  255
#define SYMLINK_BYTES_MAX 4095
#define ROOT_INO	  1
/* Table byte and first number: what the keys of one inode's rows begin with. */
#define KEY_INODE_PREFIX 9

enum row_table {
	TABLE_META = 0x10,
	TABLE_INODE = 0x20,
	TABLE_DIRENT = 0x21,
	TABLE_XATTR = 0x22,
	TABLE_CONTENT = 0x30,
	TABLE_EXTENT = 0x31,
	TABLE_CHUNK = 0x40,
	TABLE_PACK = 0x41,
	TABLE_DEDUP = 0x50,
	TABLE_STORED = 0x51,
	TABLE_SEGMENT = 0x60,
	TABLE_CACHED = 0x61,
	TABLE_ORPHAN = 0x62,
	TABLE_PIN = 0x63,
	TABLE_DIRTY = 0x70,
};

struct row_key {
	uint16_t length;
	uint8_t bytes[ROW_KEY_MAX];
};

struct inode_row {
	uint32_t mode; /* type and permission bits, as st_mode */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	uint32_t rdev;
	uint32_t generation; /* writer epoch that created the inode */
	struct timespec atime;
	struct timespec mtime; /* of what has no CONTENT row */
	struct timespec ctime;
	struct timespec btime;
	/* Directories: where ".." leads. Regular files: the directory that the
	 * file was made in or moved to last, for what it inherits; 0: unknown. */
	uint64_t parent;
	uint64_t children; /* directories: number of entries */
	uint16_t target_length;
	const uint8_t *target; /* symlinks; points into the decoded bytes */
};

struct content_row {
	uint64_t size;
	struct timespec mtime;
	uint32_t generation; /* of the extents that count */
	uint64_t mapped;     /* bytes covered by extents; st_blocks */
};

struct dirent_row {
	uint64_t ino; /* 0: no entry, but it keeps a place (dirent.h) */
	uint8_t type; /* DT_* of readdir(3) */
	uint16_t name_length;
	const uint8_t *name; /* points into the decoded bytes */
};

/* Bytes of an extent that are in a chunk. */
struct extent_ref {
	uint64_t chunk;
	uint32_t chunk_offset; /* in the chunk's raw bytes */
	uint32_t length;
};

#define EXTENT_REFS_MAX	  255
#define EXTENT_LENGTH_MAX (1u << 24)

/*
 * length bytes that end at the key's offset. Local bytes: `delta` bytes into
 * the data of the record at `record` of segment `segment` (0: none here).
 * Cloud bytes: refs, which together cover the extent exactly, or none.
 *
 *	segment  refs   the bytes are
 *	   yes    no    only here: dirty
 *	   yes   yes    here and in packs: evictable
 *	    no   yes    in packs (and perhaps in a cached chunk)
 *	    no    no    invalid
 */
struct extent_row {
	uint32_t length;
	uint64_t segment;
	uint32_t record;
	uint32_t delta;
	uint8_t refs_count;
	struct extent_ref refs[EXTENT_REFS_MAX];
};

struct chunk_row {
	uint64_t pack;
	uint32_t offset;	/* in the pack, of the chunk's header */
	uint32_t stored_length; /* with that header */
	uint32_t raw_length;
	uint8_t digest[CHUNK_DIGEST_BYTES];
};

enum pack_kind {
	PACK_KIND_INVALID,
	PACK_KIND_OBJECT, /* pack/<shard>/<epoch>-<id> */
	PACK_KIND_LOG,	  /* inline in log/<seq>, from byte `base` */
};

struct pack_row {
	enum pack_kind kind;
	uint64_t epoch;
	struct id id;
	uint64_t seq;
	uint64_t base;
	uint64_t length;
};

struct dedup_row {
	uint64_t chunk;
	uint32_t chunk_offset;
	uint32_t length;
};

enum segment_class {
	SEGMENT_CLASS_INVALID,
	SEGMENT_CLASS_WRITTEN, /* bytes that applications wrote */
	SEGMENT_CLASS_FETCHED, /* chunks that came from the cloud */
	SEGMENT_CLASS_KEPT,    /* of these, those that were used again */
};

struct segment_row {
	enum segment_class class;
	uint64_t live;	/* bytes that rows point to */
	uint64_t dirty; /* of these, bytes that are in no acknowledged pack */
};

struct cached_row {
	uint64_t segment;
	uint32_t record;
};

/* Of CONTENT: what the cloud's state may not pass by without the bytes. */
enum dirty_flags {
	DIRTY_BARRIER = 1,  /* fsynced, or moved over a file */
	DIRTY_REPLACES = 2, /* with it: moved over a file that had bytes */
};

struct dirty_row {
	uint64_t lsn;	  /* of the last change */
	int64_t since_ns; /* wall time of the first change the cloud lacks */
	uint32_t flags;
	/* Of the last barrier, when there is one: a commit that is as of then
	 * or later does what it asks for. */
	uint64_t barrier_lsn;
};

/* Keys. */
void key_meta(struct row_key *key, const char *name);
void key_inode(struct row_key *key, uint64_t ino);
void key_dirent(struct row_key *key, uint64_t parent, uint64_t cookie);
void key_xattr(struct row_key *key, uint64_t ino, const void *name, size_t length);
void key_content(struct row_key *key, uint64_t ino);
void key_extent(struct row_key *key, uint64_t ino, uint32_t generation, uint64_t end);
void key_chunk(struct row_key *key, uint64_t chunk);
void key_pack(struct row_key *key, uint64_t pack);
void key_dedup(struct row_key *key, const uint8_t digest[CHUNK_DIGEST_BYTES]);
void key_stored(struct row_key *key, uint64_t chunk);
void key_segment(struct row_key *key, uint64_t segment);
void key_cached(struct row_key *key, uint64_t chunk);
void key_orphan(struct row_key *key, uint64_t ino);
/* The path is shorter than ROW_KEY_MAX. */
void key_pin(struct row_key *key, const char *path);
void key_dirty(struct row_key *key, const void *cloud_key, size_t length);

/* The table of a key, and its first u64 field (ino, chunk, segment, ...). */
enum row_table key_table(const void *key, size_t length);
uint64_t key_number(const void *key, size_t length);
/* Fields behind the first one; false when the key is not of that table. */
bool key_dirent_parse(const void *key, size_t length, uint64_t *parent, uint64_t *cookie);
bool key_extent_parse(const void *key, size_t length, uint64_t *ino, uint32_t *generation,
		      uint64_t *end);
/* True for the tables that commits carry. */
bool table_is_cloud(enum row_table table);
/* True for CONTENT and EXTENT: the rows of a file's content version. */
bool table_is_content(enum row_table table);

/*
 * Values. An encoder appends to the buffer. A decoder returns 0 or
 * -ERR_index_corrupt with a sentence that names the table; pointers in its
 * result point into `bytes`.
 */
void row_put_inode(struct buffer *out, const struct inode_row *row);
int row_get_inode(const void *bytes, size_t length, struct inode_row *row);
void row_put_content(struct buffer *out, const struct content_row *row);
int row_get_content(const void *bytes, size_t length, struct content_row *row);
void row_put_dirent(struct buffer *out, const struct dirent_row *row);
int row_get_dirent(const void *bytes, size_t length, struct dirent_row *row);
void row_put_extent(struct buffer *out, const struct extent_row *row);
int row_get_extent(const void *bytes, size_t length, struct extent_row *row);
void row_put_chunk(struct buffer *out, const struct chunk_row *row);
int row_get_chunk(const void *bytes, size_t length, struct chunk_row *row);
void row_put_pack(struct buffer *out, const struct pack_row *row);
int row_get_pack(const void *bytes, size_t length, struct pack_row *row);
void row_put_dedup(struct buffer *out, const struct dedup_row *row);
int row_get_dedup(const void *bytes, size_t length, struct dedup_row *row);
void row_put_segment(struct buffer *out, const struct segment_row *row);
int row_get_segment(const void *bytes, size_t length, struct segment_row *row);
void row_put_cached(struct buffer *out, const struct cached_row *row);
int row_get_cached(const void *bytes, size_t length, struct cached_row *row);
void row_put_dirty(struct buffer *out, const struct dirty_row *row);
int row_get_dirty(const void *bytes, size_t length, struct dirty_row *row);
int row_get_u64(const void *bytes, size_t length, uint64_t *value);

#endif
