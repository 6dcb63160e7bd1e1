/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, in nanoseconds. Pure algorithms take times as arguments instead. */
#ifndef DRAY_BASE_CLOCK_H
#define DRAY_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS     1000000LL

/* Wall time since 1970. */
int64_t clock_real_ns(void);
/* Since boot, counting suspended time; never goes back. */
int64_t clock_boot_ns(void);
struct timespec clock_to_timespec(int64_t ns);
/* Times outside 1677 to 2262 (applications set any) become the nearest end. */
int64_t clock_from_timespec(const struct timespec *ts);
/* "2026-11-22T21:52:16.123Z" into text (at least 32 bytes). */
void clock_format(int64_t real_ns, char *text);

#endif
