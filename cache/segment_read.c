/* SPDX-License-Identifier: Apache-2.0 */
/* Checked reads of records, scans of a whole segment, and redo. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/disk.h"
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
static int check_header(const struct record_read *read)
{
	uint8_t header[SEGMENT_HEADER_SIZE];
	struct segment_record record;
	size_t got;
	int result = segment_file_read(read->segments, read->segment, read->fd, read->at, header,
				       sizeof(header), &got);

	if (result)
		return result;
	result = got < sizeof(header) ? -EBADMSG : segment_record_decode(header, &record);
	if (result == -ERR_format_newer)
		return err_set(result,
			       "segment %s/%016" PRIx64 ".seg was written by a newer version of "
			       "drayfs: use that version",
			       read->segments->directory, read->segment->number);
	if (result)
		return corrupt(read, 0, "its header is damaged or was never written");
	if (record.segment != read->segment->number || record.record != read->at ||
	    record.tag.class != read->expect->class || record.tag.number != read->expect->number ||
	    record.tag.offset != read->expect->offset)
		return corrupt(read, 0, "its header names something else");
	if (read->delta + read->length > record.length)
		return corrupt(read, read->delta, "it is shorter than the index says");
	return 0;
}

/* Fills data and heads from the file. -EBADMSG when it ends before. */
static int read_vector(const struct record_read *read, const struct segment_record *record,
		       const struct segment_pieces *pieces, uint8_t *data, uint8_t *heads)
{
	struct iovec vector[SEGMENT_VECTOR_MAX];
	uint64_t at = (uint64_t)read->at + segment_pieces_at(record, pieces);
	uint32_t bytes = segment_pieces_bytes(pieces);
	uint32_t done = 0;
	ssize_t n;
	int count;

	while (done < bytes) {
		count = segment_pieces_vector(record, pieces, data, heads, done, vector,
					      SEGMENT_VECTOR_MAX);
		n = disk_preadv(read->fd, vector, count, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return segment_file_failed(read->segments, read->segment->number, errno,
						   "read", 0);
		if (!n)
			return -EBADMSG;
		done += (uint32_t)n;
	}
	return 0;
}

/* Of pieces that are not good. */
struct fault {
	uint32_t delta; /* where the first of them begins */
	/* How long the record is if the head of the last piece is right and
	 * tells that there is more of it; or 0. */
	uint32_t longer;
};

/*
 * The pieces of a record of so many bytes, checked, and what was asked for to
 * its place. -EBADMSG when they are not good; then `fault` tells where.
 */
static int read_pieces(const struct record_read *read, const struct segment_record *record,
		       struct fault *fault)
{
	struct segment_pieces pieces = segment_pieces_of(record, read->delta, read->length);
	bool direct = read->bytes && pieces.length == read->length;
	CLEANUP_FREE uint8_t *heads = xmalloc((size_t)pieces.count * SEGMENT_PIECE_HEAD);
	CLEANUP_FREE uint8_t *scratch = direct ? NULL : xmalloc(pieces.length);
	uint8_t *data = direct ? read->bytes : scratch;
	uint32_t last = segment_pieces_of(record, record->length - 1, 1).delta;
	uint32_t told;
	int result = read_vector(read, record, &pieces, data, heads);

	*fault = (struct fault){ .delta = read->delta };
	if (result)
		return result;
	told = segment_piece_length(heads + (size_t)SEGMENT_PIECE_HEAD * (pieces.count - 1));
	if (last + told > record->length && told <= SEGMENT_PIECE_BYTES)
		fault->longer = last + told;
	if (!segment_pieces_verify(record, &pieces, data, heads, &fault->delta))
		return -EBADMSG;
	if (read->bytes && !direct)
		memcpy(read->bytes, scratch + (read->delta - pieces.delta), read->length);
	return 0;
}

/* Is it some of the pieces, or all of the record? */
static int explain(const struct record_read *read, uint32_t bad_delta)
{
	int result = check_header(read);

	return result ? result : corrupt(read, bad_delta, "the bytes do not match their checksum");
}

/*
 * One read in the usual cases: what is asked for ends with the record, or with
 * a piece. Otherwise the head of the last piece tells how much more there is
 * to read for its checksum.
 */
static int read_record(const struct record_read *read)
{
	struct segment_record record = {
		.tag = *read->expect,
		.segment = read->segment->number,
		.record = read->at,
		.length = read->delta + read->length,
	};
	struct fault fault;
	int result;

	if (!read->length || (uint64_t)read->delta + read->length > SEGMENT_DATA_MAX)
		return corrupt(read, 0, "the index names more than a record can hold");
	result = read_pieces(read, &record, &fault);
	if (result == -EBADMSG && fault.longer) {
		record.length = fault.longer;
		result = read_pieces(read, &record, &fault);
	}
	return result == -EBADMSG ? explain(read, fault.delta) : result;
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
	result = bytes ? 0 : check_header(&read);
	if (!result)
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
	segment_put(segments, segment);
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
		segment_discount_locked(segments, segment);
		segment->size = (uint64_t)offset + length;
		segment_count_locked(segments, segment);
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
