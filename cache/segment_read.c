/* SPDX-License-Identifier: Apache-2.0 */
/* Checked reads of records, scans of a whole segment, and redo. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/segment_int.h"
#include "cache/segment_record.h"

#define SCAN_BYTES (64u << 10)

/* One checked read; bytes NULL: only the check. */
struct record_read {
	struct segments *segments;
	const struct segment *segment;
	int fd;
	uint32_t at; /* offset of the header */
	const struct segment_tag *expect;
	uint32_t delta;
	uint32_t length;
	uint8_t *bytes;
};

static int corrupt(const struct record_read *read, uint32_t delta, const char *why)
{
	return err_set(-ERR_segment_corrupt,
		       "segment %s/%016" PRIx64 ".seg, record at %" PRIu32 " (%s %" PRIu64
		       ", offset %" PRIu64 "): %s",
		       read->segments->directory, read->segment->number, read->at,
		       read->expect->class == SEGMENT_CLASS_FETCHED ? "chunk" : "inode",
		       read->expect->number, read->expect->offset + delta, why);
}

/* The header is sound and says what the row says. */
static int check_header(const struct record_read *read, const uint8_t *head, size_t got,
			struct segment_record *record)
{
	int result = got < SEGMENT_HEADER_SIZE ? -EBADMSG : segment_record_decode(head, record);

	if (result == -ERR_format_newer)
		return err_set(result,
			       "segment %s/%016" PRIx64 ".seg was written by a newer version of "
			       "drayfs: use that version",
			       read->segments->directory, read->segment->number);
	if (result)
		return corrupt(read, 0, "its header is damaged or was never written");
	if (record->segment != read->segment->number || record->record != read->at ||
	    record->tag.class != read->expect->class ||
	    record->tag.number != read->expect->number ||
	    record->tag.offset != read->expect->offset)
		return corrupt(read, 0, "its header names something else");
	if (read->delta + read->length > record->length)
		return corrupt(read, read->delta, "it is shorter than the index says");
	return 0;
}

static int check_pieces(const struct record_read *read, const struct segment_record *record,
			const struct segment_pieces *pieces, const uint8_t *head,
			const uint8_t *data)
{
	const uint8_t *crcs = head + SEGMENT_HEADER_SIZE + SEGMENT_CRC_SIZE * pieces->first;
	uint32_t bad;

	if (segment_pieces_verify(record, pieces, crcs, data, &bad))
		return 0;
	return corrupt(read, bad, "the bytes do not match their checksum");
}

/* The pieces from the file, checked, and what was asked for to its place. */
static int read_pieces(const struct record_read *read, const struct segment_record *record,
		       const uint8_t *head)
{
	struct segment_pieces pieces = segment_pieces_of(record, read->delta, read->length);
	uint64_t at = (uint64_t)read->at + segment_head_bytes(record->tag.offset, record->length) +
		      pieces.delta;
	bool direct = read->bytes && pieces.length == read->length;
	CLEANUP_FREE uint8_t *scratch = direct ? NULL : xmalloc(pieces.length);
	uint8_t *data = direct ? read->bytes : scratch;
	size_t got;
	int result;

	result = segment_file_read(read->segments, read->segment, read->fd, at, data, pieces.length,
				   &got);
	if (result)
		return result;
	if (got < pieces.length)
		return corrupt(read, pieces.delta, "the file ends before it");
	result = check_pieces(read, record, &pieces, head, data);
	if (!result && read->bytes && !direct)
		memcpy(read->bytes, scratch + (read->delta - pieces.delta), read->length);
	return result;
}

/*
 * One pread for head and bytes, on the guess that the whole record is read.
 * Returns what it got; the head is good for whatever the record turns out to be.
 */
static ssize_t read_whole(const struct record_read *read, uint8_t *head, uint32_t head_bytes)
{
	struct iovec iov[2] = { { head, head_bytes }, { read->bytes, read->length } };
	ssize_t n;

	do {
		n = preadv(read->fd, iov, 2, read->at);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int read_record(const struct record_read *read)
{
	uint8_t head[SEGMENT_HEAD_MAX];
	struct segment_record record;
	struct segment_pieces pieces;
	uint32_t head_bytes;
	size_t got = 0;
	ssize_t n;
	int result;

	if (!read->length || (uint64_t)read->delta + read->length > SEGMENT_DATA_MAX)
		return corrupt(read, 0, "the index names more than a record can hold");
	/* Up to the CRC of the last piece that is touched. */
	head_bytes = segment_head_bytes(read->expect->offset, read->delta + read->length);
	if (!read->delta && read->bytes) {
		n = read_whole(read, head, head_bytes);
		if (n < 0)
			return segment_file_failed(read->segments, read->segment->number, errno,
						   "read", 0);
		result = check_header(read, head, (size_t)n, &record);
		if (result)
			return result;
		if (record.length == read->length && (size_t)n == head_bytes + read->length) {
			pieces = segment_pieces_of(&record, 0, read->length);
			return check_pieces(read, &record, &pieces, head, read->bytes);
		}
		got = (size_t)n;
	}
	if (got < head_bytes) {
		result = segment_file_read(read->segments, read->segment, read->fd, read->at, head,
					   head_bytes, &got);
		if (!result)
			result = check_header(read, head, got, &record);
		if (result)
			return result;
		if (got < head_bytes)
			return corrupt(read, 0, "the file ends before its checksums");
	}
	return read_pieces(read, &record, head);
}

static int read_pinned(struct segments *segments, struct segment *segment, uint32_t at,
		       const struct segment_tag *expect, uint32_t delta, uint32_t length,
		       void *bytes)
{
	struct record_read read = {
		.segments = segments,
		.segment = segment,
		.fd = segment_file_use(segments, segment),
		.at = at,
		.expect = expect,
		.delta = delta,
		.length = length,
		.bytes = bytes,
	};
	int result;

	if (read.fd < 0)
		return read.fd;
	result = read_record(&read);
	segment_file_release(segments, segment);
	return result;
}

int segments_read(struct segments *segments, uint64_t number, uint32_t record,
		  const struct segment_tag *expect, uint32_t delta, uint32_t length, void *bytes)
{
	struct segment *segment = segment_get(segments, number);
	int result;

	if (!segment)
		return -ENOENT;
	result = read_pinned(segments, segment, record, expect, delta, length, bytes);
	lock_acquire(&segments->lock);
	segment->last_used = ++segments->tick;
	segment_put_locked(segments, segment);
	lock_release(&segments->lock);
	return result;
}

int segments_verify(struct segments *segments, uint64_t number, uint32_t record,
		    const struct segment_tag *expect, uint32_t delta, uint32_t length)
{
	struct segment *segment = segment_get_file(segments, number);
	int result;

	if (!segment)
		return 0;
	result = read_pinned(segments, segment, record, expect, delta, length, NULL);
	segment_put(segments, segment);
	return result;
}

int segments_read_raw(struct segments *segments, uint64_t number, uint32_t offset, void *bytes,
		      uint32_t length)
{
	struct segment *segment = segment_get_file(segments, number);
	size_t got = 0;
	int result, fd;

	if (!segment)
		return -ENOENT;
	fd = segment_file_use(segments, segment);
	result = fd < 0 ? fd : 0;
	if (!result) {
		result = segment_file_read(segments, segment, fd, offset, bytes, length, &got);
		segment_file_release(segments, segment);
	}
	segment_put(segments, segment);
	if (!result && got < length)
		result = err_set(-ERR_segment_corrupt,
				 "segment %s/%016" PRIx64 ".seg ends before %" PRIu64
				 ": bytes that were written to it are gone",
				 segments->directory, number, (uint64_t)offset + length);
	return result;
}

/* Writes the bytes unless they are there. */
static int redo_file(struct segments *segments, struct segment *segment, int fd, uint32_t offset,
		     const void *bytes, uint32_t length)
{
	CLEANUP_FREE uint8_t *there = xmalloc(length);
	size_t got;
	int result;

	result = segment_file_read(segments, segment, fd, offset, there, length, &got);
	if (result || (got == length && !memcmp(there, bytes, length)))
		return result;
	result = segment_file_write(segments, segment, fd, offset, bytes, length);
	if (result)
		return result;
	lock_acquire(&segments->lock);
	segment->appended++;
	if (segment->size < (uint64_t)offset + length) {
		segments->allocated[segment->class] += offset + length - segment->size;
		segment->size = (uint64_t)offset + length;
	}
	lock_release(&segments->lock);
	return 0;
}

int segments_redo(struct segments *segments, uint64_t number, uint32_t offset, const void *bytes,
		  uint32_t length)
{
	struct segment *segment;
	int result, fd;

	if (segments->read_only)
		return 0;
	segment = segment_get_file(segments, number);
	if (!segment)
		return 0;
	fd = segment_file_use(segments, segment);
	result = fd < 0 ? fd : 0;
	if (!result) {
		result = redo_file(segments, segment, fd, offset, bytes, length);
		segment_file_release(segments, segment);
	}
	segment_put(segments, segment);
	return result;
}

/* A window of the file, for a scan. */
struct scan {
	struct segments *segments;
	struct segment *segment;
	int fd;
	uint64_t start;
	size_t length;
	uint8_t bytes[SCAN_BYTES];
};

/* The header at `at` and what follows it, or NULL at the end of the file. */
static int scan_header(struct scan *scan, uint64_t at, const uint8_t **header_out)
{
	int result;

	*header_out = NULL;
	if (at < scan->start || at + SEGMENT_HEADER_SIZE > scan->start + scan->length) {
		result = segment_file_read(scan->segments, scan->segment, scan->fd, at, scan->bytes,
					   sizeof(scan->bytes), &scan->length);
		if (result)
			return result;
		scan->start = at;
	}
	if (at + SEGMENT_HEADER_SIZE <= scan->start + scan->length)
		*header_out = scan->bytes + (at - scan->start);
	return 0;
}

static int scan_records(struct scan *scan, segment_record_fn *fn, void *arg)
{
	struct segment_record record;
	const uint8_t *header;
	uint64_t at = 0;
	int result;

	for (;;) {
		result = scan_header(scan, at, &header);
		if (result || !header)
			return result;
		if (segment_record_decode(header, &record) || record.record != at ||
		    record.segment != scan->segment->number) {
			at++; /* a gap: look for the next header */
			continue;
		}
		result = fn(&record.tag, record.record, record.length, arg);
		if (result)
			return result;
		at += segment_record_bytes(record.tag.offset, record.length);
	}
}

int segment_scan(struct segments *segments, uint64_t number, segment_record_fn *fn, void *arg)
{
	struct segment *segment = segment_get(segments, number);
	struct scan *scan;
	int result;

	if (!segment)
		return -ENOENT;
	scan = xcalloc(1, sizeof(*scan));
	scan->segments = segments;
	scan->segment = segment;
	scan->fd = segment_file_use(segments, segment);
	result = scan->fd < 0 ? scan->fd : 0;
	if (!result) {
		result = scan_records(scan, fn, arg);
		segment_file_release(segments, segment);
	}
	segment_put(segments, segment);
	free(scan);
	return result;
}
