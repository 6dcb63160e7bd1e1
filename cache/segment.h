/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: the append-only files that hold file data, dirty and clean.
 *
 * CACHE/segments/<number, 16 hex digits>.seg, about 64 MiB each, is a
 * sequence of records (segment_format.h): a header which says what the bytes
 * are (inode and file offset, or chunk id), then the bytes in pieces, each
 * behind a CRC32C. A piece is what lies between two multiples of 4096 of the
 * file offset, so that a random 4 KiB read is one read and checks 4 KiB. Bytes
 * are written once; numbers are never reused (the file with the highest one
 * stays).
 *
 * Three classes, each with one segment open for appending: WRITTEN holds what
 * applications wrote, FETCHED what came from the cloud, KEPT what of that was
 * used again (evict.h). They never mix: a FETCHED or KEPT segment can be dropped
 * at any time, a WRITTEN one only when every live byte of it is in an
 * acknowledged pack. Records know two classes; those of a KEPT segment are
 * FETCHED: after a crash it may have become a FETCHED segment.
 *
 *	state   meaning                                   leaves when
 *	OPEN    the class appends to it                   full, or restart
 *	SEALED  complete                                  live == 0, no pin
 *	DOOMED  no row points to it, nobody pins it       its death is durable
 *	LOST    rows point to it, but the file is gone    live == 0
 *
 * live and dirty count the bytes that rows point to (see index.h: the index
 * reports each change in LSN order). A pin (reader, append in progress,
 * capture being uploaded) keeps the file. The order that makes a reader safe:
 * look up the row, pin the segment, look up the row again if the pin failed
 * with -ENOENT.
 *
 * A power cut may take back the change that took a segment's last row away, so
 * a DOOMED file is unlinked only when that change cannot be lost any more:
 *
 *	mark = segments_doomed_mark(); index_flush_all();
 *	segments_unlink_doomed(mark);
 *
 * and a file is made durable (its name, that is) before bytes are appended.
 * So a segment that a row of the journal names and that is not there was
 * unlinked, and everything that the journal says up to that time is durable.
 *
 * Durability: segments_flush() makes every byte appended before the call
 * durable, also the bytes that no row points to any more: replay checks the
 * records of the journal one by one. After a kill nothing is lost; after a
 * power cut the bytes above the last flush may be missing or torn, which the
 * CRCs show.
 *
 * Locks: SEGMENT. Nothing is held across pread, pwrite or fdatasync.
 */
#ifndef DRAY_CACHE_SEGMENT_H
#define DRAY_CACHE_SEGMENT_H

#include <sys/types.h>

#include "cache/batch.h"
#include "cache/row_format.h"

struct segments;

/* Where appended bytes lie; the segment is pinned until segment_unpin(). */
struct segment_place {
	uint64_t segment;
	uint32_t record; /* offset of the record's header in the file */
};

/* What a record holds. */
struct segment_tag {
	enum segment_class class;
	uint64_t number; /* inode (WRITTEN) or chunk id (FETCHED) */
	uint64_t offset; /* file offset of the first byte; 0 for a chunk */
};

struct segments_stats {
	uint64_t segments;
	/* Allocated by the segments of each class, dead bytes included; but not
	 * DOOMED segments, whose files go with the next flush. */
	uint64_t written_bytes;
	uint64_t fetched_bytes; /* FETCHED and KEPT */
	uint64_t live_bytes;
	uint64_t dirty_bytes;
	uint64_t flushes_total;
};

/* One of segments_list(). */
struct segment_info {
	uint64_t number;
	enum segment_class class;
	uint64_t size; /* bytes of the file */
	uint64_t live;
	uint64_t dirty;
	bool open;	   /* still appended to */
	bool pinned;	   /* by readers, or a capture that is uploaded */
	bool kept;	   /* in the queue of what is used (evict_policy.h) */
	uint64_t position; /* in that queue, or the other: greater is newer */
};
/* Called for each record of a segment by segment_scan(). */
typedef int segment_record_fn(const struct segment_tag *tag, uint32_t record, uint32_t length,
			      void *arg);

struct segments_conf {
	const char *directory;
	uint64_t segment_bytes; /* 0: 64 MiB */
	bool read_only;
};

/* Opens the directory; counters are zero until segments_load(). */
int segments_open(const struct segments_conf *conf, struct segments **out);
void segments_close(struct segments *segments);
/* Tells the counters that the index saved (each SEGMENT row). */
void segments_load(struct segments *segments, uint64_t number, const struct segment_row *row);
/* After replay: seals all, dooms the files that no row points to. */
int segments_start(struct segments *segments);

/*
 * Appends length (1 to 16 MiB) bytes as one record. On success the segment
 * is pinned once for the caller, who unpins after index_commit(). ENOSPC of
 * the disk is -ERR_cache_full, other failures -ERR_local_io.
 */
int segments_append(struct segments *segments, const struct segment_tag *tag, const void *bytes,
		    uint32_t length, struct segment_place *out);
/* The same, of a chunk, into the open segment of class FETCHED or KEPT. */
int segments_append_chunk(struct segments *segments, enum segment_class class, uint64_t chunk,
			  const void *bytes, uint32_t length, struct segment_place *out);
/*
 * Reads [delta, delta + length) of the record's bytes into `bytes`, checking
 * every piece touched and that the record is tagged as expected.
 * -ENOENT: there is no such segment (it was reclaimed: look the row up
 * again). -ERR_segment_corrupt: names file, offset and owner. -ERR_local_io.
 * One preadv when that ends with the record or with a piece, otherwise two.
 */
int segments_read(struct segments *segments, uint64_t segment, uint32_t record,
		  const struct segment_tag *expect, uint32_t delta, uint32_t length, void *bytes);
/* Keeps the segment's file; -ENOENT when it is gone or doomed. */
int segment_pin(struct segments *segments, uint64_t segment);
void segment_unpin(struct segments *segments, uint64_t segment);

/* Rows point to so many bytes more or fewer (hook of the index). */
void segments_use(struct segments *segments, uint64_t segment, int64_t live, int64_t dirty);
/* Puts the SEGMENT rows that changed since the last call (hook). */
void segments_put_rows(struct segments *segments, struct batch *batch);
/* Makes all bytes appended before the call durable. A failed fdatasync is
 * remembered and reported by every later call. */
int segments_flush(struct segments *segments);
/* As segments_flush(), for one segment; 0 when it was reclaimed. */
int segment_flush(struct segments *segments, uint64_t segment);

/*
 * Replay: does the record hold good bytes for these of its owner? 0 also when
 * the segment was reclaimed (see above). -ERR_segment_corrupt, -ERR_local_io.
 */
int segments_verify(struct segments *segments, uint64_t segment, uint32_t record,
		    const struct segment_tag *expect, uint32_t delta, uint32_t length);
/* Raw bytes at an offset of the file, for REDO. -ENOENT: it was reclaimed. */
int segments_read_raw(struct segments *segments, uint64_t segment, uint32_t offset, void *bytes,
		      uint32_t length);
/* Replay: writes them back where they are not there already; nothing is to be
 * done for a segment that was reclaimed, or when read_only. */
int segments_redo(struct segments *segments, uint64_t segment, uint32_t offset, const void *bytes,
		  uint32_t length);
/* Bytes of the record in the file: header, CRCs, data; for REDO. */
uint32_t segment_record_bytes(uint64_t file_offset, uint32_t length);

/* How many segments were doomed so far; see the head of this file. */
uint64_t segments_doomed_mark(struct segments *segments);
/* Unlinks the first `mark` of them. */
void segments_unlink_doomed(struct segments *segments, uint64_t mark);
/* True when segments_unlink_doomed() would find something to unlink. */
bool segments_have_doomed(struct segments *segments);

/* All but the DOOMED and the LOST ones, in the order of their numbers: an array
 * that the caller frees, never NULL. Returns how many. */
size_t segments_list(struct segments *segments, struct segment_info **out);
/* Records whose headers are whole; their data is not checked. -ENOENT. */
int segment_scan(struct segments *segments, uint64_t segment, segment_record_fn *fn, void *arg);
/* Seals the class's open segment, so that it can be reclaimed. */
int segments_seal(struct segments *segments, enum segment_class class);
/* What the segments take of the disk; without a lock, the sums of about one moment. */
struct segments_room {
	uint64_t written_bytes; /* as in segments_stats */
	uint64_t fetched_bytes;
	uint64_t doomed_bytes;
	uint64_t kept_bytes; /* of written_bytes: segments with dirty bytes */
	uint64_t dead_bytes; /* in these */
};
void segments_room_get(const struct segments *segments, struct segments_room *out);
void segments_stats_get(struct segments *segments, struct segments_stats *out);
/* The segment becomes the newest of those that are kept. One that is sealed and
 * FETCHED becomes KEPT, which a restart knows of. */
void segments_requeue(struct segments *segments, uint64_t segment);
/* Bytes of segments that no row points to and that go when they are unpinned: a
 * flush pins what it makes durable. segments_stats has them still. */
uint64_t segments_dying_bytes(struct segments *segments);
/* How large a segment becomes. */
uint64_t segments_size(const struct segments *segments);
/* segments_stats.dirty_bytes, without a lock. */
uint64_t segments_dirty_bytes(struct segments *segments);

#endif
