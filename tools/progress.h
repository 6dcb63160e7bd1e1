/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A progress line on stderr, redrawn in place; nothing at all when stderr is
 * no terminal.
 */
#ifndef DRAY_TOOLS_PROGRESS_H
#define DRAY_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Draws "label  [####......]  12.3 MiB of 40.0 MiB  eta 35s". total 0: no
 * bar, only the amount. eta_seconds < 0: unknown. */
void progress_bytes(const char *label, uint64_t done, uint64_t total, double eta_seconds);
/* As progress_bytes(), for things that are counted. */
void progress_count(const char *label, uint64_t done, uint64_t total);
/* Removes the line. Call it before anything else is printed. */
void progress_clear(void);

#endif
