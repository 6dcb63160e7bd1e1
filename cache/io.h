/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of regular files.
 *
 *	write    append to the segment; EXTENT and CONTENT rows, journal; reply
 *	read     extents -> segment | cached chunk | fetch; holes are zeros
 *	fsync    up to 64 KiB unflushed: copied into the journal (REDO), one
 *	         flush; more: segments first, then the journal
 *
 * A write returns when a killed process cannot lose it. It never stamps
 * times (attr.h): a file has no CONTENT row until its first write or growth,
 * and the row made then takes its mtime from the INODE row. Overwritten
 * extents are split or removed by the pure functions of extent_map.h.
 *
 * Locks: NODE of the file: exclusive for changes (over the memtable and the
 * journal's buffer, not over its write), shared for reads up to the pin of
 * the segments.
 */
#ifndef DRAY_CACHE_IO_H
#define DRAY_CACHE_IO_H

#include <sys/types.h>

#include "cache/attr.h"
#include "cache/fair_queue.h"
#include "cache/readahead.h"

enum io_read_flags {
	IO_NO_WAIT = 1, /* -EAGAIN instead of waiting for the network */
	/* What comes from the network for this read is not kept, nor does the
	 * read count as use of what is there. */
	IO_NO_CACHE = 2,
	/* Only what this machine has: -ENOENT when that is not all. Not counted. */
	IO_LOCAL = 4,
};

/*
 * Reads up to length bytes into `bytes`; *got_out may be less only at the end
 * of the file. readahead is the open file's, or NULL. -EIO codes name the chunk
 * or segment. Of a dead cache: -ENOENT when some of the bytes are in the cloud only.
 */
int io_read(struct cache *cache, uint64_t ino, struct readahead *readahead, uint64_t offset,
	    size_t length, unsigned int flags, void *bytes, size_t *got_out);
/* The open file is closed: what was asked for on its behalf, and has not been
 * begun, is not fetched. */
void io_read_end(struct cache *cache, const struct readahead *readahead);
/* Writes all or fails. -EFBIG beyond 2^63-1, -ERR_cache_full, -ERR_read_only. */
int io_write(struct cache *cache, uint64_t ino, uint64_t offset, const void *bytes, size_t length);
/* fallocate(2): modes 0, KEEP_SIZE, PUNCH_HOLE|KEEP_SIZE, ZERO_RANGE
 * (|KEEP_SIZE); others -EOPNOTSUPP. -ENOSPC when the store cannot take so much
 * (the first two modes). */
int io_fallocate(struct cache *cache, uint64_t ino, int mode, uint64_t offset, uint64_t length);
/* SEEK_DATA or SEEK_HOLE. -ENXIO. */
int io_seek(struct cache *cache, uint64_t ino, uint64_t offset, int whence, uint64_t *out);
/* Shares bytes that are in packs, copies the others. Ranges of one file must
 * not overlap (-EINVAL). */
int io_copy_range(struct cache *cache, uint64_t from, uint64_t from_offset, uint64_t to,
		  uint64_t to_offset, uint64_t length, uint64_t *copied_out);
/* Durable on this machine, with every record it depends on; also marks the
 * content as a barrier of the next commit. What others write to the file
 * during the call may or may not be among it. */
int io_fsync(struct cache *cache, uint64_t ino);
/*
 * close(2) was called: a content version may be taken here. What was written
 * survives a kill already; 0, or why later writes are refused. After a truncate
 * that took all the bytes there were, those written since are put in order
 * before it: a power cut from now on leaves the old content or the new, not an
 * empty file. That is copied into the journal (REDO) or, beyond 64 KiB, flushed
 * to the segment; the journal is not flushed.
 */
int io_flush(struct cache *cache, uint64_t ino);

/*
 * attr_set() calls it with the node locked exclusively. Adds the EXTENT
 * changes (and SEGMENT_USE) to the batch, of kind BATCH_CONTENT, and changes
 * size, mapped and generation of *content; the caller puts the CONTENT row.
 * When the generation changed, the caller also puts an ORPHAN row and reaps
 * the extents that no longer count afterwards (ns.h).
 */
struct node;
struct batch;
int io_truncate_locked(struct cache *cache, struct node *node, struct content_row *content,
		       uint64_t size, struct batch *batch);
/*
 * Puts in the batch, of kind BATCH_CONTENT, the removal of extents of
 * generations before keep_generation (UINT32_MAX: of all, for an inode that is
 * reaped). The node is locked exclusively. Returns 1 when there are more than
 * one batch should hold, 0 when they are all in it, or an error.
 */
int io_reap_locked(struct cache *cache, uint64_t ino, uint32_t keep_generation,
		   struct batch *batch);

/*
 * Before a file is opened for writing or made (opening), or written to: 0, or
 * -ENOSPC or -EROFS when the cache is full of bytes that are not in the cloud
 * and limits.h says to refuse more.
 */
int io_budget_refuse(struct cache *cache, bool opening);

/*
 * Before a write: reserves room for its bytes, until io_budget_return_room()
 * after it. False: there is none now.
 */
bool io_budget_take_room(struct cache *cache, size_t length);
void io_budget_return_room(struct cache *cache, size_t length);

/* A turn that a write waits for (budget.h): after it was done, with its reply; or
 * before, when there was no room. The caller's memory until fn, and then again. */
struct io_turn {
	struct fair_item item; /* flow: the inode; bytes: of the write */
	bool needs_room;       /* it is not done: its room is reserved when fn is called */
	void (*fn)(struct io_turn *turn); /* called from another thread */
};

/* True: fn is called later. False: go on now, as fn would. */
bool io_budget_must_wait(struct cache *cache, struct io_turn *turn);

#endif
