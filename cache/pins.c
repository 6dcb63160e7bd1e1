/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/pins.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/base/size.h"
#include "cache/cache_int.h"
#include "cache/file_chunks.h"
#include "cache/state.h"

#define PINS_AGE (10 * NS_PER_SECOND)
/* Looking takes at most one part in so many of the time. */
#define PINS_PAUSE_FACTOR 20

struct path_list {
	char **paths; /* sorted */
	size_t count;
};

/* What the paths hold. */
struct pin_set {
	struct chunk_list files; /* inode numbers, sorted */
	struct chunk_list chunks;
	struct pins_stats stats;
};

struct pins {
	/* immutable */
	struct cache *cache;
	struct lock lock;
	/* guarded by lock */
	struct pin_set set;
	int64_t next_look_ns; /* clock_boot_ns() */
	bool told;	      /* that more is pinned than may be */
};

static void paths_release(struct path_list *list)
{
	while (list->count)
		free(list->paths[--list->count]);
	free(list->paths);
}

/* The pins, sorted as their keys are. */
static int paths_load(struct cache *cache, struct path_list *list)
{
	struct index_cursor *cursor;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_pin(&start, "");
	result = index_cursor_open(cache->index, &start, &cursor);
	if (result)
		return result;
	index_cursor_bound(cursor, &start, start.length);
	while ((result = index_cursor_next(cursor, &key, &key_length, &value, &value_length)) > 0) {
		list->paths = xrealloc(list->paths, (list->count + 1) * sizeof(*list->paths));
		list->paths[list->count++] =
			xasprintf("%.*s", (int)(key_length - start.length), key + start.length);
	}
	index_cursor_close(cursor);
	return result;
}

/* True for the same path, and for one below it. */
static bool covers(const char *pin, const char *path)
{
	size_t length = strlen(pin);

	if (strncmp(pin, path, length))
		return false;
	return !path[length] || path[length] == '/' || (length && pin[length - 1] == '/');
}

static bool any_covers(const struct path_list *list, size_t count, const char *path)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (covers(list->paths[i], path))
			return true;
	}
	return false;
}

static void set_release(struct pin_set *set)
{
	free(set->files.ids);
	free(set->chunks.ids);
}

static uint64_t limit_of(struct cache *cache)
{
	return limits_cache_bytes(&cache->limits) / 100 * PINS_PERCENT;
}

struct look {
	struct cache *cache;
	struct pin_set set;
	uint64_t limit;
	bool over;
};

static int look_at(const char *path, const struct file_state *state, void *arg)
{
	struct look *look = arg;
	uint64_t ino = state->attributes.ino;

	(void)path;
	if (!S_ISREG(state->attributes.mode))
		return 0;
	if (look->set.stats.bytes + state->mapped_bytes > look->limit) {
		look->over = true;
		return 0;
	}
	look->set.stats.files++;
	look->set.stats.bytes += state->mapped_bytes;
	chunk_list_add(&look->set.files, ino);
	return file_chunks_list(look->cache, ino, &look->set.chunks);
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void sort_ids(struct chunk_list *list)
{
	if (list->count)
		qsort(list->ids, list->count, sizeof(*list->ids), compare_ids);
}

/* Looks all pinned paths up. One that is not there holds nothing. */
static int look(struct pins *pins, struct look *out)
{
	struct path_list list = { 0 };
	int result = paths_load(pins->cache, &list);
	size_t i;

	*out = (struct look){ .cache = pins->cache, .limit = limit_of(pins->cache) };
	out->set.stats.paths = list.count;
	for (i = 0; !result && i < list.count; i++) {
		if (any_covers(&list, i, list.paths[i]))
			continue;
		result = state_walk(pins->cache, list.paths[i], look_at, out);
		if (result == -ENOENT || result == -ENOTDIR)
			result = 0;
	}
	paths_release(&list);
	sort_ids(&out->set.files);
	sort_ids(&out->set.chunks);
	return result;
}

static int refresh(struct pins *pins)
{
	int64_t begun = clock_boot_ns();
	struct pin_set old;
	struct look now;
	bool tell;
	int result = look(pins, &now);

	if (result) {
		set_release(&now.set);
		return result;
	}
	lock_acquire(&pins->lock);
	old = pins->set;
	pins->set = now.set;
	pins->next_look_ns =
		clock_boot_ns() + PINS_AGE + PINS_PAUSE_FACTOR * (clock_boot_ns() - begun);
	tell = now.over && !pins->told;
	pins->told = now.over;
	lock_release(&pins->lock);
	set_release(&old);
	if (tell)
		log_warn("more is pinned than %d %% of the cache: not all of it is kept",
			 PINS_PERCENT);
	return 0;
}

int pins_refresh(struct pins *pins)
{
	bool due;

	if (!pins)
		return 0;
	lock_acquire(&pins->lock);
	due = pins->set.stats.paths && clock_boot_ns() >= pins->next_look_ns;
	lock_release(&pins->lock);
	return due ? refresh(pins) : 0;
}

int pins_new(struct cache *cache, struct pins **out)
{
	struct pins *pins = xcalloc(1, sizeof(*pins));
	int result;

	pins->cache = cache;
	lock_init(&pins->lock, LOCK_RANK_LEAF);
	result = refresh(pins);
	if (result)
		pins_free(pins);
	else
		*out = pins;
	return result;
}

void pins_free(struct pins *pins)
{
	if (!pins)
		return;
	set_release(&pins->set);
	lock_destroy(&pins->lock);
	free(pins);
}

static bool has_id(struct pins *pins, const struct chunk_list *list, uint64_t id)
{
	bool found;

	lock_acquire(&pins->lock);
	found = list->count &&
		bsearch(&id, list->ids, list->count, sizeof(*list->ids), compare_ids);
	lock_release(&pins->lock);
	return found;
}

bool pins_has_file(struct pins *pins, uint64_t ino)
{
	return pins && has_id(pins, &pins->set.files, ino);
}

bool pins_has_chunk(struct pins *pins, uint64_t chunk)
{
	return pins && has_id(pins, &pins->set.chunks, chunk);
}

void pins_stats_get(struct pins *pins, struct pins_stats *out)
{
	*out = (struct pins_stats){ 0 };
	if (!pins)
		return;
	lock_acquire(&pins->lock);
	*out = pins->set.stats;
	lock_release(&pins->lock);
}

/* Puts or deletes the row of a pin. */
static int change_row(struct cache *cache, const char *path, bool pinned)
{
	struct buffer empty = BUFFER_INIT;
	struct row_key key;
	struct batch batch;
	int result;

	key_pin(&key, path);
	batch_init(&batch, BATCH_ROWS, 0);
	if (pinned)
		batch_put(&batch, &key, &empty, ROW_LOCAL);
	else
		batch_delete(&batch, &key, ROW_LOCAL);
	result = index_commit(cache->index, &batch, NULL);
	batch_release(&batch);
	return result;
}

static int add_bytes(const char *path, const struct file_state *state, void *arg)
{
	(void)path;
	*(uint64_t *)arg += S_ISREG(state->attributes.mode) ? state->mapped_bytes : 0;
	return 0;
}

/* Would it fit beside what is pinned? */
static int check_room(struct pins *pins, const char *path)
{
	struct pins_stats stats;
	uint64_t bytes = 0;
	char texts[3][24];
	int result = state_walk(pins->cache, path, add_bytes, &bytes);

	if (result)
		return result;
	pins_stats_get(pins, &stats);
	if (stats.bytes + bytes <= limit_of(pins->cache))
		return 0;
	size_format(bytes, texts[0]);
	size_format(limit_of(pins->cache), texts[1]);
	size_format(stats.bytes, texts[2]);
	return err_set(-ERR_cache_full,
		       "%s cannot be pinned: it has %s, and of the %s that pins may take (%d %% of "
		       "the cache) %s are taken: make the cache larger or unpin something",
		       path, texts[0], texts[1], PINS_PERCENT, texts[2]);
}

int pins_add(struct pins *pins, const char *path)
{
	struct path_list list = { 0 };
	bool covered;
	int result;

	if (strlen(path) >= ROW_KEY_MAX)
		return err_set(-EINVAL,
			       "%s cannot be pinned: the path is too long, pin a "
			       "directory above it",
			       path);
	result = refresh(pins);
	if (!result)
		result = paths_load(pins->cache, &list);
	covered = any_covers(&list, list.count, path);
	paths_release(&list);
	if (!result && !covered)
		result = check_room(pins, path);
	if (!result)
		result = change_row(pins->cache, path, true);
	return result ? result : refresh(pins);
}

int pins_remove(struct pins *pins, const char *path)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result = -ENOENT;

	if (strlen(path) < ROW_KEY_MAX) {
		key_pin(&key, path);
		result = index_get(pins->cache->index, &key, &value);
	}
	if (result == -ENOENT)
		return err_set(-EINVAL, "%s is not pinned itself: unpin the path that was pinned",
			       path);
	if (!result)
		result = change_row(pins->cache, path, false);
	return result ? result : refresh(pins);
}
