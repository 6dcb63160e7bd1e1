/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting more rows than memory holds: rows come in any order and leave in
 * ascending order of their keys, each key once, with the value that came
 * last. That is what a volume's rows are: the commits, newest wins.
 *
 *	add, add, ...            in memory, up to memory_bytes
 *	    | full               sorted, newest of a key kept, one file written
 *	    v
 *	<directory>/<n>.rows     runs (row_run.h); more than RUNS_MAX of them
 *	    |                    are merged into one
 *	    v
 *	next, next, ...          merge of all, rows deleted last are left out
 *
 * The files are scratch: nothing is made durable, and row_sort_free() removes
 * them; a crash leaves them for the next row_sort_new() of the directory.
 * One thread.
 */
#ifndef DRAY_CACHE_ROW_SORT_H
#define DRAY_CACHE_ROW_SORT_H

#include "cache/row_run.h"

#define ROW_SORT_MEMORY_DEFAULT (64u << 20)

struct row_sort;

/* Makes the directory, or empties it of what a crash left. */
int row_sort_new(const char *directory, size_t memory_bytes, struct row_sort **out);
void row_sort_free(struct row_sort *sort);

/* row->removed: the key is deleted as of now. */
int row_sort_add(struct row_sort *sort, const struct row_run_row *row);
/* Ends adding. */
int row_sort_finish(struct row_sort *sort);
/* The next row: 1, valid until the next call; 0 at the end; or an error. */
int row_sort_next(struct row_sort *sort, struct row_run_row *row_out);
/* The same, but rows that were deleted last are yielded, as tombstones. */
int row_sort_next_change(struct row_sort *sort, struct row_run_row *row_out);
/* Rows in the runs: an upper limit of what row_sort_next() yields. */
uint64_t row_sort_count(const struct row_sort *sort);

#endif
