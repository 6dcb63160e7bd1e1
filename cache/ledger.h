/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loss ledger: which files the gateway had accepted at a commit's cut while
 * their newest content was not in the cloud. `dray lost` prints it when the
 * machine is gone.
 *
 * A run (row_run.h) with one row a file; integers little-endian in the value:
 *
 *	key    8  inode number, big-endian
 *	value  0  8  size as the application saw it
 *	       8  8  mtime, ns since 1970 (signed)
 *	      16  4  flags (enum ledger_flags)
 *	      20  -  path: one of the names, from the root of the volume, no NUL
 */
#ifndef DRAY_LEDGER_H
#define DRAY_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "cache/row_run.h"

#define LEDGER_PATH_MAX 65536 /* in bytes; longer paths are cut at the front */

enum ledger_flags {
	LEDGER_FSYNCED = 1, /* content was fsynced and is late all the same */
};

struct ledger_row {
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	uint32_t flags;
	const char *path; /* path_length bytes, no NUL */
	size_t path_length;
};

/* Appends a row; inode numbers ascend. */
void ledger_put(struct row_run_writer *writer, const struct ledger_row *row);

/* The next row: as row_run_reader_next(). The path lies in the run's bytes. */
int ledger_next(struct row_run_reader *reader, struct ledger_row *row_out);

#endif
