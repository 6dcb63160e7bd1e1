/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the next operations of the disk fail, and how. */
#ifndef DRAY_TESTS_POWER_FAILURES_H
#define DRAY_TESTS_POWER_FAILURES_H

#include <stdint.h>

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,
	DISK_OPS,
};

struct failures {
	struct {
		int64_t left; /* so many fail; negative: all from now on */
		int errnum;
		uint64_t done_total; /* operations that did not fail */
		uint64_t failed_total;
	} ops[DISK_OPS];
};

/* The operation's number, or -1. */
int disk_op_parse(const char *name);
/* "EIO", "ENOSPC": the number, or -1. */
int disk_errno_parse(const char *name);
void failures_set(struct failures *failures, enum disk_op op, int64_t count, int errnum);
/* Called once for each operation: 0, or the -errno that it fails with. */
int failures_next(struct failures *failures, enum disk_op op);

#endif
