/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of segments. A descriptor that is not in use may be closed when
 * there are many, unless bytes behind it are not flushed: the kernel tells a
 * failed write-back to descriptors that were open at the time.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "backend/base/crash.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "cache/segment_int.h"

void segment_file_name(uint64_t number, char name[SEGMENT_NAME_BYTES])
{
	snprintf(name, SEGMENT_NAME_BYTES, "%016" PRIx64 ".seg", number);
}

int segment_file_failed(struct segments *segments, uint64_t number, int errnum, const char *verb,
			uint64_t wanted)
{
	char name[SEGMENT_NAME_BYTES];

	segment_file_name(number, name);
	if (errnum == ENOSPC || errnum == EDQUOT)
		return err_set_errno(-ERR_cache_full, errnum,
				     "cannot %s segment %s/%s (%" PRIu64
				     " bytes wanted): make room "
				     "on that file system, or mount with a smaller --cache-size",
				     verb, segments->directory, name, wanted);
	return err_set_errno(-ERR_local_io, errnum, "cannot %s segment %s/%s", verb,
			     segments->directory, name);
}

int segment_file_make(struct segments *segments, uint64_t number)
{
	char name[SEGMENT_NAME_BYTES];
	int fd;

	segment_file_name(number, name);
	fd = disk_create(segments->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return segment_file_failed(segments, number, errno, "make", 0);
	close(fd);
	CRASH_POINT(segment_made);
	if (disk_fsync(segments->directory_fd))
		return segment_file_failed(segments, number, errno, "make", 0);
	return 0;
}

static bool may_close_locked(const struct segment *segment)
{
	return segment->fd >= 0 && !segment->fd_users && segment->state != SEGMENT_OPEN &&
	       segment->flushed == segment->appended;
}

/* Closes the descriptor that was not used for the longest time. */
static void close_one_locked(struct segments *segments)
{
	struct segment *oldest = NULL;
	size_t i;

	lock_assert_held(&segments->lock);
	for (i = 0; i < segments->count; i++) {
		struct segment *segment = segments->table[i];

		if (may_close_locked(segment) && (!oldest || segment->fd_used < oldest->fd_used))
			oldest = segment;
	}
	if (!oldest)
		return;
	close(oldest->fd);
	oldest->fd = -1;
	segments->open_files--;
}

static int open_file(struct segments *segments, uint64_t number)
{
	char name[SEGMENT_NAME_BYTES];
	int fd;

	segment_file_name(number, name);
	fd = openat(segments->directory_fd, name,
		    (segments->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(-ERR_segment_corrupt, "segment %s/%s is missing",
			       segments->directory, name);
	if (fd < 0)
		return segment_file_failed(segments, number, errno, "open", 0);
	return fd;
}

int segment_file_use(struct segments *segments, struct segment *segment)
{
	int opened = -1;
	int fd;

	lock_acquire(&segments->lock);
	if (segment->fd < 0) {
		lock_release(&segments->lock);
		opened = open_file(segments, segment->number);
		if (opened < 0)
			return opened;
		lock_acquire(&segments->lock);
		if (segment->fd < 0) {
			segment->fd = opened;
			opened = -1;
			segments->open_files++;
		}
	}
	segment->fd_users++;
	segment->fd_used = ++segments->tick;
	fd = segment->fd;
	if (segments->open_files > SEGMENT_FILES_MAX)
		close_one_locked(segments);
	lock_release(&segments->lock);
	if (opened >= 0)
		close(opened);
	return fd;
}

void segment_file_release(struct segments *segments, struct segment *segment)
{
	lock_acquire(&segments->lock);
	assert(segment->fd_users > 0);
	segment->fd_users--;
	lock_release(&segments->lock);
}

int segment_file_read(struct segments *segments, const struct segment *segment, int fd,
		      uint64_t offset, void *bytes, size_t length, size_t *got_out)
{
	size_t got = 0;
	ssize_t n;

	while (got < length) {
		n = disk_pread(fd, (char *)bytes + got, length - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return segment_file_failed(segments, segment->number, errno, "read", 0);
		if (!n)
			break;
		got += (size_t)n;
	}
	*got_out = got;
	return 0;
}

int segment_file_write(struct segments *segments, const struct segment *segment, int fd,
		       uint64_t offset, const void *bytes, size_t length)
{
	size_t done = 0;
	ssize_t n;

	while (done < length) {
		n = disk_pwrite(fd, (const char *)bytes + done, length - done,
				(off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return segment_file_failed(segments, segment->number, n ? errno : ENOSPC,
						   "write", length);
		done += (size_t)n;
	}
	return 0;
}
