/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The merge of memtables and LMDB in key order: of rows with equal keys the
 * newest table's counts, and a tombstone hides those below. For index_read.c
 * and index_cursor.c.
 */
#ifndef DRAY_CACHE_INDEX_CURSOR_H
#define DRAY_CACHE_INDEX_CURSOR_H

#include "cache/index_int.h"

struct index_snapshot {
	struct index_view *view; /* tables[0] is not part of it */
	struct lmdb_read *read;
};

/*
 * Over view->tables[first] and older and the read transaction. The cursor
 * holds a reference on the view; it ends the transaction when it owns it,
 * also when this fails.
 */
int index_cursor_new(struct index_view *view, size_t first, struct lmdb_read *read, bool owns_read,
		     const struct row_key *start, struct index_cursor **out);

#endif
