/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the process that waits for an answer. */
#ifndef DRAY_FS_CALLER_H
#define DRAY_FS_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Is the thread being killed, or closing its files because it was? The kernel
 * lets it go only when its request is answered, and tells of a signal once, not
 * which; so the thread is looked at in /proc. False when that is not possible.
 */
bool caller_is_killed(pid_t thread);

#endif
