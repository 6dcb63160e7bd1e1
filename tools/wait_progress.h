/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line of what waits for uploads (wait, umount --flush). */
#ifndef DRAY_TOOLS_WAIT_PROGRESS_H
#define DRAY_TOOLS_WAIT_PROGRESS_H

#include <jansson.h>
#include <stdint.h>

/* Zeroed at the start. */
struct wait_progress {
	uint64_t most_bytes; /* the greatest amount seen: the bar's whole */
};

/* A control_line_fn; arg is a struct wait_progress. */
int wait_progress_line(const json_t *line, void *arg);

#endif
