/* SPDX-License-Identifier: Apache-2.0 */
/* The table of segments: states, counters, pins, reclaim. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/crash.h"
#include "backend/base/disk.h"
#include "backend/base/log.h"
#include "cache/segment_int.h"

/* The place of the first segment with at least this number. */
static size_t table_place_locked(struct segments *segments, uint64_t number)
{
	size_t low = 0;
	size_t high = segments->count;

	lock_assert_held(&segments->lock);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (segments->table[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct segment *segment_find_locked(struct segments *segments, uint64_t number)
{
	size_t place = table_place_locked(segments, number);

	if (place == segments->count || segments->table[place]->number != number)
		return NULL;
	return segments->table[place];
}

struct segment *segment_add_locked(struct segments *segments, uint64_t number)
{
	size_t place = table_place_locked(segments, number);
	struct segment *segment = xcalloc(1, sizeof(*segment));

	if (segments->count == segments->capacity) {
		segments->capacity = segments->capacity ? segments->capacity * 2 : 64;
		segments->table =
			xrealloc(segments->table, segments->capacity * sizeof(*segments->table));
	}
	memmove(segments->table + place + 1, segments->table + place,
		(segments->count - place) * sizeof(*segments->table));
	segments->table[place] = segment;
	segments->count++;
	segment->number = number;
	segment->position = number;
	segment->fd = -1;
	if (number >= segments->next_number)
		segments->next_number = number + 1;
	return segment;
}

/* Its row is to be deleted at the next segments_put_rows(). */
static void note_gone_locked(struct segments *segments, uint64_t number)
{
	if (segments->gone_count == segments->gone_capacity) {
		segments->gone_capacity =
			segments->gone_capacity ? segments->gone_capacity * 2 : 16;
		segments->gone =
			xrealloc(segments->gone, segments->gone_capacity * sizeof(*segments->gone));
	}
	segments->gone[segments->gone_count++] = number;
}

static void table_remove_locked(struct segments *segments, struct segment *segment)
{
	size_t place = table_place_locked(segments, segment->number);

	assert(segments->table[place] == segment && !segment->pins);
	segment_discount_locked(segments, segment);
	memmove(segments->table + place, segments->table + place + 1,
		(segments->count - place - 1) * sizeof(*segments->table));
	segments->count--;
	if (segment->row_changed)
		note_gone_locked(segments, segment->number);
	if (segment->fd >= 0) {
		close(segment->fd);
		segments->open_files--;
	}
	free(segment);
}

/* A sum that is changed with the sign of `one`; unsigned sums wrap as they should. */
static void count(struct segments *segments, const struct segment *segment, uint64_t one)
{
	struct segments_sums *sums = &segments->sums;

	lock_assert_held(&segments->lock);
	if (segment->state == SEGMENT_DOOMED) {
		atomic_fetch_add(&sums->doomed, one * segment->size);
		return;
	}
	atomic_fetch_add(&sums->allocated[segment->class], one * segment->size);
	if (segment->dirty && segment->state != SEGMENT_LOST) {
		atomic_fetch_add(&sums->kept, one * segment->size);
		atomic_fetch_add(&sums->kept_live, one * segment->live);
	}
}

void segment_count_locked(struct segments *segments, const struct segment *segment)
{
	count(segments, segment, 1);
}

void segment_discount_locked(struct segments *segments, const struct segment *segment)
{
	count(segments, segment, -1ull);
}

void segment_settle_locked(struct segments *segments, struct segment *segment)
{
	lock_assert_held(&segments->lock);
	if (segment->state == SEGMENT_DOOMED && segment->live) {
		segment_discount_locked(segments, segment);
		segment->state = SEGMENT_SEALED;
		segment_count_locked(segments, segment);
		segments->doomed_waiting--;
	}
	if (!segments->started || segment->live || segment->pins)
		return;
	if (segment->state == SEGMENT_SEALED) {
		segment_discount_locked(segments, segment);
		segment->state = SEGMENT_DOOMED;
		segment_count_locked(segments, segment);
		segment->doomed_number = ++segments->doomed_count;
		segments->doomed_waiting++;
	} else if (segment->state == SEGMENT_LOST) {
		table_remove_locked(segments, segment);
	}
}

void segment_seal_locked(struct segments *segments, struct segment *segment)
{
	assert(segment->state == SEGMENT_OPEN);
	segments->open[segment->class] = NULL;
	segment->state = SEGMENT_SEALED;
	segment_settle_locked(segments, segment);
}

static struct segment *get_but(struct segments *segments, uint64_t number,
			       enum segment_state refused)
{
	struct segment *segment;

	lock_acquire(&segments->lock);
	segment = segment_find_locked(segments, number);
	if (segment && (segment->state == SEGMENT_LOST || segment->state == refused))
		segment = NULL;
	if (segment)
		segment->pins++;
	lock_release(&segments->lock);
	return segment;
}

struct segment *segment_get(struct segments *segments, uint64_t number)
{
	return get_but(segments, number, SEGMENT_DOOMED);
}

struct segment *segment_get_file(struct segments *segments, uint64_t number)
{
	return get_but(segments, number, SEGMENT_LOST);
}

void segment_put_locked(struct segments *segments, struct segment *segment)
{
	assert(segment->pins > 0);
	segment->pins--;
	segment_settle_locked(segments, segment);
}

void segment_put(struct segments *segments, struct segment *segment)
{
	lock_acquire(&segments->lock);
	segment_put_locked(segments, segment);
	lock_release(&segments->lock);
}

int segment_pin(struct segments *segments, uint64_t number)
{
	return segment_get(segments, number) ? 0 : -ENOENT;
}

void segment_unpin(struct segments *segments, uint64_t number)
{
	struct segment *segment;

	lock_acquire(&segments->lock);
	segment = segment_find_locked(segments, number);
	assert(segment);
	segment_put_locked(segments, segment);
	lock_release(&segments->lock);
}

/* The segment that a row names; one whose file is gone becomes LOST. */
struct segment *segment_find_or_lost_locked(struct segments *segments, uint64_t number)
{
	struct segment *segment = segment_find_locked(segments, number);

	if (!segment) {
		segment = segment_add_locked(segments, number);
		segment->state = SEGMENT_LOST;
		segment->class = SEGMENT_CLASS_WRITTEN;
	}
	return segment;
}

/* A counter in bytes plus a change; rows that disagree cannot make it wrap. */
static uint64_t count_change(const struct segment *segment, const char *what, uint64_t before,
			     int64_t change)
{
	if (change >= 0 || before >= (uint64_t)-change)
		return before + (uint64_t)change;
	log_error("segment %016" PRIx64 ": %s bytes fall from %" PRIu64 " by %" PRId64
		  ": the counters of the index are wrong; nothing is dropped for it",
		  segment->number, what, before, -change);
	return 0;
}

void segments_use(struct segments *segments, uint64_t number, int64_t live, int64_t dirty)
{
	struct segment *segment;
	uint64_t live_before, dirty_before;
	bool replaying = !atomic_load(&segments->started);

	if (replaying)
		segment_learn_class(segments, number, dirty);
	lock_acquire(&segments->lock);
	segment = segment_find_or_lost_locked(segments, number);
	live_before = segment->live;
	dirty_before = segment->dirty;
	segment_discount_locked(segments, segment);
	segment->live = count_change(segment, "live", live_before, live);
	segment->dirty = count_change(segment, "dirty", dirty_before, dirty);
	segment_count_locked(segments, segment);
	segments->live_bytes += segment->live - live_before;
	atomic_fetch_add(&segments->dirty_bytes, (int64_t)(segment->dirty - dirty_before));
	segment->row_changed = true;
	/* A killed process may have left these bytes unflushed. */
	if (replaying && live > 0)
		segment->appended = segment->flushed + 1;
	segment_settle_locked(segments, segment);
	lock_release(&segments->lock);
}

void segments_put_rows(struct segments *segments, struct batch *batch)
{
	struct buffer value = BUFFER_INIT;
	struct segment_row row;
	struct row_key key;
	size_t i;

	lock_acquire(&segments->lock);
	for (i = 0; i < segments->count; i++) {
		struct segment *segment = segments->table[i];

		if (!segment->row_changed)
			continue;
		segment->row_changed = false;
		key_segment(&key, segment->number);
		if (!segment->live) {
			batch_delete(batch, &key, ROW_LOCAL);
			continue;
		}
		row.class = segment->class;
		row.live = segment->live;
		row.dirty = segment->dirty;
		buffer_clear(&value);
		row_put_segment(&value, &row);
		batch_put(batch, &key, &value, ROW_LOCAL);
	}
	for (i = 0; i < segments->gone_count; i++) {
		key_segment(&key, segments->gone[i]);
		batch_delete(batch, &key, ROW_LOCAL);
	}
	segments->gone_count = 0;
	lock_release(&segments->lock);
	buffer_release(&value);
}

uint64_t segments_doomed_mark(struct segments *segments)
{
	uint64_t mark;

	lock_acquire(&segments->lock);
	mark = segments->doomed_count;
	lock_release(&segments->lock);
	return mark;
}

/* The next DOOMED one with doomed_number <= mark that may go. The file with
 * the highest number stays: it tells the next start which numbers were used. */
static struct segment *next_doomed_locked(struct segments *segments, uint64_t mark)
{
	uint64_t highest = segments->spare;
	struct segment *segment;
	size_t i;

	lock_assert_held(&segments->lock);
	if (!segments->doomed_waiting)
		return NULL;
	for (i = segments->count; i-- > 0;) {
		segment = segments->table[i];
		if (segment->state == SEGMENT_DOOMED && segment->doomed_number <= mark &&
		    segment->number < highest && !segment->pins)
			return segment;
		if (segment->state != SEGMENT_LOST && segment->number > highest)
			highest = segment->number;
	}
	return NULL;
}

bool segments_have_doomed(struct segments *segments)
{
	bool have;

	lock_acquire(&segments->lock);
	have = next_doomed_locked(segments, UINT64_MAX) != NULL;
	lock_release(&segments->lock);
	return have;
}

void segments_unlink_doomed(struct segments *segments, uint64_t mark)
{
	char name[SEGMENT_NAME_BYTES];
	struct segment *segment;

	if (segments->read_only)
		return;
	lock_acquire(&segments->lock);
	while ((segment = next_doomed_locked(segments, mark))) {
		segment_file_name(segment->number, name);
		segments->doomed_waiting--;
		table_remove_locked(segments, segment);
		lock_release(&segments->lock);
		CRASH_POINT(segment_unlinking);
		if (disk_unlink(segments->directory_fd, name) && errno != ENOENT)
			log_warn("cannot remove %s/%s: %s", segments->directory, name,
				 strerror(errno));
		CRASH_POINT(segment_unlinked);
		lock_acquire(&segments->lock);
	}
	lock_release(&segments->lock);
}

size_t segments_list(struct segments *segments, struct segment_info **out)
{
	struct segment_info *infos;
	size_t count = 0;
	size_t i;

	lock_acquire(&segments->lock);
	infos = xcalloc(segments->count + 1, sizeof(*infos));
	for (i = 0; i < segments->count; i++) {
		const struct segment *segment = segments->table[i];

		if (segment->state == SEGMENT_DOOMED || segment->state == SEGMENT_LOST)
			continue;
		infos[count++] = (struct segment_info){
			.number = segment->number,
			.class = segment->class,
			.size = segment->size,
			.live = segment->live,
			.dirty = segment->dirty,
			.open = segment->state == SEGMENT_OPEN,
			.pinned = segment->pins != 0,
			.kept = segment->kept || segment->class == SEGMENT_CLASS_KEPT,
			.position = segment->position,
		};
	}
	lock_release(&segments->lock);
	*out = infos;
	return count;
}

int segments_seal(struct segments *segments, enum segment_class class)
{
	lock_acquire(&segments->lock);
	if (segments->open[class])
		segment_seal_locked(segments, segments->open[class]);
	lock_release(&segments->lock);
	return 0;
}

static uint64_t fetched_bytes(const struct segments_sums *sums)
{
	return atomic_load(&sums->allocated[SEGMENT_CLASS_FETCHED]) +
	       atomic_load(&sums->allocated[SEGMENT_CLASS_KEPT]);
}

void segments_stats_get(struct segments *segments, struct segments_stats *out)
{
	lock_acquire(&segments->lock);
	out->segments = segments->count;
	out->written_bytes = segments->sums.allocated[SEGMENT_CLASS_WRITTEN];
	out->fetched_bytes = fetched_bytes(&segments->sums);
	out->live_bytes = segments->live_bytes;
	out->flushes_total = segments->flushes_total;
	lock_release(&segments->lock);
	out->dirty_bytes = segments_dirty_bytes(segments);
}

void segments_room_get(const struct segments *segments, struct segments_room *out)
{
	const struct segments_sums *sums = &segments->sums;
	uint64_t kept_live = atomic_load(&sums->kept_live);

	out->written_bytes = atomic_load(&sums->allocated[SEGMENT_CLASS_WRITTEN]);
	out->fetched_bytes = fetched_bytes(sums);
	out->doomed_bytes = atomic_load(&sums->doomed);
	out->kept_bytes = atomic_load(&sums->kept);
	/* They are read one by one, while they change. */
	out->dead_bytes = out->kept_bytes > kept_live ? out->kept_bytes - kept_live : 0;
}

uint64_t segments_dying_bytes(struct segments *segments)
{
	uint64_t bytes = 0;
	size_t i;

	lock_acquire(&segments->lock);
	for (i = 0; i < segments->count; i++) {
		const struct segment *segment = segments->table[i];

		if (segment->state == SEGMENT_SEALED && !segment->live)
			bytes += segment->size;
	}
	lock_release(&segments->lock);
	return bytes;
}

void segments_requeue(struct segments *segments, uint64_t number)
{
	struct segment *segment;

	lock_acquire(&segments->lock);
	segment = segment_find_locked(segments, number);
	if (segment) {
		segment->position = segments->next_number;
		segment->kept = true;
		if (segment->class == SEGMENT_CLASS_FETCHED && segment->state == SEGMENT_SEALED) {
			segment_discount_locked(segments, segment);
			segment->class = SEGMENT_CLASS_KEPT;
			segment_count_locked(segments, segment);
			segment->row_changed = true;
		}
	}
	lock_release(&segments->lock);
}

uint64_t segments_dirty_bytes(struct segments *segments)
{
	int64_t bytes = atomic_load(&segments->dirty_bytes);

	return bytes > 0 ? (uint64_t)bytes : 0;
}

uint64_t segments_size(const struct segments *segments)
{
	return segments->segment_bytes;
}
