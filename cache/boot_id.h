/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which page cache it was that a killed process left its writes in.
 *
 * A journal file carries the id of the page cache behind it. Found again by
 * one with the same id, all that was written is there; with another one, what
 * was not flushed may be lost (index.h, recovery). The page cache is a new one
 * after a boot, and also when the file system was unmounted in between: when
 * the disk failed, and was mended without a boot.
 *
 * The id is the kernel's boot id, its second half mixed with the number of the
 * mount. Before Linux 6.8 that number may be given again to the next mount: a
 * file system that failed and is mounted again in the same boot then passes
 * for the same one. What is missing is still found by its checksums, when it is
 * read.
 */
#ifndef DRAY_CACHE_BOOT_ID_H
#define DRAY_CACHE_BOOT_ID_H

#include "backend/base/id.h"

/* For files in this directory. */
int boot_id_read(const char *directory, struct id *out);

#endif
