/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/capture.h"

#include <stdio.h>
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

/* Choosing. */

/* Is it being written right now? */
static bool is_growing(const struct capture_conf *conf, const struct captured_content *content)
{
	struct node *node;
	bool growing;

	if (content->unstored_bytes < PLAN_RUN_BYTES_DEFAULT || content->lsn <= conf->active_lsn)
		return false;
	node = node_get(conf->cache->nodes, content->ino);
	rwlock_acquire_read(&node->lock);
	growing = node->content_lsn > node->version_lsn;
	rwlock_release(&node->lock);
	node_put(conf->cache->nodes, node);
	return growing;
}

/* What the choice is made by. */
static int describe(const struct capture_conf *conf, struct captured_content *content,
		    struct choose_item *item)
{
	struct policy policy;
	int result = policy_get(conf->cache, content->directory, &policy);

	if (result)
		return result;
	content->deadline_ns = content->since_ns + policy.rpo_ns;
	content->wanted = wanted_set_has(conf->wanted, content->ino);
	*item = (struct choose_item){
		.unstored_bytes = content->unstored_bytes,
		.deadline_ns = content->deadline_ns,
		/* Half of the time is for the way to the cloud. */
		.due_ns = content->since_ns + policy.rpo_ns / 2,
		.barrier = content->barrier,
		.replaces = content->replaces,
		.wanted = content->wanted,
		.growing = is_growing(conf, content),
		.busy = content->ino == conf->busy_ino,
	};
	return 0;
}

/* What was chosen: */
static void take_choice(const struct choose_conf *conf, const struct choose_item *item,
			struct capture *capture, struct captured_content *content)
{
	content->rank = choose_rank(conf, item);
	content->carried = item->carried;
	content->left = item->left;
	if (content->carried)
		return;
	capture->pending++;
	capture->late += content->deadline_ns <= conf->now_ns;
	capture->due |= item->due_ns <= conf->now_ns;
	if (!capture->oldest_pending_ns || content->since_ns < capture->oldest_pending_ns)
		capture->oldest_pending_ns = content->since_ns;
}

static int choose_contents(const struct capture_conf *conf, struct capture *capture)
{
	CLEANUP_FREE struct choose_item *items =
		xcalloc(capture->contents_count + 1, sizeof(*items));
	struct choose_conf choose_conf = conf->choose;
	size_t i;
	int result = 0;

	choose_conf.now_ns = capture->cut_real_ns;
	for (i = 0; !result && i < capture->contents_count; i++)
		result = describe(conf, &capture->contents[i], &items[i]);
	if (result)
		return result;
	capture->left = choose(&choose_conf, items, capture->contents_count);
	for (i = 0; i < capture->contents_count; i++)
		take_choice(&choose_conf, &items[i], capture, &capture->contents[i]);
	return 0;
}

/* Names. */

static bool holds(const struct capture_conf *conf, const struct captured_content *content)
{
	return content->carried && content->barrier &&
	       content->unstored_bytes > conf->choose.content_bytes;
}

static void add_held(const struct capture_conf *conf, struct capture *capture,
		     struct index_snapshot *snapshot, const struct captured_content *content)
{
	CLEANUP_BUFFER struct buffer path = BUFFER_INIT;
	struct held_content *held = &capture->held[capture->held_count++];

	held->ino = content->ino;
	held->bytes = content->unstored_bytes;
	name_find_path(conf->names, snapshot, content->ino, &path);
	buffer_put_u8(&path, 0);
	snprintf(held->path, sizeof(held->path), "%s", (const char *)path.data);
}

static void add_pending(const struct capture_conf *conf, struct index_snapshot *snapshot,
			const struct captured_content *content)
{
	CLEANUP_BUFFER struct buffer path = BUFFER_INIT;
	struct ledger_row row = {
		.ino = content->ino,
		.size = content->row.size,
		.mtime_ns = clock_from_timespec(&content->row.mtime),
		.flags = content->barrier ? LEDGER_FSYNCED : 0,
	};
	size_t cut = 0;

	name_find_path(conf->names, snapshot, content->ino, &path);
	if (path.length > LEDGER_PATH_MAX)
		cut = path.length - LEDGER_PATH_MAX;
	row.path = (const char *)path.data + cut;
	row.path_length = path.length - cut;
	ledger_put(&conf->ledger->run, &row);
	commit_body_added(conf->ledger);
}

/* The ledger of what is not carried, and who holds the cut. */
static int write_names(const struct capture_conf *conf, struct capture *capture,
		       struct index_snapshot *snapshot)
{
	CLEANUP_FREE uint64_t *inos = xcalloc(capture->contents_count + 1, sizeof(*inos));
	size_t count = 0;
	size_t i;
	int result;

	for (i = 0; i < capture->contents_count; i++)
		if (!capture->contents[i].carried || holds(conf, &capture->contents[i]))
			inos[count++] = capture->contents[i].ino;
	if (!count)
		return 0;
	result = name_find_prepare(conf->names, snapshot, inos, count);
	for (i = 0; !result && i < capture->contents_count; i++) {
		const struct captured_content *content = &capture->contents[i];

		if (!content->carried)
			add_pending(conf, snapshot, content);
		else if (holds(conf, content) && capture->held_count < HELD_BY_MAX)
			add_held(conf, capture, snapshot, content);
	}
	return result;
}

static int take(const struct capture_conf *conf, struct capture *capture,
		struct index_snapshot *snapshot)
{
	int result = capture_namespace(conf, snapshot);

	if (!result)
		result = capture_contents(capture, snapshot);
	if (!result)
		result = choose_contents(conf, capture);
	if (result)
		return result;
	pin_carried(capture);
	return capture->missed ? 0 : write_names(conf, capture, snapshot);
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
