/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/capture_int.h"

/* The DIRTY rows of one table, in key order. */
struct dirty_walk {
	struct index_cursor *cursor;
	struct row_key key; /* of the cloud row; length 0: at the end */
	struct dirty_row row;
	enum row_table table;
};

static int walk_next(struct dirty_walk *walk)
{
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result = index_cursor_next(walk->cursor, &key, &key_length, &value, &value_length);

	walk->key.length = 0;
	if (result <= 0)
		return result;
	if (key[0] != TABLE_DIRTY || key_length < 2 || key[1] != walk->table)
		return 0;
	walk->key.length = (uint16_t)(key_length - 1);
	memcpy(walk->key.bytes, key + 1, walk->key.length);
	return row_get_dirty(value, value_length, &walk->row);
}

static int walk_open(struct dirty_walk *walk, struct index_snapshot *snapshot, enum row_table table)
{
	struct row_key start = { .length = 2, .bytes = { TABLE_DIRTY, (uint8_t)table } };
	int result;

	walk->table = table;
	walk->key.length = 0;
	result = index_snapshot_cursor(snapshot, &start, &walk->cursor);
	if (result) {
		walk->cursor = NULL;
		return result;
	}
	return walk_next(walk);
}

static void walk_close(struct dirty_walk *walk)
{
	if (walk->cursor)
		index_cursor_close(walk->cursor);
}

static uint64_t walk_ino(const struct dirty_walk *walk)
{
	return key_number(walk->key.bytes, walk->key.length);
}

/* What the cloud may know of an inode. */
enum inode_presence {
	INODE_GONE,    /* no row: its other rows are removed */
	INODE_UNNAMED, /* a row without links: nothing of it is in the cloud */
	INODE_NAMED,
};

/* directory_out: the parent that the row names. */
static int get_presence(struct index_snapshot *snapshot, uint64_t ino, enum inode_presence *out,
			uint64_t *directory_out)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct inode_row row;
	struct row_key key;
	int result;

	key_inode(&key, ino);
	result = index_snapshot_get(snapshot, &key, &value);
	*out = INODE_GONE;
	*directory_out = 0;
	if (result)
		return result == -ENOENT ? 0 : result;
	result = row_get_inode(value.data, value.length, &row);
	*directory_out = row.parent;
	*out = row.nlink ? INODE_NAMED : INODE_UNNAMED;
	return result;
}

/* The namespace. */

static int capture_row(const struct capture_conf *conf, struct index_snapshot *snapshot,
		       const struct row_key *key, struct buffer *value)
{
	struct inode_row inode = { .nlink = 1 };
	int result;

	buffer_clear(value);
	result = index_snapshot_get(snapshot, key, value);
	if (!result && key_table(key->bytes, key->length) == TABLE_INODE)
		result = row_get_inode(value->data, value->length, &inode);
	if (result && result != -ENOENT)
		return result;
	if (result || !inode.nlink)
		commit_body_remove(conf->body, key->bytes, key->length);
	else
		commit_body_put(conf->body, key->bytes, key->length, value->data, value->length);
	return conf->body->result;
}

static int capture_table(const struct capture_conf *conf, struct index_snapshot *snapshot,
			 enum row_table table)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	enum inode_presence presence = INODE_NAMED;
	struct dirty_walk walk;
	uint64_t directory;
	uint64_t ino = 0;
	int result = walk_open(&walk, snapshot, table);

	while (!result && walk.key.length) {
		if (table == TABLE_XATTR && walk_ino(&walk) != ino) {
			ino = walk_ino(&walk);
			result = get_presence(snapshot, ino, &presence, &directory);
		}
		if (!result && presence != INODE_UNNAMED)
			result = capture_row(conf, snapshot, &walk.key, &value);
		if (!result)
			result = walk_next(&walk);
	}
	walk_close(&walk);
	return result;
}

int capture_namespace(const struct capture_conf *conf, struct index_snapshot *snapshot)
{
	int result = capture_table(conf, snapshot, TABLE_INODE);

	if (!result)
		result = capture_table(conf, snapshot, TABLE_DIRENT);
	if (!result)
		result = capture_table(conf, snapshot, TABLE_XATTR);
	return result;
}

/* Contents. */

static struct captured_content *add_content(struct capture *capture, uint64_t ino)
{
	struct captured_content *content;

	if (capture->contents_count == capture->contents_capacity) {
		capture->contents_capacity = capture->contents_capacity * 2 + 64;
		capture->contents =
			xrealloc(capture->contents, capture->contents_capacity * sizeof(*content));
	}
	content = &capture->contents[capture->contents_count++];
	memset(content, 0, sizeof(*content));
	content->ino = ino;
	content->extents_first = capture->extents_count;
	return content;
}

static struct captured_extent *add_extent(struct capture *capture)
{
	struct captured_extent *extent;

	if (capture->extents_count == capture->extents_capacity) {
		capture->extents_capacity = capture->extents_capacity * 2 + 64;
		capture->extents =
			xrealloc(capture->extents, capture->extents_capacity * sizeof(*extent));
	}
	extent = &capture->extents[capture->extents_count++];
	memset(extent, 0, sizeof(*extent));
	return extent;
}

static size_t add_refs(struct capture *capture, const struct extent_ref *refs, size_t count)
{
	size_t first = capture->refs_count;

	while (capture->refs_count + count > capture->refs_capacity) {
		capture->refs_capacity = capture->refs_capacity * 2 + 64;
		capture->refs =
			xrealloc(capture->refs, capture->refs_capacity * sizeof(*capture->refs));
	}
	memcpy(capture->refs + first, refs, count * sizeof(*refs));
	capture->refs_count += count;
	return first;
}

static void note_change(struct captured_content *content, const struct dirty_row *row)
{
	if (row->lsn > content->lsn)
		content->lsn = row->lsn;
	if (!content->since_ns || row->since_ns < content->since_ns)
		content->since_ns = row->since_ns;
	if (row->flags & DIRTY_BARRIER)
		content->barrier = true;
	if (row->flags & DIRTY_REPLACES)
		content->replaces = true;
}

/* One changed extent as of the cut. */
static int capture_extent(struct capture *capture, struct index_snapshot *snapshot,
			  struct captured_content *content, const struct dirty_walk *walk)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct captured_extent *extent;
	struct extent_row row;
	uint32_t generation;
	uint64_t ino;
	uint64_t end;
	int result = index_snapshot_get(snapshot, &walk->key, &value);

	if (result && result != -ENOENT)
		return result;
	if (!key_extent_parse(walk->key.bytes, walk->key.length, &ino, &generation, &end))
		return err_set(-ERR_index_corrupt, "a DIRTY row names an EXTENT key of %u bytes",
			       walk->key.length);
	if (!result && (content->row_gone || generation != content->row.generation))
		return 0; /* it does not count, and goes when it is reaped */
	note_change(content, &walk->row);
	extent = add_extent(capture);
	content->extents_count++;
	extent->end = end;
	extent->generation = generation;
	if (result)
		return 0;
	result = row_get_extent(value.data, value.length, &row);
	if (result)
		return result;
	extent->length = row.length;
	extent->segment = row.segment;
	extent->record = row.record;
	extent->delta = row.delta;
	extent->refs_count = row.refs_count;
	if (row.refs_count)
		extent->refs_first = add_refs(capture, row.refs, row.refs_count);
	else
		content->unstored_bytes += row.length;
	return 0;
}

static int get_content(struct index_snapshot *snapshot, struct captured_content *content)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct row_key key;
	int result;

	key_content(&key, content->ino);
	result = index_snapshot_get(snapshot, &key, &value);
	if (result == -ENOENT) {
		content->row_gone = true;
		return 0;
	}
	return result ? result : row_get_content(value.data, value.length, &content->row);
}

/* The content of one inode: what both walks have of it. */
static int capture_inode(struct capture *capture, struct index_snapshot *snapshot, uint64_t ino,
			 struct dirty_walk *contents, struct dirty_walk *extents)
{
	struct captured_content *content = add_content(capture, ino);
	enum inode_presence presence;
	int result = get_presence(snapshot, ino, &presence, &content->directory);

	if (!result)
		result = get_content(snapshot, content);
	if (!result && contents->key.length && walk_ino(contents) == ino) {
		note_change(content, &contents->row);
		content->row_dirty = content->row_gone || presence == INODE_NAMED;
		result = walk_next(contents);
	}
	/* Half reaped: what is left of it goes with a later commit. */
	if (presence == INODE_GONE)
		content->row_gone = true;
	while (!result && extents->key.length && walk_ino(extents) == ino) {
		if (presence != INODE_UNNAMED)
			result = capture_extent(capture, snapshot, content, extents);
		if (!result)
			result = walk_next(extents);
	}
	if (presence == INODE_UNNAMED || (!content->row_dirty && !content->extents_count))
		capture->contents_count--;
	return result;
}

int capture_contents(struct capture *capture, struct index_snapshot *snapshot)
{
	struct dirty_walk contents;
	struct dirty_walk extents = { 0 };
	int result = walk_open(&contents, snapshot, TABLE_CONTENT);

	if (!result)
		result = walk_open(&extents, snapshot, TABLE_EXTENT);
	while (!result && (contents.key.length || extents.key.length)) {
		uint64_t ino = contents.key.length ? walk_ino(&contents) : UINT64_MAX;

		if (extents.key.length && walk_ino(&extents) < ino)
			ino = walk_ino(&extents);
		result = capture_inode(capture, snapshot, ino, &contents, &extents);
	}
	walk_close(&contents);
	walk_close(&extents);
	return result;
}
