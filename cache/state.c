/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/state.h"

#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/cache_int.h"
#include "cache/extent_cursor.h"
#include "cache/inode.h"

const char *file_place_name(enum file_place place)
{
	switch (place) {
	case FILE_PLACE_LOCAL:
		return "local";
	case FILE_PLACE_UPLOADING:
		return "uploading";
	case FILE_PLACE_CLOUD:
		return "cloud";
	default:
		return "unknown";
	}
}

/* What the DIRTY rows of an inode say together. */
struct dirty_summary {
	bool any;
	bool content; /* among them that of CONTENT, whose since_ns is: */
	int64_t content_since_ns;
	uint64_t lsn;	  /* the greatest */
	int64_t since_ns; /* the least */
};

static void add_dirty(struct dirty_summary *summary, const struct dirty_row *row)
{
	if (!summary->any || row->since_ns < summary->since_ns)
		summary->since_ns = row->since_ns;
	if (row->lsn > summary->lsn)
		summary->lsn = row->lsn;
	summary->any = true;
}

static int probe_row(struct cache *cache, const struct row_key *key, struct dirty_summary *summary)
{
	struct dirty_row row;
	int result = inode_load_dirty(cache, key, &row);

	if (result)
		return result == -ENOENT ? 0 : result;
	if (key_table(key->bytes, key->length) == TABLE_CONTENT) {
		summary->content = true;
		summary->content_since_ns = row.since_ns;
	}
	add_dirty(summary, &row);
	return 0;
}

/*
 * Looks for a DIRTY row of any key that begins as `first` does. One is enough:
 * whatever changes an entry, an attribute or an extent puts the INODE or the
 * CONTENT row in the same batch, so that their DIRTY rows tell the ages.
 */
static int probe_table(struct index_cursor *cursor, const struct row_key *first,
		       struct dirty_summary *summary)
{
	struct dirty_row row;
	struct row_key start;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result;

	key_dirty(&start, first->bytes, KEY_INODE_PREFIX);
	index_cursor_bound(cursor, &start, start.length);
	result = index_cursor_seek(cursor, &start);
	if (!result)
		result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
	if (result <= 0)
		return result;
	result = row_get_dirty(value, value_length, &row);
	if (!result)
		add_dirty(summary, &row);
	return result;
}

/*
 * The entries that name an inode are not looked at: an entry changes together
 * with the INODE row of the inode it names. Those in a directory are, as they
 * are what a directory holds.
 */
static int summarize(struct cache *cache, uint64_t ino, struct dirty_summary *summary)
{
	struct index_cursor *cursor;
	struct row_key key;
	int result;

	memset(summary, 0, sizeof(*summary));
	key_inode(&key, ino);
	result = probe_row(cache, &key, summary);
	key_content(&key, ino);
	if (!result)
		result = probe_row(cache, &key, summary);
	if (result)
		return result;
	key_xattr(&key, ino, "", 0);
	result = index_cursor_open(cache->index, &key, &cursor);
	if (result)
		return result;
	result = probe_table(cursor, &key, summary);
	key_extent(&key, ino, 0, 0);
	if (!result)
		result = probe_table(cursor, &key, summary);
	key_dirent(&key, ino, 0);
	if (!result)
		result = probe_table(cursor, &key, summary);
	index_cursor_close(cursor);
	return result;
}

static int load_meta(struct cache *cache, const char *name, uint64_t *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_key key;
	int result;

	*out = 0;
	key_meta(&key, name);
	result = index_get(cache->index, &key, &bytes);
	if (result)
		return result == -ENOENT ? 0 : result;
	return row_get_u64(bytes.data, bytes.length, out);
}

static int load_commit(struct cache *cache, const struct dirty_summary *summary,
		       struct file_state *out)
{
	uint64_t time;
	int result;

	result = load_meta(cache, META_COMMITTED_SEQ, &out->commit);
	if (!result)
		result = load_meta(cache, META_COMMITTED_TIME, &time);
	/* It was dirty at the cut of that commit, and still is. */
	if (!result)
		out->pending = summary->content && summary->content_since_ns <= (int64_t)time;
	return result;
}

static enum file_place place_of(struct cache *cache, const struct dirty_summary *summary)
{
	if (!summary->any)
		return FILE_PLACE_CLOUD;
	return summary->lsn <= atomic_load(&cache->uploading_lsn) ? FILE_PLACE_UPLOADING
								  : FILE_PLACE_LOCAL;
}

/* Sums up extents; asks about each chunk once while its neighbours do too. */
struct extent_sum {
	struct cache *cache;
	struct file_state *state;
	uint64_t last_chunk;
	bool last_cached;
};

static int is_chunk_cached(struct extent_sum *sum, uint64_t chunk, bool *cached_out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_key key;
	int result = 0;

	if (chunk != sum->last_chunk) {
		key_cached(&key, chunk);
		result = index_get(sum->cache->index, &key, &bytes);
		sum->last_chunk = chunk;
		sum->last_cached = !result;
	}
	*cached_out = sum->last_cached;
	return result == -ENOENT ? 0 : result;
}

static int sum_extent(struct extent_sum *sum, const struct extent_row *row)
{
	struct file_state *state = sum->state;
	unsigned int i;
	bool cached;
	int result;

	state->mapped_bytes += row->length;
	if (!row->refs_count)
		state->dirty_bytes += row->length;
	if (row->segment) {
		state->cached_bytes += row->length;
		return 0;
	}
	for (i = 0; i < row->refs_count; i++) {
		result = is_chunk_cached(sum, row->refs[i].chunk, &cached);
		if (result)
			return result;
		if (cached)
			state->cached_bytes += row->refs[i].length;
	}
	return 0;
}

static int sum_extents(struct cache *cache, uint64_t ino, uint32_t generation,
		       struct file_state *state)
{
	struct extent_sum sum = { .cache = cache, .state = state };
	struct extent_cursor cursor;
	struct extent extent;
	int result;

	result = extent_cursor_open(&cursor, cache->index, ino, generation, 0);
	if (result)
		return result;
	while ((result = extent_cursor_next(&cursor, &extent)) > 0) {
		result = sum_extent(&sum, &extent.row);
		if (result)
			break;
	}
	extent_cursor_close(&cursor);
	return result;
}

int state_get(struct cache *cache, uint64_t ino, struct file_state *out)
{
	struct dirty_summary summary;
	struct content_row content;
	struct inode inode = { 0 };
	struct node *node;
	int content_result = -ENOENT;
	int result;

	memset(out, 0, sizeof(*out));
	node = inode_lock_shared(cache, ino);
	result = inode_load(cache, ino, &inode);
	if (!result)
		content_result = inode_load_content(cache, ino, &content);
	if (!result && content_result && content_result != -ENOENT)
		result = content_result;
	if (!result)
		result = summarize(cache, ino, &summary);
	inode_unlock_shared(cache, node);
	if (result)
		goto out;
	attr_from_rows(ino, &inode.row, content_result ? NULL : &content, &out->attributes);
	out->place = place_of(cache, &summary);
	out->dirty_since_ns = summary.since_ns;
	result = load_commit(cache, &summary, out);
	/* May be long; without the lock, and so about now. */
	if (!result && !content_result)
		result = sum_extents(cache, ino, content.generation, out);
out:
	inode_release(&inode);
	return result;
}
