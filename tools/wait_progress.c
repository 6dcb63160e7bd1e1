/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wait_progress.h"

#include "fs/control_proto.h"
#include "tools/progress.h"

int wait_progress_line(const json_t *line, void *arg)
{
	struct wait_progress *progress = arg;
	const json_t *eta = json_object_get(line, STATUS_ETA_SECONDS);
	uint64_t left = (uint64_t)json_integer_value(json_object_get(line, STATUS_DIRTY_BYTES));

	if (left > progress->most_bytes)
		progress->most_bytes = left;
	progress_bytes("uploading", progress->most_bytes - left, progress->most_bytes,
		       json_is_number(eta) ? json_number_value(eta) : -1);
	return 0;
}
