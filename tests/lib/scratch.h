/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of one's own under /tmp, for the time of a test. */
#ifndef DRAY_TESTS_SCRATCH_H
#define DRAY_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/buffer.h"

/* Its path, to be passed to scratch_remove(). */
static inline char *scratch_make(void)
{
	char *path = xstrdup("/tmp/dray-test.XXXXXX");

	if (!mkdtemp(path))
		abort();
	return path;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Removes it with all that is in it, and frees the path. */
static inline void scratch_remove(char *path)
{
	nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

#endif
