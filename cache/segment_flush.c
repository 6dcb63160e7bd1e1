/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durability of segment bytes. Each segment counts the records that were
 * appended to it and how many of these the last fdatasync(2) covered. One
 * thread at a time flushes a segment; others that need no more than it covers
 * share its result.
 *
 * After a failed fdatasync the kernel may have dropped the bytes and calls
 * them clean: no later success can be believed, so the failure stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "cache/segment_int.h"
#include "cache/unsynced.h"

static int failed_locked(struct segments *segments)
{
	lock_assert_held(&segments->lock);
	if (!segments->flush_code)
		return 0;
	return err_set(segments->flush_code, "%s", segments->flush_message);
}

static void note_failure_locked(struct segments *segments, int code)
{
	if (segments->flush_code)
		return;
	segments->flush_code = code;
	snprintf(segments->flush_message, sizeof(segments->flush_message), "%s", err_message(code));
}

static int sync_file(struct segments *segments, struct segment *segment)
{
	int fd = segment_file_use(segments, segment);
	int result = 0;

	if (fd < 0)
		return fd;
	if (disk_fdatasync(fd)) {
		result =
			err_set_errno(-ERR_local_io, errno,
				      "cannot make segment %s/%016" PRIx64
				      ".seg durable: the disk may have lost bytes of it; check the "
				      "disk, then mount again",
				      segments->directory, segment->number);
		unsynced_note(segments->directory);
	}
	segment_file_release(segments, segment);
	return result;
}

/* Flushes a pinned segment up to what was appended by now. */
static int flush_pinned(struct segments *segments, struct segment *segment)
{
	uint64_t target, covered;
	int result;

	lock_acquire(&segments->lock);
	target = segment->appended;
	for (;;) {
		result = failed_locked(segments);
		if (result || segment->flushed >= target)
			break;
		if (segment->flushing) {
			condition_wait(&segments->changed, &segments->lock);
			continue;
		}
		segment->flushing = true;
		covered = segment->appended;
		lock_release(&segments->lock);
		result = sync_file(segments, segment);
		lock_acquire(&segments->lock);
		segment->flushing = false;
		segments->flushes_total++;
		if (result)
			note_failure_locked(segments, result);
		else
			segment->flushed = covered;
		condition_broadcast(&segments->changed);
	}
	lock_release(&segments->lock);
	return result;
}

/* Lets the disk begin with all of them before the first is waited for. */
static void begin_writeback(struct segments *segments, struct segment **dirty, size_t count)
{
	size_t i;
	int fd;

	for (i = 0; i < count && count > 1; i++) {
		fd = segment_file_use(segments, dirty[i]);
		if (fd < 0)
			continue;
		/* Advice: failures show in fdatasync(2). */
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		segment_file_release(segments, dirty[i]);
	}
}

/* Segments with unflushed records, pinned. DOOMED ones are among them. */
static size_t collect_unflushed(struct segments *segments, struct segment ***out)
{
	struct segment **dirty;
	size_t count = 0;
	size_t i;

	lock_acquire(&segments->lock);
	dirty = xcalloc(segments->count, sizeof(*dirty));
	for (i = 0; i < segments->count; i++) {
		struct segment *segment = segments->table[i];

		if (segment->state == SEGMENT_LOST || segment->flushed == segment->appended)
			continue;
		segment->pins++;
		dirty[count++] = segment;
	}
	lock_release(&segments->lock);
	*out = dirty;
	return count;
}

int segments_flush(struct segments *segments)
{
	struct segment **dirty;
	size_t count, i;
	int result;

	lock_acquire(&segments->lock);
	result = failed_locked(segments);
	lock_release(&segments->lock);
	if (result)
		return result;
	count = collect_unflushed(segments, &dirty);
	begin_writeback(segments, dirty, count);
	for (i = 0; i < count; i++) {
		if (!result)
			result = flush_pinned(segments, dirty[i]);
		segment_put(segments, dirty[i]);
	}
	free(dirty);
	return result;
}

int segment_flush(struct segments *segments, uint64_t number)
{
	struct segment *segment;
	int result;

	lock_acquire(&segments->lock);
	result = failed_locked(segments);
	lock_release(&segments->lock);
	segment = segment_get_file(segments, number);
	if (!segment)
		return result;
	if (!result)
		result = flush_pinned(segments, segment);
	segment_put(segments, segment);
	return result;
}
