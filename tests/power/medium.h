/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk with a volatile write cache holds.
 *
 *	write   -> current file, and a copy in the list of unflushed writes
 *	read    <- current file
 *	flush      the list goes to the durable file, in order, and is empty
 *	cut        a clone of the durable file and a random subset of the list
 *
 * The durable file is the image that the disk was made from; the current one,
 * IMAGE.current, is a clone of it. On a file system with reflinks a cut costs
 * milliseconds.
 *
 * One lock around all calls is the caller's.
 */
#ifndef DRAY_TESTS_POWER_MEDIUM_H
#define DRAY_TESTS_POWER_MEDIUM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct unflushed;

struct medium {
	int durable_fd;
	int current_fd;
	off_t size;
	struct unflushed *oldest;
	struct unflushed **newest_next;
	uint64_t unflushed_count;
};

/* All return 0 (or a byte count) or -errno. */
int medium_open(struct medium *medium, const char *image);
void medium_close(struct medium *medium);
ssize_t medium_read(struct medium *medium, void *bytes, size_t length, off_t offset);
ssize_t medium_write(struct medium *medium, const void *bytes, size_t length, off_t offset);
int medium_flush(struct medium *medium);
/* Writes the file at `path`: what the disk is after a power cut now. */
int medium_cut(struct medium *medium, const char *path, uint64_t seed);

#endif
