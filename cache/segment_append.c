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
static int allocate(struct segments *segments, struct segment_record *record, uint32_t bytes,
		    struct segment **segment_out, bool *opened_out)
{
	enum segment_class class = record->tag.class;
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
		segment->size += bytes;
		segments->allocated[class] += bytes;
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
		segment->size -= bytes;
		segments->allocated[segment->class] -= bytes;
	}
	segment_put_locked(segments, segment);
	lock_release(&segments->lock);
}

static void finish(struct segments *segments, struct segment *segment)
{
	lock_acquire(&segments->lock);
	segment->appended++;
	segment->last_used = ++segments->tick;
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

/* pwritev(2) of head and data; the rest of a partial write follows. */
static int write_record(struct segments *segments, const struct segment *segment, int fd,
			const struct segment_record *record, const uint8_t *head, size_t head_bytes,
			const void *data)
{
	struct iovec iov[2] = { { (void *)head, head_bytes }, { (void *)data, record->length } };
	size_t done;
	ssize_t n;
	int result = 0;

	do {
		n = disk_pwritev(fd, iov, 2, record->record);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return segment_file_failed(segments, segment->number, errno, "write",
					   head_bytes + record->length);
	done = (size_t)n;
	if (done < head_bytes)
		result = segment_file_write(segments, segment, fd, record->record + done,
					    head + done, head_bytes - done);
	done = done < head_bytes ? 0 : done - head_bytes;
	if (!result && done < record->length)
		result = segment_file_write(segments, segment, fd,
					    record->record + head_bytes + done,
					    (const uint8_t *)data + done, record->length - done);
	return result;
}

int segments_append(struct segments *segments, const struct segment_tag *tag, const void *bytes,
		    uint32_t length, struct segment_place *out)
{
	struct segment_record record = { .tag = *tag, .length = length };
	uint32_t head_bytes = segment_head_bytes(tag->offset, length);
	uint8_t head[SEGMENT_HEAD_MAX];
	struct segment *segment;
	bool opened;
	int result, fd;

	assert(length && length <= SEGMENT_DATA_MAX && !segments->read_only);
	assert(tag->class == SEGMENT_CLASS_WRITTEN || tag->class == SEGMENT_CLASS_FETCHED);
	segment_record_sum(&record, bytes, head);
	result = allocate(segments, &record, head_bytes + length, &segment, &opened);
	if (result)
		return result;
	segment_record_encode(&record, head);
	fd = segment_file_use(segments, segment);
	result = fd < 0 ? fd : 0;
	if (!result) {
		result = write_record(segments, segment, fd, &record, head, head_bytes, bytes);
		segment_file_release(segments, segment);
	}
	if (result) {
		give_up(segments, segment, record.record, head_bytes + length);
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
