/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a root, root/<seq>: the list of runs that together hold all rows
 * of the state as of log/<seq>. Restoring loads the runs in order, then applies
 * the commits from seq + 1 on.
 *
 * The container is the commit's (commit_format.h) with the magic "DRAYROOT",
 * flags 0, no pack, `previous` = SHA-256 of log/<seq>, epoch, cut and next
 * numbers of that commit, `logical bytes` = bytes of content in all files, the
 * time when the root was made, and one inline part of role PART_RUNS. That
 * part's run has one row a run of the checkpoint:
 *
 *	key    first key of the run
 *	value  0  96  descriptor of its part (row_part.h): place PART_OBJECT,
 *	              role PART_RUN
 *	      96   -  last key of the run
 *
 * The ranges do not overlap and ascend; no run is empty. Tombstones do not occur
 * in the runs of a root.
 */
#ifndef DRAY_ROOT_FORMAT_H
#define DRAY_ROOT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/object_name.h"
#include "backend/seal.h"
#include "cache/commit_format.h"
#include "cache/row_run.h"

/* One run of a root. */
struct root_run {
	const uint8_t *first_key;
	size_t first_key_length;
	const uint8_t *last_key;
	size_t last_key_length;
	struct row_part part;
};

/* Builds a root: init -> add ... -> finish -> release. */
struct root_writer {
	struct commit_head head;
	struct row_run_writer list;
	size_t last_key_length;
	uint8_t last_key[ROW_RUN_KEY_MAX];
};

void root_writer_init(struct root_writer *writer, const struct commit_head *head);
/* Appends a run; its range lies behind the one before (asserted). */
void root_writer_add(struct root_writer *writer, const struct root_run *run);
/* Appends the object's bytes to out, which is empty. Returns 0, or the error of
 * row_part_encode(). */
int root_writer_finish(struct root_writer *writer, const struct seal *seal, struct buffer *out);
void root_writer_release(struct root_writer *writer);

/* A root as decoded: root_decode() -> root_next() ... -> root_release(). */
struct root {
	struct commit_head head;
	uint64_t run_count;
	/* owned by root_next() */
	struct buffer list;
	struct row_run_reader reader;
	char name[OBJECT_NAME_SIZE];
};

/*
 * Takes root/<seq> apart and checks the whole list. The root owns what it keeps:
 * bytes need not live on; it points into itself and must not be copied. Returns
 * 0, -ERR_format_newer or -ERR_commit_corrupt.
 */
int root_decode(const struct id *volume, uint64_t seq, const struct seal *seal, const void *bytes,
		size_t length, struct root *root_out);

/* The next run in key order (1), or 0 at the end. Its keys are valid until the
 * next call. */
int root_next(struct root *root, struct root_run *run_out);

/* Starts root_next() over. */
void root_rewind(struct root *root);
void root_release(struct root *root);

#endif
