/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound release of short-lived resources (gcc and clang attribute):
 *
 *	CLEANUP_BUFFER struct buffer body = BUFFER_INIT;
 *	CLEANUP_FREE char *path = xasprintf(...);
 *
 * A function uses either these or one `out:` label, never both.
 */
#ifndef DRAY_BASE_CLEANUP_H
#define DRAY_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#include "backend/base/buffer.h"

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define CLEANUP_FREE   __attribute__((cleanup(cleanup_free)))
#define CLEANUP_FD     __attribute__((cleanup(cleanup_fd)))
#define CLEANUP_BUFFER __attribute__((cleanup(buffer_release)))

#endif
