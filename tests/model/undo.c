/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/undo.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buffer.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"

#define SECTOR	       512
#define PATH_MAX_BYTES 512

/* A write that is not durable. */
struct old_bytes {
	struct old_bytes *older;
	uint64_t offset;
	size_t length;
	uint64_t file_size; /* before the write */
	bool lost;	    /* a sync of it failed */
	size_t kept;	    /* bytes there were */
	uint8_t bytes[];
};

struct undo_file {
	struct undo_file *next;
	dev_t device;
	ino_t ino;
	int fd;
	struct old_bytes *newest;
};

/* A change of a name that is not durable. */
struct undo_name {
	struct undo_name *older;
	enum disk_call call;
	char directory[PATH_MAX_BYTES];
	char path[PATH_MAX_BYTES];
	char to[PATH_MAX_BYTES];    /* DISK_RENAME */
	char saved[PATH_MAX_BYTES]; /* another link of what the name was before; "" */
};

static struct undo_file *files;
static struct undo_name *names;
static char *graveyard;
static unsigned int graves;

void undo_start(const char *directory)
{
	graveyard = xasprintf("%s.graves.XXXXXX", directory);
	if (!mkdtemp(graveyard))
		abort();
}

static void path_of_fd(int fd, char path[PATH_MAX_BYTES])
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX_BYTES - 1);
	path[length > 0 ? length : 0] = '\0';
}

/* Files. */

static struct undo_file *file_of(int fd, bool make)
{
	struct undo_file *file;
	struct stat st;
	char link[64];

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	for (file = files; file; file = file->next)
		if (file->device == st.st_dev && file->ino == st.st_ino)
			return file;
	if (!make)
		return NULL;
	file = xcalloc(1, sizeof(*file));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	file->fd = open(link, O_RDWR | O_CLOEXEC);
	assert(file->fd >= 0);
	file->device = st.st_dev;
	file->ino = st.st_ino;
	file->next = files;
	files = file;
	return file;
}

static void note_write(const struct disk_request *request)
{
	struct undo_file *file = file_of(request->fd, true);
	struct old_bytes *old;
	struct stat st;
	ssize_t got;

	if (!file)
		return;
	old = xcalloc(1, sizeof(*old) + request->length);
	old->offset = (uint64_t)request->offset;
	old->length = request->length;
	fstat(file->fd, &st);
	old->file_size = (uint64_t)st.st_size;
	got = pread(file->fd, old->bytes, request->length, request->offset);
	old->kept = got > 0 ? (size_t)got : 0;
	old->older = file->newest;
	file->newest = old;
}

/* Takes [from, until) off an entry; what a write in its middle leaves of its
 * end goes as well. */
static void clip(struct old_bytes *old, uint64_t from, uint64_t until)
{
	uint64_t end = old->offset + old->length;
	size_t cut;

	if (until <= old->offset || from >= end)
		return;
	if (from > old->offset) {
		old->length = from - old->offset;
	} else {
		cut = (until < end ? until : end) - old->offset;
		old->offset += cut;
		old->length -= cut;
		old->kept = old->kept > cut ? old->kept - cut : 0;
		memmove(old->bytes, old->bytes + cut, old->kept);
	}
	if (old->kept > old->length)
		old->kept = old->length;
}

/* Those that no sync failed for are durable now, and what lies below them does
 * not come back. */
static void sync_file(struct undo_file *file)
{
	struct old_bytes **link = &file->newest;
	struct old_bytes *lost;

	while (*link) {
		struct old_bytes *old = *link;

		if (old->lost && old->length) {
			link = &old->older;
			continue;
		}
		for (lost = old->older; lost && !old->lost; lost = lost->older)
			clip(lost, old->offset, old->offset + old->length);
		*link = old->older;
		free(old);
	}
}

static bool is_log(int fd)
{
	char path[PATH_MAX_BYTES];
	size_t length;

	path_of_fd(fd, path);
	length = strlen(path);
	return length > 4 &&
	       (!strcmp(path + length - 4, ".seg") || !strcmp(path + length - 4, ".wal"));
}

bool undo_sync_failed(int fd)
{
	struct undo_file *file = file_of(fd, false);
	struct old_bytes *old;

	for (old = file ? file->newest : NULL; old; old = old->older)
		old->lost = true;
	return is_log(fd);
}

static void drop_files(void)
{
	struct undo_file *file;
	struct old_bytes *old;

	while ((file = files)) {
		files = file->next;
		while ((old = file->newest)) {
			file->newest = old->older;
			free(old);
		}
		close(file->fd);
		free(file);
	}
}

/* Names. */

/* Another link of a file, if it is there. */
static void save(const char *path, char saved[PATH_MAX_BYTES])
{
	snprintf(saved, PATH_MAX_BYTES, "%s/%u", graveyard, graves++);
	if (link(path, saved))
		saved[0] = '\0';
}

static void full_path(const struct disk_request *request, const char *name,
		      char path[PATH_MAX_BYTES])
{
	char directory[PATH_MAX_BYTES];

	if (name[0] == '/') {
		snprintf(path, PATH_MAX_BYTES, "%s", name);
		return;
	}
	path_of_fd(request->fd, directory);
	if ((size_t)snprintf(path, PATH_MAX_BYTES, "%s/%s", directory, name) >= PATH_MAX_BYTES)
		abort();
}

static void note_name(const struct disk_request *request)
{
	struct undo_name *name = xcalloc(1, sizeof(*name));

	name->call = request->call;
	full_path(request, request->name, name->path);
	memcpy(name->directory, name->path, sizeof(name->directory));
	*strrchr(name->directory, '/') = '\0';
	if (request->call == DISK_CREATE && !access(name->path, F_OK)) {
		free(name);
		return;
	}
	if (request->call == DISK_UNLINK)
		save(name->path, name->saved);
	if (request->call == DISK_RENAME) {
		full_path(request, request->to, name->to);
		save(name->to, name->saved);
	}
	name->older = names;
	names = name;
}

static void sync_directory(const char *path)
{
	struct undo_name **link = &names;

	while (*link) {
		struct undo_name *name = *link;

		if (strcmp(name->directory, path) != 0) {
			link = &name->older;
			continue;
		}
		*link = name->older;
		if (name->saved[0])
			unlink(name->saved);
		free(name);
	}
}

static void drop_names(void)
{
	char path[PATH_MAX_BYTES];

	while (names) {
		memcpy(path, names->directory, sizeof(path));
		sync_directory(path);
	}
}

static void undo_one_name(const struct undo_name *name)
{
	switch (name->call) {
	case DISK_CREATE:
		unlink(name->path);
		break;
	case DISK_RENAME:
		if (rename(name->to, name->path))
			break;
		if (name->saved[0] && link(name->saved, name->to))
			abort();
		break;
	default:
		/* The hook saw it, the call may not have been made. */
		if (name->saved[0] && link(name->saved, name->path) && access(name->path, F_OK))
			abort();
	}
}

void undo_note(const struct disk_request *request)
{
	char path[PATH_MAX_BYTES];
	struct undo_file *file;

	switch (request->call) {
	case DISK_WRITE:
		note_write(request);
		break;
	case DISK_CREATE:
	case DISK_RENAME:
	case DISK_UNLINK:
		note_name(request);
		break;
	case DISK_SYNC:
		file = file_of(request->fd, false);
		if (file) {
			sync_file(file);
		} else {
			path_of_fd(request->fd, path);
			sync_directory(path);
		}
		break;
	default:
		break;
	}
}

/* The cut. */

enum fate { KEEP, LOSE, MIX };

static bool stays(enum fate fate, uint64_t *noise)
{
	if (fate == MIX)
		return noise_next(noise) >> 63;
	return fate == KEEP;
}

/* The old bytes of one sector, as far as the write covered it. */
static void undo_sector(const struct undo_file *file, const struct old_bytes *old, uint64_t sector)
{
	static const uint8_t zeros[SECTOR];
	uint64_t from = sector * SECTOR > old->offset ? sector * SECTOR - old->offset : 0;
	uint64_t until = (sector + 1) * SECTOR - old->offset;
	const uint8_t *bytes = old->bytes + from;

	if (until > old->length)
		until = old->length;
	if (from >= old->kept)
		bytes = zeros;
	if (pwrite(file->fd, bytes, until - from, (off_t)(old->offset + from)) < 0)
		abort();
}

static void undo_file(const struct undo_file *file, uint64_t *noise)
{
	enum fate fate = (enum fate)(noise_next(noise) >> 33) % 3;
	const struct old_bytes *old;
	uint64_t size = UINT64_MAX;
	uint8_t *settled;
	struct stat st;

	fstat(file->fd, &st);
	settled = xcalloc(1, (size_t)st.st_size / SECTOR + 2);
	for (old = file->newest; old; old = old->older) {
		uint64_t sector = old->offset / SECTOR;

		for (; sector * SECTOR < old->offset + old->length &&
		       sector * SECTOR < (uint64_t)st.st_size;
		     sector++) {
			if (settled[sector])
				continue;
			settled[sector] = stays(fate, noise);
			if (!settled[sector])
				undo_sector(file, old, sector);
		}
		size = old->file_size;
	}
	if (fate == LOSE && size < (uint64_t)st.st_size && ftruncate(file->fd, (off_t)size))
		abort();
	free(settled);
}

static void undo_names(uint64_t *noise)
{
	struct undo_name *name;
	size_t count = 0;
	size_t lost;

	for (name = names; name; name = name->older)
		count++;
	lost = count ? (noise_next(noise) >> 33) % (count + 1) : 0;
	for (name = names; lost; name = name->older, lost--)
		undo_one_name(name);
}

void undo_some(uint64_t seed)
{
	uint64_t noise = seed;
	const struct undo_file *file;

	for (file = files; file; file = file->next)
		undo_file(file, &noise);
	undo_names(&noise);
	drop_files();
	drop_names();
}

void undo_forget(void)
{
	drop_files();
	drop_names();
}

void undo_stop(void)
{
	undo_forget();
	scratch_remove(graveyard);
	graveyard = NULL;
}
