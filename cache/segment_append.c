/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending: a place is allocated under the lock, the bytes are written
 * without it. The file of the next segment is made ahead, by the thread that
 * opened the one before and after its own record is written, because making
 * it durable takes as long as a flush.
 */
#include <assert.h>
#include <errno.h>
#include <sys/uio.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/segment_int.h"
#include "cache/segment_record.h"

/* The spare file, or else a number whose file is to be made. */
static uint64_t take_number_locked(struct segments *segments, bool *made_out)
{
	uint64_t number = segments->spare;

	lock_assert_held(&segments->lock);
	*made_out = number != 0;
	segments->spare = 0;
	return number ? number : segments->next_number++;
}

/* Opens the class's next segment. The lock is released meanwhile; `opening`
 * keeps others out. */
static int open_next_locked(struct segments *segments, enum segment_class class)
{
	struct segment *segment;
	uint64_t number;
	bool made;
	int result = 0;

	lock_assert_held(&segments->lock);
	segments->opening[class] = true;
	number = take_number_locked(segments, &made);
	if (!made) {
		lock_release(&segments->lock);
		result = segment_file_make(segments, number);
		lock_acquire(&segments->lock);
	}
	if (!result) {
		if (segments->open[class])
			segment_seal_locked(segments, segments->open[class]);
		segment = segment_add_locked(segments, number);
		segment->state = SEGMENT_OPEN;
		segment->class = class;
		segments->open[class] = segment;
	}
	segments->opening[class] = false;
	condition_broadcast(&segments->changed);
	return result;
}

/* Allocates the record's place in the class's open segment, which is pinned. */
static int allocate(struct segments *segments, enum segment_class class,
		    struct segment_record *record, uint32_t bytes, struct segment **segment_out,
		    bool *opened_out)
{
	struct segment *segment;
	int result = 0;

	*opened_out = false;
	lock_acquire(&segments->lock);
	for (;;) {
		segment = segments->open[class];
		if (segment && (!segment->size || segment->size + bytes <= segments->segment_bytes))
			break;
		if (segments->opening[class]) {
			condition_wait(&segments->changed, &segments->lock);
			continue;
		}
		result = open_next_locked(segments, class);
		if (result)
			break;
		*opened_out = true;
	}
	if (!result) {
		record->segment = segment->number;
		record->record = (uint32_t)segment->size;
		segment_discount_locked(segments, segment);
		segment->size += bytes;
		segment_count_locked(segments, segment);
		segment->pins++;
		*segment_out = segment;
	}
	lock_release(&segments->lock);
	return result;
}

/* Gives up the place of a record that could not be written. When others were
 * allocated behind it, it stays as a gap. */
static void give_up(struct segments *segments, struct segment *segment, uint32_t record,
		    uint32_t bytes)
{
	lock_acquire(&segments->lock);
	if (segment->state == SEGMENT_OPEN && segment->size == (uint64_t)record + bytes) {
		segment_discount_locked(segments, segment);
		segment->size -= bytes;
		segment_count_locked(segments, segment);
	}
	segment_put_locked(segments, segment);
	lock_release(&segments->lock);
}

static void finish(struct segments *segments, struct segment *segment)
{
	lock_acquire(&segments->lock);
	segment->appended++;
	lock_release(&segments->lock);
}

static void make_spare(struct segments *segments)
{
	uint64_t number;
	int result;

	lock_acquire(&segments->lock);
	if (segments->spare || segments->making_spare) {
		lock_release(&segments->lock);
		return;
	}
	segments->making_spare = true;
	number = segments->next_number++;
	lock_release(&segments->lock);
	result = segment_file_make(segments, number);
	if (result)
		log_debug("no segment made ahead: %s", err_message(result));
	lock_acquire(&segments->lock);
	segments->making_spare = false;
	segments->spare = result ? 0 : number;
	lock_release(&segments->lock);
}

/* A record on its way to its file. */
struct record_write {
	const struct segment_record *record;
	const struct segment_pieces *pieces;
	const uint8_t *data;
	const uint8_t *header;
	const uint8_t *heads;
};

/* What is left of it from byte `done` on; the parts are few enough for one
 * call, which may not be all. */
static int remaining(const struct record_write *write, uint32_t done, struct iovec *vector)
{
	int count = 0;

	if (done < SEGMENT_HEADER_SIZE) {
		vector[count].iov_base = (void *)(write->header + done);
		vector[count++].iov_len = SEGMENT_HEADER_SIZE - done;
		done = SEGMENT_HEADER_SIZE;
	}
	return count + segment_pieces_vector(write->record, write->pieces, write->data,
					     write->heads, done - SEGMENT_HEADER_SIZE,
					     vector + count, SEGMENT_VECTOR_MAX - count);
}

static int write_record(struct segments *segments, const struct segment *segment, int fd,
			const struct record_write *write)
{
	uint32_t bytes = SEGMENT_HEADER_SIZE + segment_pieces_bytes(write->pieces);
	struct iovec vector[SEGMENT_VECTOR_MAX];
	uint32_t done = 0;
	ssize_t n;
	int count;

	while (done < bytes) {
		count = remaining(write, done, vector);
		n = disk_pwritev(fd, vector, count, (off_t)write->record->record + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return segment_file_failed(segments, segment->number, n ? errno : ENOSPC,
						   "write", bytes);
		done += (uint32_t)n;
	}
	return 0;
}

static int append(struct segments *segments, enum segment_class class,
		  const struct segment_tag *tag, const void *bytes, uint32_t length,
		  struct segment_place *out)
{
	struct segment_record record = { .tag = *tag, .length = length };
	uint32_t record_bytes = segment_record_bytes(tag->offset, length);
	struct segment_pieces pieces = segment_pieces_of(&record, 0, length);
	uint8_t header[SEGMENT_HEADER_SIZE];
	CLEANUP_FREE uint8_t *heads = xmalloc((size_t)pieces.count * SEGMENT_PIECE_HEAD);
	const struct record_write write = { &record, &pieces, bytes, header, heads };
	struct segment *segment;
	bool opened;
	int result, fd;

	assert(length && length <= SEGMENT_DATA_MAX && !segments->read_only);
	assert(tag->class == SEGMENT_CLASS_WRITTEN || tag->class == SEGMENT_CLASS_FETCHED);
	result = allocate(segments, class, &record, record_bytes, &segment, &opened);
	if (result)
		return result;
	segment_record_encode(&record, header);
	segment_pieces_sum(&record, &pieces, bytes, heads);
	fd = segment_file_use(segments, segment);
	result = fd < 0 ? fd : 0;
	if (!result) {
		result = write_record(segments, segment, fd, &write);
		segment_file_release(segments, segment);
	}
	if (result) {
		give_up(segments, segment, record.record, record_bytes);
		return result;
	}
	finish(segments, segment);
	CRASH_POINT(segment_appended);
	if (opened)
		make_spare(segments);
	out->segment = record.segment;
	out->record = record.record;
	return 0;
}

int segments_append(struct segments *segments, const struct segment_tag *tag, const void *bytes,
		    uint32_t length, struct segment_place *out)
{
	return append(segments, tag->class, tag, bytes, length, out);
}

int segments_append_chunk(struct segments *segments, enum segment_class class, uint64_t chunk,
			  const void *bytes, uint32_t length, struct segment_place *out)
{
	struct segment_tag tag = { .class = SEGMENT_CLASS_FETCHED, .number = chunk };

	assert(class == SEGMENT_CLASS_FETCHED || class == SEGMENT_CLASS_KEPT);
	return append(segments, class, &tag, bytes, length, out);
}
