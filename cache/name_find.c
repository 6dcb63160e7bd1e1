/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/name_find.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "cache/row_format.h"

/* Directories above a file; deeper ones are cut off. */
#define DEPTH_MAX 256
/* Places remembered besides those asked for: directories, mostly. */
#define KEPT_MAX 4096

/* Where an inode was seen. */
struct place {
	uint64_t ino; /* 0: the slot is free */
	uint64_t parent;
	uint64_t cookie; /* 0: wanted, not found */
};

struct name_find {
	struct place *slots; /* open addressing, a power of two */
	size_t slots_count;
	size_t used;
	size_t wanted;	       /* without a place */
	struct row_key resume; /* where the look through the volume goes on */
};

struct name_find *name_find_new(void)
{
	struct name_find *find = xcalloc(1, sizeof(*find));

	find->slots_count = 64;
	find->slots = xcalloc(find->slots_count, sizeof(*find->slots));
	key_dirent(&find->resume, 0, 0);
	return find;
}

void name_find_free(struct name_find *find)
{
	if (!find)
		return;
	free(find->slots);
	free(find);
}

static struct place *slot_of(const struct name_find *find, uint64_t ino)
{
	uint64_t hash = ino * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (size_t)(hash >> 32) & (find->slots_count - 1);

	while (find->slots[at].ino && find->slots[at].ino != ino)
		at = (at + 1) & (find->slots_count - 1);
	return &find->slots[at];
}

static void grow(struct name_find *find)
{
	struct place *old = find->slots;
	size_t old_count = find->slots_count;
	size_t i;

	find->slots_count *= 2;
	find->slots = xcalloc(find->slots_count, sizeof(*find->slots));
	for (i = 0; i < old_count; i++)
		if (old[i].ino)
			*slot_of(find, old[i].ino) = old[i];
	free(old);
}

/* The slot of an inode, added as wanted when it is new. */
static struct place *want(struct name_find *find, uint64_t ino)
{
	struct place *place = slot_of(find, ino);

	if (place->ino)
		return place;
	if (2 * (find->used + 1) > find->slots_count) {
		grow(find);
		place = slot_of(find, ino);
	}
	memset(place, 0, sizeof(*place));
	place->ino = ino;
	find->used++;
	find->wanted++;
	return place;
}

static int get_dirent(struct index_snapshot *snapshot, const struct place *place,
		      struct buffer *value, struct dirent_row *row)
{
	struct row_key key;
	int result;

	buffer_clear(value);
	key_dirent(&key, place->parent, place->cookie);
	result = index_snapshot_get(snapshot, &key, value);
	return result ? result : row_get_dirent(value->data, value->length, row);
}

/* What is asked for now, and of what was known the places that are still true. */
static int rebuild(struct name_find *find, struct index_snapshot *snapshot, const uint64_t *inos,
		   size_t count)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct place *old = find->slots;
	size_t old_count = find->slots_count;
	size_t i;
	int result = 0;

	find->slots_count = 64;
	find->slots = xcalloc(find->slots_count, sizeof(*find->slots));
	find->used = find->wanted = 0;
	for (i = 0; i < count; i++)
		want(find, inos[i]);
	for (i = 0; !result && i < old_count; i++) {
		struct dirent_row row;

		if (!old[i].ino || !old[i].cookie ||
		    (!slot_of(find, old[i].ino)->ino && find->used >= count + KEPT_MAX))
			continue;
		result = get_dirent(snapshot, &old[i], &value, &row);
		if (!result && row.ino == old[i].ino) {
			*want(find, old[i].ino) = old[i];
			find->wanted--;
		}
		if (result == -ENOENT)
			result = 0;
	}
	free(old);
	return result;
}

static int note_dirent(struct name_find *find, const uint8_t *key, size_t key_length,
		       const uint8_t *value, size_t value_length)
{
	struct dirent_row row;
	struct place *place;
	int result = row_get_dirent(value, value_length, &row);

	if (result)
		return result;
	place = slot_of(find, row.ino);
	if (!row.ino || !place->ino || place->cookie)
		return 0;
	if (key_dirent_parse(key, key_length, &place->parent, &place->cookie))
		find->wanted--;
	return 0;
}

static int look_through_dirty(struct name_find *find, struct index_snapshot *snapshot)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct index_cursor *cursor;
	struct row_key start = { .length = 2, .bytes = { TABLE_DIRTY, TABLE_DIRENT } };
	const uint8_t *key;
	const uint8_t *dirty;
	size_t key_length;
	size_t dirty_length;
	int result = index_snapshot_cursor(snapshot, &start, &cursor);

	if (result)
		return result;
	while (find->wanted &&
	       (result = index_cursor_next(cursor, &key, &key_length, &dirty, &dirty_length)) > 0) {
		struct row_key dirent = { .length = (uint16_t)(key_length - 1) };

		result = 0;
		if (key[0] != TABLE_DIRTY || key_length < 2 || key[1] != TABLE_DIRENT)
			break;
		memcpy(dirent.bytes, key + 1, dirent.length);
		buffer_clear(&value);
		result = index_snapshot_get(snapshot, &dirent, &value);
		if (!result)
			result = note_dirent(find, dirent.bytes, dirent.length, value.data,
					     value.length);
		if (result && result != -ENOENT)
			break;
		result = 0;
	}
	index_cursor_close(cursor);
	return result;
}

static int look_through_volume(struct name_find *find, struct index_snapshot *snapshot,
			       unsigned int *rows_left)
{
	struct index_cursor *cursor;
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	int result = index_snapshot_cursor(snapshot, &find->resume, &cursor);

	if (result)
		return result;
	while (find->wanted && *rows_left) {
		result = index_cursor_next(cursor, &key, &key_length, &value, &value_length);
		if (result < 0)
			break;
		if (!result || key_table(key, key_length) != TABLE_DIRENT) {
			key_dirent(&find->resume, 0, 0);
			result = 0;
			break;
		}
		--*rows_left;
		find->resume.length = (uint16_t)key_length;
		memcpy(find->resume.bytes, key, key_length);
		result = note_dirent(find, key, key_length, value, value_length);
		if (result)
			break;
	}
	index_cursor_close(cursor);
	return result;
}

/* The directories of what was found are wanted as well. True when some were
 * not known. */
static bool want_parents(struct name_find *find)
{
	size_t wanted = find->wanted;
	size_t i;

	for (i = 0; i < find->slots_count; i++) {
		const struct place place = find->slots[i];

		if (!place.ino || !place.cookie || place.parent == ROOT_INO ||
		    slot_of(find, place.parent)->ino)
			continue;
		want(find, place.parent);
		i = (size_t)-1; /* the table may have moved */
	}
	return find->wanted > wanted;
}

/* A directory's entry is looked for in the directory that its row names. */
static int look_in_parent(struct name_find *find, struct index_snapshot *snapshot, uint64_t ino,
			  unsigned int *rows_left)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct index_cursor *cursor;
	struct inode_row inode;
	struct row_key key;
	const uint8_t *at;
	const uint8_t *bytes;
	size_t at_length;
	size_t length;
	int result;

	key_inode(&key, ino);
	result = index_snapshot_get(snapshot, &key, &value);
	if (!result)
		result = row_get_inode(value.data, value.length, &inode);
	if (result || !inode.parent)
		return result == -ENOENT ? 0 : result;
	key_dirent(&key, inode.parent, 0);
	result = index_snapshot_cursor(snapshot, &key, &cursor);
	if (result)
		return result;
	while (*rows_left && !slot_of(find, ino)->cookie &&
	       (result = index_cursor_next(cursor, &at, &at_length, &bytes, &length)) > 0) {
		result = 0;
		if (key_table(at, at_length) != TABLE_DIRENT ||
		    key_number(at, at_length) != inode.parent)
			break;
		--*rows_left;
		result = note_dirent(find, at, at_length, bytes, length);
		if (result)
			break;
	}
	index_cursor_close(cursor);
	return result;
}

static int find_parents(struct name_find *find, struct index_snapshot *snapshot,
			unsigned int *rows_left)
{
	int depth;

	for (depth = 0; depth < DEPTH_MAX && want_parents(find); depth++) {
		size_t i;

		for (i = 0; i < find->slots_count; i++) {
			int result = 0;

			if (find->slots[i].ino && !find->slots[i].cookie)
				result = look_in_parent(find, snapshot, find->slots[i].ino,
							rows_left);
			if (result)
				return result;
		}
	}
	return 0;
}

int name_find_prepare(struct name_find *find, struct index_snapshot *snapshot, const uint64_t *inos,
		      size_t count)
{
	unsigned int rows_left = NAME_FIND_ROWS;
	int result;

	result = rebuild(find, snapshot, inos, count);
	if (!result && find->wanted)
		result = look_through_dirty(find, snapshot);
	if (!result && find->wanted)
		result = look_through_volume(find, snapshot, &rows_left);
	return result ? result : find_parents(find, snapshot, &rows_left);
}

void name_find_path(struct name_find *find, struct index_snapshot *snapshot, uint64_t ino,
		    struct buffer *path)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	uint64_t chain[DEPTH_MAX];
	size_t depth = 0;
	uint64_t at = ino;

	while (at != ROOT_INO && depth < DEPTH_MAX) {
		const struct place *place = slot_of(find, at);

		chain[depth++] = at;
		if (!place->ino || !place->cookie)
			break;
		at = place->parent;
	}
	while (depth--) {
		const struct place *place = slot_of(find, chain[depth]);
		struct dirent_row row;

		if (place->ino && place->cookie && !get_dirent(snapshot, place, &value, &row)) {
			buffer_put_u8(path, '/');
			buffer_append(path, row.name, row.name_length);
		} else {
			buffer_printf(path, "<inode %" PRIu64 ">", chain[depth]);
		}
	}
}
