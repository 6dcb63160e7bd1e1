/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next checkpoint from the one before and the changes since:
 *
 *	base     [--run--] [--run--]        [--run--] [--run--]
 *	changes             x  x     x   x
 *	next     [--kept-] [--new--] [-new] [--kept-] [--kept-]
 *
 * A run in whose range nothing changed is kept: named again, not read. A run
 * with changes is read, merged and written anew. Changes between two runs join
 * the run before them if that one is small, and make new runs otherwise, so
 * that the rows of new files, whose numbers ascend, do not rewrite old ones.
 * Small runs beside what is written are taken along: no two of them stay side
 * by side for long.
 *
 * Memory: one run of the base, and one that is being filled. Pure but for the
 * functions that it is given; one thread.
 */
#ifndef DRAY_CACHE_ROOT_MERGE_H
#define DRAY_CACHE_ROOT_MERGE_H

#include "cache/root_format.h"

/* Raw bytes at which a run ends. One of less than half of that is small. */
#define ROOT_RUN_BYTES (4u << 20)

struct root_merge_conf {
	struct root *base; /* NULL: no rows before */
	size_t run_bytes;  /* 0: ROOT_RUN_BYTES */

	void *arg;
	/* Appends the rows of a run of the base. */
	int (*read_run)(void *arg, const struct row_part *part, struct buffer *rows_out);
	/* The next change, keys strictly ascending, tombstones for what is
	 * deleted: 1, valid until the next call; 0 at the end; or an error. */
	int (*next_change)(void *arg, struct row_run_row *row_out);
	/* Makes an object of the rows, and describes it. */
	int (*write_run)(void *arg, const struct row_run_writer *run, struct row_part *part_out);
};

struct root_merge_result {
	uint64_t rows; /* in all runs */
	uint64_t runs_kept;
	uint64_t runs_written;
	uint64_t bytes_stored; /* of all runs */
	/* How much the sizes of all contents grew, in bytes. */
	int64_t content_growth;
};

/* Adds the runs of the next checkpoint to the writer. 0 or the first error. */
int root_merge(const struct root_merge_conf *conf, struct root_writer *writer,
	       struct root_merge_result *result_out);

#endif
