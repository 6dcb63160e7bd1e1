/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/power/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/power/subset.h"

struct unflushed {
	struct unflushed *next;
	off_t offset;
	size_t length;
	uint8_t bytes[];
};

static int write_all(int fd, const uint8_t *bytes, size_t length, off_t offset)
{
	while (length) {
		ssize_t done = pwrite(fd, bytes, length, offset);

		if (done < 0)
			return -errno;
		bytes += done;
		offset += done;
		length -= (size_t)done;
	}
	return 0;
}

static int copy_range(int to, int from, off_t offset, off_t end)
{
	off_t place = offset;

	while (offset < end) {
		ssize_t done =
			copy_file_range(from, &offset, to, &place, (size_t)(end - offset), 0);

		if (done <= 0)
			return done ? -errno : -EIO;
	}
	return 0;
}

/* Where there are no reflinks: the data, and holes stay holes. */
static int copy_data(int to, int from, off_t size)
{
	off_t data = lseek(from, 0, SEEK_DATA);
	int result = ftruncate(to, size) ? -errno : 0;

	while (!result && data >= 0) {
		off_t hole = lseek(from, data, SEEK_HOLE);

		result = copy_range(to, from, data, hole);
		data = lseek(from, hole, SEEK_DATA);
	}
	return result;
}

/* A new file with what is in fd now: its descriptor. */
static int clone_file(const char *path, int from, off_t size)
{
	int to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int result = 0;

	if (to < 0)
		return -errno;
	if (ioctl(to, FICLONE, from))
		result = copy_data(to, from, size);
	if (!result)
		return to;
	close(to);
	return result;
}

int medium_open(struct medium *medium, const char *image)
{
	char path[4096];
	struct stat st;

	memset(medium, 0, sizeof(*medium));
	medium->newest_next = &medium->oldest;
	medium->durable_fd = open(image, O_RDWR | O_CLOEXEC);
	if (medium->durable_fd < 0 || fstat(medium->durable_fd, &st))
		return -errno;
	medium->size = st.st_size;
	snprintf(path, sizeof(path), "%s.current", image);
	medium->current_fd = clone_file(path, medium->durable_fd, medium->size);
	return medium->current_fd < 0 ? medium->current_fd : 0;
}

static void forget_all(struct medium *medium)
{
	struct unflushed *write;

	while ((write = medium->oldest)) {
		medium->oldest = write->next;
		free(write);
	}
	medium->newest_next = &medium->oldest;
	medium->unflushed_count = 0;
}

void medium_close(struct medium *medium)
{
	forget_all(medium);
	close(medium->durable_fd);
	close(medium->current_fd);
}

ssize_t medium_read(struct medium *medium, void *bytes, size_t length, off_t offset)
{
	ssize_t done = pread(medium->current_fd, bytes, length, offset);

	return done < 0 ? -errno : done;
}

ssize_t medium_write(struct medium *medium, const void *bytes, size_t length, off_t offset)
{
	struct unflushed *write = malloc(sizeof(*write) + length);
	int result;

	if (!write)
		return -ENOMEM;
	result = write_all(medium->current_fd, bytes, length, offset);
	if (result) {
		free(write);
		return result;
	}
	write->next = NULL;
	write->offset = offset;
	write->length = length;
	memcpy(write->bytes, bytes, length);
	*medium->newest_next = write;
	medium->newest_next = &write->next;
	medium->unflushed_count++;
	return (ssize_t)length;
}

int medium_flush(struct medium *medium)
{
	struct unflushed *write;
	int result = 0;

	for (write = medium->oldest; write && !result; write = write->next)
		result = write_all(medium->durable_fd, write->bytes, write->length, write->offset);
	if (!result)
		forget_all(medium);
	return result;
}

static int write_torn(int fd, const struct unflushed *write, struct subset *subset)
{
	size_t done;
	int result = 0;

	for (done = 0; done < write->length && !result; done += SECTOR_BYTES) {
		size_t left = write->length - done;

		if (subset_keeps_sector(subset))
			result = write_all(fd, write->bytes + done,
					   left < SECTOR_BYTES ? left : SECTOR_BYTES,
					   write->offset + (off_t)done);
	}
	return result;
}

int medium_cut(struct medium *medium, const char *path, uint64_t seed)
{
	struct unflushed *write;
	struct subset subset;
	int fd = clone_file(path, medium->durable_fd, medium->size);
	int result = 0;

	if (fd < 0)
		return fd;
	subset_init(&subset, seed);
	for (write = medium->oldest; write && !result; write = write->next) {
		enum fate fate = subset_next(&subset);

		if (fate == FATE_KEPT)
			result = write_all(fd, write->bytes, write->length, write->offset);
		else if (fate == FATE_TORN)
			result = write_torn(fd, write, &subset);
	}
	close(fd);
	return result;
}
