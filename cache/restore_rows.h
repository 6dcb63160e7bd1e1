/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a volume in key order: those of a checkpoint's runs, with the
 * changes of the commits behind it over them.
 *
 *	runs      got by several threads ahead    \
 *	changes   row_sort.h                      /  merged, newest wins
 *
 * Memory: RESTORE_RUNS_AHEAD runs, and the merge of the changes.
 */
#ifndef DRAY_CACHE_RESTORE_ROWS_H
#define DRAY_CACHE_RESTORE_ROWS_H

#include "cache/root_format.h"
#include "cache/row_sort.h"

struct cache;
struct restore_rows;

#define RESTORE_RUNS_AHEAD 8

/* root: NULL or run_count 0: no checkpoint. `changes` is finished, and both
 * outlive the rows. */
int restore_rows_open(struct cache *cache, struct root *root, struct row_sort *changes,
		      struct restore_rows **out);
void restore_rows_close(struct restore_rows *rows);
/* The next row: 1, valid until the next call; 0 at the end; or an error. */
int restore_rows_next(struct restore_rows *rows, struct row_run_row *row_out);
/* An upper limit of what restore_rows_next() yields. */
uint64_t restore_rows_count(const struct restore_rows *rows);

#endif
