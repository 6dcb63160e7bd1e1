/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups: in the index as it is now, and in snapshots. */
#include <errno.h>
#include <stdlib.h>

#include "cache/index_checkpoint.h"
#include "cache/index_cursor.h"
#include "cache/index_int.h"

static int append_live(const struct memtable_value *value, struct buffer *out)
{
	if (value->deleted)
		return -ENOENT;
	buffer_append(out, value->bytes, value->length);
	return 0;
}

static int append_from_lmdb(struct lmdb_read *read, const struct row_key *key, struct buffer *out)
{
	const uint8_t *bytes;
	size_t length;
	int result = lmdb_read_get(read, key->bytes, key->length, &bytes, &length);

	if (!result)
		buffer_append(out, bytes, length);
	return result;
}

int index_get(struct index *index, const struct row_key *key, struct buffer *out)
{
	struct index_view *view = index_current_view(index);
	const struct memtable_value *value = index_view_find(view, 0, key->bytes, key->length);
	struct lmdb_read *read;
	int result;

	if (value) {
		result = append_live(value, out);
		index_view_put(view);
		return result;
	}
	result = lmdb_read_begin(index->lmdb, &read);
	index_view_put(view);
	if (result)
		return result;
	result = append_from_lmdb(read, key, out);
	lmdb_read_end(read);
	return result;
}

int index_snapshot_take(struct index *index, struct index_snapshot **out, uint64_t *cut_lsn_out)
{
	struct index_snapshot *snapshot = xcalloc(1, sizeof(*snapshot));
	int result;

	/* No memtable can be applied between the freeze and the transaction
	 * but those that are below the cut, because INDEX is held. */
	lock_acquire(&index->lock);
	index_freeze_locked(index);
	result = lmdb_read_begin(index->lmdb, &snapshot->read);
	if (!result)
		snapshot->view = index_view_get(index->view);
	*cut_lsn_out = index->lsn;
	lock_release(&index->lock);
	if (result) {
		free(snapshot);
		return result;
	}
	*out = snapshot;
	return 0;
}

int index_snapshot_get(struct index_snapshot *snapshot, const struct row_key *key,
		       struct buffer *out)
{
	/* tables[0] was empty at the cut. */
	const struct memtable_value *value =
		index_view_find(snapshot->view, 1, key->bytes, key->length);

	return value ? append_live(value, out) : append_from_lmdb(snapshot->read, key, out);
}

int index_snapshot_cursor(struct index_snapshot *snapshot, const struct row_key *start,
			  struct index_cursor **out)
{
	return index_cursor_new(snapshot->view, 1, snapshot->read, false, start, out);
}

void index_snapshot_release(struct index_snapshot *snapshot)
{
	lmdb_read_end(snapshot->read);
	index_view_put(snapshot->view);
	free(snapshot);
}
