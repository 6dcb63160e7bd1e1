/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failed flush of the cache disk must not be forgotten: the kernel then takes
 * the pages for clean, and the next fdatasync(2) of the same file succeeds
 * although they never reached the disk. A gateway remembers it as long as it
 * runs, in the journal and in the segments; the note remembers it for the one
 * that is started next:
 *
 *	disk fails -> note -> (restart) -> every byte of the journal and of the
 *	segments is written once more, and flushed -> note removed
 *
 * The note lies in the cache directory, and also on a tmpfs, for the cache disk
 * may take no more: /run/dray for root, $XDG_RUNTIME_DIR/dray for others, named
 * after the device and inode of the cache directory. What a reboot takes from
 * there it takes from the page cache as well, and recovery looks at every byte
 * (index.h).
 */
#ifndef DRAY_CACHE_UNSYNCED_H
#define DRAY_CACHE_UNSYNCED_H

#include <stdbool.h>

#include "cache/cache.h"

#define UNSYNCED_NAME "unsynced"

/* Leaves the note for the cache of which this is a folder; what cannot be done
 * is logged. Any thread. */
void unsynced_note(const char *folder);
/*
 * Before the journal and the segments are opened for writing: does what the
 * note asks for, if there is one. -ERR_local_io, -ERR_cache_full: the disk
 * still fails, and the note stays.
 */
int unsynced_mend(const char *directory, cache_progress_fn *progress, void *progress_arg);

#endif
