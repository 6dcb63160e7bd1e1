/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of segments in a directory of its own, for the tests of segments:
 * begin() and end() around each, and what they do to its records and files.
 */
#ifndef DRAY_TESTS_SEGMENT_TABLE_H
#define DRAY_TESTS_SEGMENT_TABLE_H

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "cache/segment.h"
#include "cache/segment_int.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define SMALL (64u << 10) /* bytes of a segment */

static char *directory;
static struct segments *segments;
static uint8_t data[1 << 20];
static uint8_t got[1 << 20];

static inline void open_started(uint64_t segment_bytes)
{
	struct segments_conf conf = { .directory = directory, .segment_bytes = segment_bytes };

	ck_assert_int_eq(segments_open(&conf, &segments), 0);
	ck_assert_int_eq(segments_start(segments), 0);
}

static inline void begin(uint64_t segment_bytes)
{
	directory = scratch_make();
	noise_fill(1, data, sizeof(data));
	open_started(segment_bytes);
}

static inline void end(void)
{
	segments_close(segments);
	scratch_remove(directory);
}

static inline struct segment_tag tag_of(uint64_t ino, uint64_t offset)
{
	return (struct segment_tag){ .class = SEGMENT_CLASS_WRITTEN,
				     .number = ino,
				     .offset = offset };
}

/* Appends and counts as live; the pin is dropped. */
static inline struct segment_place append(uint64_t ino, uint64_t offset, const void *bytes,
					  uint32_t length)
{
	struct segment_tag tag = tag_of(ino, offset);
	struct segment_place place;

	ck_assert_int_eq(segments_append(segments, &tag, bytes, length, &place), 0);
	segments_use(segments, place.segment, length, length);
	segment_unpin(segments, place.segment);
	return place;
}

static inline int read_some(const struct segment_place *place, uint64_t ino, uint64_t offset,
			    uint32_t delta, uint32_t length)
{
	struct segment_tag tag = tag_of(ino, offset);

	return segments_read(segments, place->segment, place->record, &tag, delta, length, got);
}

static inline char *path_of(uint64_t number)
{
	char name[SEGMENT_NAME_BYTES];

	segment_file_name(number, name);
	return xasprintf("%s/%s", directory, name);
}

static inline void flip(uint64_t number, uint64_t at)
{
	char *path = path_of(number);
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1u << (at % 8);
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
	free(path);
}

#endif
