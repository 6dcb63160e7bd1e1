/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/capture.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/capture_int.h"
#include "cache/ledger.h"
#include "cache/plan.h"

/* Pins. */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Every segment with bytes that are only here, before the cut is taken: what
 * the snapshot shows is then still there. */
static void pin_segments(struct capture *capture)
{
	struct segments *segments = capture->cache->segments;
	CLEANUP_FREE struct segment_info *list = NULL;
	size_t count = segments_list(segments, &list);
	size_t i;

	capture->pins = xcalloc(count + 1, sizeof(*capture->pins));
	for (i = 0; i < count; i++) {
		if (list[i].class != SEGMENT_CLASS_WRITTEN || (!list[i].dirty && !list[i].open))
			continue;
		if (!segment_pin(segments, list[i].number))
			capture->pins[capture->pins_count++] = list[i].number;
	}
}

static bool has_pin(const struct capture *capture, uint64_t segment)
{
	return capture->pins_count && bsearch(&segment, capture->pins, capture->pins_count,
					      sizeof(segment), compare_numbers);
}

/* A segment that was opened between the pins and the cut. */
static int add_pin(struct capture *capture, uint64_t segment)
{
	int result = segment_pin(capture->cache->segments, segment);

	if (result)
		return result;
	capture->pins = xrealloc(capture->pins, (capture->pins_count + 1) * sizeof(*capture->pins));
	capture->pins[capture->pins_count++] = segment;
	qsort(capture->pins, capture->pins_count, sizeof(*capture->pins), compare_numbers);
	return 0;
}

static bool is_to_upload(const struct captured_extent *extent)
{
	return extent->length && !extent->refs_count;
}

/* Keeps the pins of what will be uploaded, and no others. */
static void settle_pins(struct capture *capture)
{
	bool *needed = xcalloc(capture->pins_count + 1, sizeof(*needed));
	size_t kept = 0;
	size_t i;
	size_t j;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		for (j = 0; content->carried && j < content->extents_count; j++) {
			const struct captured_extent *extent =
				&capture->extents[content->extents_first + j];
			const uint64_t *pin;

			if (!is_to_upload(extent))
				continue;
			pin = bsearch(&extent->segment, capture->pins, capture->pins_count,
				      sizeof(*pin), compare_numbers);
			needed[pin - capture->pins] = true;
		}
	}
	for (i = 0; i < capture->pins_count; i++) {
		if (needed[i])
			capture->pins[kept++] = capture->pins[i];
		else
			segment_unpin(capture->cache->segments, capture->pins[i]);
	}
	capture->pins_count = kept;
	free(needed);
}

/* Nothing is let go when a segment is missing: the capture is taken again. */
static void pin_carried(struct capture *capture)
{
	size_t i;
	size_t j;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		for (j = 0; content->carried && j < content->extents_count; j++) {
			const struct captured_extent *extent =
				&capture->extents[content->extents_first + j];

			if (!is_to_upload(extent) || has_pin(capture, extent->segment))
				continue;
			if (add_pin(capture, extent->segment)) {
				capture->missed = true;
				return;
			}
		}
	}
	settle_pins(capture);
}

/* Choosing, and the ledger of what is not carried. */

/* Is it being written right now? */
static bool is_growing(const struct capture_conf *conf, const struct captured_content *content)
{
	struct node *node;
	bool growing;

	if (content->unstored_bytes < PLAN_RUN_BYTES_DEFAULT || content->lsn <= conf->active_lsn ||
	    content->since_ns < conf->patience_real_ns)
		return false;
	node = node_get(conf->cache->nodes, content->ino);
	rwlock_acquire_read(&node->lock);
	growing = node->content_lsn > node->version_lsn;
	rwlock_release(&node->lock);
	node_put(conf->cache->nodes, node);
	return growing;
}

static void choose_contents(const struct capture_conf *conf, struct capture *capture)
{
	struct choose_item *items = xcalloc(capture->contents_count + 1, sizeof(*items));
	size_t i;

	for (i = 0; i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		items[i].unstored_bytes = content->unstored_bytes;
		items[i].since_ns = content->since_ns;
		items[i].barrier = content->barrier;
		items[i].growing = is_growing(conf, content);
		items[i].busy = content->ino == conf->busy_ino;
	}
	capture->left = choose(&conf->choose, items, capture->contents_count);
	for (i = 0; i < capture->contents_count; i++) {
		struct captured_content *content = &capture->contents[i];

		content->carried = items[i].carried;
		content->left = items[i].left;
		if (content->carried)
			continue;
		capture->pending++;
		if (!capture->oldest_pending_ns || content->since_ns < capture->oldest_pending_ns)
			capture->oldest_pending_ns = content->since_ns;
	}
	free(items);
}

static int write_ledger(const struct capture_conf *conf, struct capture *capture,
			struct index_snapshot *snapshot)
{
	CLEANUP_BUFFER struct buffer path = BUFFER_INIT;
	CLEANUP_FREE uint64_t *inos = xcalloc(capture->pending + 1, sizeof(*inos));
	size_t count = 0;
	size_t i;
	int result;

	for (i = 0; i < capture->contents_count; i++)
		if (!capture->contents[i].carried)
			inos[count++] = capture->contents[i].ino;
	result = name_find_prepare(conf->names, snapshot, inos, count);
	for (i = 0; !result && i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];
		struct ledger_row row = {
			.ino = content->ino,
			.size = content->row.size,
			.mtime_ns = clock_from_timespec(&content->row.mtime),
			.flags = content->barrier ? LEDGER_FSYNCED : 0,
		};

		if (content->carried)
			continue;
		buffer_clear(&path);
		name_find_path(conf->names, snapshot, content->ino, &path);
		if (path.length > LEDGER_PATH_MAX) {
			memmove(path.data, path.data + path.length - LEDGER_PATH_MAX,
				LEDGER_PATH_MAX);
			path.length = LEDGER_PATH_MAX;
		}
		row.path = (const char *)path.data;
		row.path_length = path.length;
		ledger_put(&conf->ledger->run, &row);
		commit_body_added(conf->ledger);
	}
	return result;
}

static int take(const struct capture_conf *conf, struct capture *capture,
		struct index_snapshot *snapshot)
{
	int result = capture_namespace(conf, snapshot);

	if (!result)
		result = capture_contents(capture, snapshot);
	if (result)
		return result;
	choose_contents(conf, capture);
	pin_carried(capture);
	if (capture->missed || !capture->pending)
		return 0;
	return write_ledger(conf, capture, snapshot);
}

int capture_take(const struct capture_conf *conf, struct capture *out)
{
	struct index_snapshot *snapshot;
	int result;

	memset(out, 0, sizeof(*out));
	out->cache = conf->cache;
	pin_segments(out);
	result = index_snapshot_take(conf->cache->index, &snapshot, &out->cut_lsn);
	if (result)
		return result;
	out->cut_real_ns = clock_real_ns();
	index_counters_get(conf->cache->index, &out->counters);
	CRASH_POINT(capture_cut);
	result = take(conf, out, snapshot);
	index_snapshot_release(snapshot);
	return result;
}

void capture_release(struct capture *capture)
{
	size_t i;

	for (i = 0; i < capture->pins_count; i++)
		segment_unpin(capture->cache->segments, capture->pins[i]);
	free(capture->pins);
	free(capture->contents);
	free(capture->extents);
	free(capture->refs);
	memset(capture, 0, sizeof(*capture));
}
