/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the directory of segments, and the restart. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/segment_int.h"

/* True for the name of a segment's file. */
static bool parse_name(const char *name, uint64_t *number_out)
{
	char expected[SEGMENT_NAME_BYTES];

	if (sscanf(name, "%16" SCNx64, number_out) != 1 || !*number_out)
		return false;
	segment_file_name(*number_out, expected);
	return !strcmp(name, expected);
}

static int add_file_locked(struct segments *segments, const char *name, uint64_t number)
{
	struct segment *segment;
	struct stat st;

	lock_assert_held(&segments->lock);
	if (fstatat(segments->directory_fd, name, &st, 0))
		return err_set_errno(-ERR_local_io, errno, "cannot look at %s/%s",
				     segments->directory, name);
	segment = segment_add_locked(segments, number);
	segment->state = SEGMENT_SEALED;
	segment->size = (uint64_t)st.st_size;
	segment_count_locked(segments, segment);
	return 0;
}

static int scan_directory(struct segments *segments)
{
	int fd = openat(segments->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	uint64_t number;
	int result = 0;

	if (!dir)
		return err_set_errno(-ERR_local_io, errno, "cannot list %s", segments->directory);
	lock_acquire(&segments->lock);
	while (!result) {
		errno = 0;
		entry = readdir(dir);
		if (entry && parse_name(entry->d_name, &number))
			result = add_file_locked(segments, entry->d_name, number);
		if (!entry)
			break;
	}
	if (!entry && errno)
		result = err_set_errno(-ERR_local_io, errno, "cannot list %s", segments->directory);
	lock_release(&segments->lock);
	closedir(dir);
	return result;
}

int segments_open(const struct segments_conf *conf, struct segments **out)
{
	struct segments *segments = xcalloc(1, sizeof(*segments));
	int result;

	assert(conf->segment_bytes <= SEGMENT_BYTES_MAX);
	lock_init(&segments->lock, LOCK_RANK_SEGMENT);
	condition_init(&segments->changed);
	segments->directory = xstrdup(conf->directory);
	segments->segment_bytes = conf->segment_bytes ? conf->segment_bytes : SEGMENT_BYTES_DEFAULT;
	segments->read_only = conf->read_only;
	segments->next_number = 1;
	if (!conf->read_only)
		mkdir(conf->directory, 0700);
	segments->directory_fd = open(conf->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (segments->directory_fd < 0)
		result = err_set_errno(-ERR_local_io, errno, "cannot open %s", conf->directory);
	else
		result = scan_directory(segments);
	if (result)
		segments_close(segments);
	else
		*out = segments;
	return result;
}

void segments_close(struct segments *segments)
{
	size_t i;

	if (!segments)
		return;
	for (i = 0; i < segments->count; i++) {
		if (segments->table[i]->fd >= 0)
			close(segments->table[i]->fd);
		free(segments->table[i]);
	}
	if (segments->directory_fd >= 0)
		close(segments->directory_fd);
	lock_destroy(&segments->lock);
	condition_destroy(&segments->changed);
	free(segments->table);
	free(segments->gone);
	free(segments->directory);
	free(segments);
}

static void set_class_locked(struct segments *segments, struct segment *segment,
			     enum segment_class class)
{
	segment_discount_locked(segments, segment);
	segment->class = class;
	segment_count_locked(segments, segment);
}

void segments_load(struct segments *segments, uint64_t number, const struct segment_row *row)
{
	struct segment *segment;

	lock_acquire(&segments->lock);
	segment = segment_find_or_lost_locked(segments, number);
	segment_discount_locked(segments, segment);
	segment->class = row->class;
	segment->live = row->live;
	segment->dirty = row->dirty;
	segment_count_locked(segments, segment);
	segments->live_bytes += row->live;
	atomic_fetch_add(&segments->dirty_bytes, (int64_t)row->dirty);
	lock_release(&segments->lock);
}

static int first_class(const struct segment_tag *tag, uint32_t record, uint32_t length, void *arg)
{
	(void)record;
	(void)length;
	*(enum segment_class *)arg = tag->class;
	return 1;
}

void segment_learn_class(struct segments *segments, uint64_t number, int64_t dirty)
{
	/* A power cut may have taken the record. */
	enum segment_class class = dirty > 0 ? SEGMENT_CLASS_WRITTEN : SEGMENT_CLASS_FETCHED;
	struct segment *segment;
	bool known;

	lock_acquire(&segments->lock);
	segment = segment_find_locked(segments, number);
	known = !segment || segment->class != SEGMENT_CLASS_INVALID;
	lock_release(&segments->lock);
	if (known)
		return;
	segment_scan(segments, number, first_class, &class);
	lock_acquire(&segments->lock);
	set_class_locked(segments, segment, class);
	lock_release(&segments->lock);
}

int segments_start(struct segments *segments)
{
	size_t i;

	lock_acquire(&segments->lock);
	atomic_store(&segments->started, true);
	for (i = segments->count; i-- > 0;) {
		struct segment *segment = segments->table[i];

		if (segment->class == SEGMENT_CLASS_INVALID) /* of no use to anybody */
			set_class_locked(segments, segment, SEGMENT_CLASS_WRITTEN);

		if (segment->state == SEGMENT_LOST && segment->live)
			log_error("segment %s/%016" PRIx64 ".seg is missing: %" PRIu64
				  " bytes, of which %" PRIu64 " were in no pack, cannot be read",
				  segments->directory, segment->number, segment->live,
				  segment->dirty);
		segment_settle_locked(segments, segment);
	}
	lock_release(&segments->lock);
	return 0;
}
