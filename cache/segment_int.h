/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of segments, as the modules of the segment store see it:
 *
 *	segment.c         states, counters, pins, reclaim
 *	segment_open.c    open and restart
 *	segment_file.c    files and their descriptors
 *	segment_append.c  allocation and append
 *	segment_read.c    checked reads, scans, redo
 *	segment_flush.c   durability
 *
 * A struct segment lives as long as it is in the table, and it stays there
 * while `pins` is not 0.
 */
#ifndef DRAY_CACHE_SEGMENT_INT_H
#define DRAY_CACHE_SEGMENT_INT_H

#include <stdatomic.h>

#include "backend/base/lock.h"
#include "cache/segment.h"

/* A record's offset has 32 bits. */
#define SEGMENT_BYTES_MAX     (1u << 30)
#define SEGMENT_BYTES_DEFAULT (64u << 20)
/* Descriptors kept open for segments at rest. */
#define SEGMENT_FILES_MAX  256
#define SEGMENT_CLASSES	   4 /* SEGMENT_CLASS_INVALID included */
#define SEGMENT_NAME_BYTES 32
/* Parts of one preadv(2) or pwritev(2): IOV_MAX is 1024. */
#define SEGMENT_VECTOR_MAX 1024

enum segment_state {
	SEGMENT_INVALID,
	SEGMENT_OPEN,
	SEGMENT_SEALED,
	SEGMENT_DOOMED,
	SEGMENT_LOST,
};

struct segment {
	/* immutable */
	uint64_t number;
	/* guarded by segments.lock */
	enum segment_class class; /* INVALID until segment_learn_class() */
	enum segment_state state;
	uint64_t size; /* allocated to records */
	uint64_t live;
	uint64_t dirty;
	unsigned int pins;
	int fd; /* -1: not open */
	unsigned int fd_users;
	uint64_t fd_used;  /* tick */
	uint64_t appended; /* counts records; what `flushed` lacks is not durable */
	uint64_t flushed;
	bool flushing;
	bool row_changed;
	bool kept;		/* as in struct segment_info */
	uint64_t position;	/* in the order of eviction */
	uint64_t doomed_number; /* DOOMED: the how manieth */
};

/* Sums over all segments, by segment_count_locked(); read without the lock. */
struct segments_sums {
	_Atomic uint64_t allocated[SEGMENT_CLASSES]; /* without DOOMED segments */
	_Atomic uint64_t doomed;
	_Atomic uint64_t kept; /* sizes of those with dirty bytes */
	_Atomic uint64_t kept_live;
};

struct segments {
	/* immutable */
	char *directory;
	int directory_fd;
	uint64_t segment_bytes;
	bool read_only;
	struct lock lock;
	struct condition changed; /* a file was made, or a flush ended */
	_Atomic int64_t dirty_bytes;
	struct segments_sums sums;
	atomic_bool started; /* replay is over */
	/* guarded by lock */
	struct segment **table; /* ascending numbers */
	size_t count;
	size_t capacity;
	uint64_t next_number;
	struct segment *open[SEGMENT_CLASSES];
	bool opening[SEGMENT_CLASSES]; /* a thread makes the next file */
	uint64_t spare;		       /* a file made ahead, not in the table; 0: none */
	bool making_spare;
	uint64_t tick;
	unsigned int open_files;
	uint64_t live_bytes;
	uint64_t doomed_count;
	uint64_t doomed_waiting;
	uint64_t *gone; /* segments whose rows are to be deleted */
	size_t gone_count;
	size_t gone_capacity;
	uint64_t flushes_total;
	int flush_code; /* of the first failed fdatasync */
	char flush_message[512];
};

/* segment.c */
struct segment *segment_find_locked(struct segments *segments, uint64_t number);
/* Adds one with the number; it must not be there. */
struct segment *segment_add_locked(struct segments *segments, uint64_t number);
/* The segment that a row names; one whose file is gone becomes LOST. */
struct segment *segment_find_or_lost_locked(struct segments *segments, uint64_t number);
/* Adds the segment to the sums, or takes it away: before a change of its state,
 * class, size, live or dirty, and after it. */
void segment_count_locked(struct segments *segments, const struct segment *segment);
void segment_discount_locked(struct segments *segments, const struct segment *segment);
/* Takes the steps of the state table that are due after a change; a LOST
 * segment may be freed by it. */
void segment_settle_locked(struct segments *segments, struct segment *segment);
/* As segment_pin(), NULL for -ENOENT. */
struct segment *segment_get(struct segments *segments, uint64_t number);
/* The same, also for a DOOMED segment: its file is still there. */
struct segment *segment_get_file(struct segments *segments, uint64_t number);
void segment_put(struct segments *segments, struct segment *segment);
void segment_put_locked(struct segments *segments, struct segment *segment);
/* Appends no more to it. */
void segment_seal_locked(struct segments *segments, struct segment *segment);

/*
 * segment_open.c: a segment that was made after the last checkpoint has no row
 * yet; its first record tells the class. Needed from its first use in replay on,
 * since replay may end in a checkpoint. Without that record the first use does:
 * only what was written begins as dirty bytes.
 */
void segment_learn_class(struct segments *segments, uint64_t number, int64_t dirty);

/* segment_file.c */
void segment_file_name(uint64_t number, char name[SEGMENT_NAME_BYTES]);
/* Makes an empty file whose name is durable. -ERR_cache_full, -ERR_local_io. */
int segment_file_make(struct segments *segments, uint64_t number);
/*
 * A descriptor of a pinned segment's file, until segment_file_release().
 * Negative: -ERR_local_io, or -ERR_segment_corrupt when the file is gone.
 */
int segment_file_use(struct segments *segments, struct segment *segment);
void segment_file_release(struct segments *segments, struct segment *segment);
/* pread(2) of `length` bytes, or fewer at the end of the file (*got_out). */
int segment_file_read(struct segments *segments, const struct segment *segment, int fd,
		      uint64_t offset, void *bytes, size_t length, size_t *got_out);
/* pwrite(2) of all bytes. -ERR_cache_full, -ERR_local_io. */
int segment_file_write(struct segments *segments, const struct segment *segment, int fd,
		       uint64_t offset, const void *bytes, size_t length);
int segment_file_failed(struct segments *segments, uint64_t number, int errnum, const char *verb,
			uint64_t wanted);

#endif
