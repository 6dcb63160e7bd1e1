/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/power/failures.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

int disk_op_parse(const char *name)
{
	static const char *const names[DISK_OPS] = { "read", "write", "flush" };
	int op;

	for (op = 0; op < DISK_OPS; op++)
		if (!strcmp(name, names[op]))
			return op;
	return -1;
}

int disk_errno_parse(const char *name)
{
	if (!strcmp(name, "EIO"))
		return EIO;
	return strcmp(name, "ENOSPC") ? -1 : ENOSPC;
}

void failures_set(struct failures *failures, enum disk_op op, int64_t count, int errnum)
{
	failures->ops[op].left = count;
	failures->ops[op].errnum = errnum;
}

int failures_next(struct failures *failures, enum disk_op op)
{
	if (!failures->ops[op].left) {
		failures->ops[op].done_total++;
		return 0;
	}
	if (failures->ops[op].left > 0)
		failures->ops[op].left--;
	failures->ops[op].failed_total++;
	return -failures->ops[op].errnum;
}
