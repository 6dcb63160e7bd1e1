/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One journal file as the journal writes it.
 *
 * Files are made to be written over: a new one is allocated whole, and zeros
 * are written ahead of the records in steps of 1 MiB, so that a flush of
 * records rarely has to commit metadata of the file system as well (measured
 * on ext4, 4 KiB and fdatasync: appended or only allocated 2.9-3.2 k/s, with
 * zeros ahead or used before 3.8-4.4 k/s; RWF_DSYNC gained nothing).
 * The last page written is filled up with zeros: a page of a file used before
 * need not be read from the disk to be changed.
 *
 * One thread at a time uses a file: the one that has the journal's writer
 * role (begin, write) or its flusher role (sync).
 */
#ifndef DRAY_CACHE_JOURNAL_FILE_H
#define DRAY_CACHE_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cache/journal_record.h"

/* The calls that can fail; tests put their own in front. */
struct journal_io {
	ssize_t (*pwrite)(int fd, const void *bytes, size_t length, off_t offset);
	int (*fdatasync)(int fd);
	/* 0 or a positive errno, as posix_fallocate(3). */
	int (*allocate)(int fd, off_t offset, off_t length);
};
extern const struct journal_io journal_io_system;

struct journal_file {
	const struct journal_io *io;
	char *path;
	int fd;		 /* -1: not begun */
	uint64_t size;	 /* of the file on disk */
	uint64_t zeroed; /* its blocks were written at some time, up to here */
	uint64_t padded; /* written up to here, zeros behind the records included */
	bool name_durable;
};

/* DIRECTORY/<sequence>.wal; the caller frees it. */
char *journal_file_path(const char *directory, uint64_t sequence);

void journal_file_init(struct journal_file *file, const struct journal_io *io);
/* Closes it; the file stays. */
void journal_file_release(struct journal_file *file);

/*
 * Makes the file ready at `path` (taken over) with its header written:
 * renamed from `recycled` (a path; its records are worth nothing any more)
 * or new with `bytes` allocated (recycled NULL).
 */
int journal_file_begin(struct journal_file *file, char *path, const char *recycled, uint64_t bytes,
		       const struct journal_header *header);
/* Writes the bytes at offset, where those before ended (the first: behind the
 * header page). Adds zeros to the buffer. */
int journal_file_append(struct journal_file *file, struct buffer *bytes, uint64_t offset);
/* Makes what was written, and the file's name, durable. */
int journal_file_sync(struct journal_file *file);

#endif
