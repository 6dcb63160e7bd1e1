/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut could still take back: the old bytes below each write
 * that no sync followed, and the changes of names in each directory that
 * was not synced since. For disk.c, which calls from one thread at a time.
 */
#ifndef DRAY_TESTS_MODEL_UNDO_H
#define DRAY_TESTS_MODEL_UNDO_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/disk.h"

/* Keeps a directory of its own beside this one, for files that were unlinked. */
void undo_start(const char *directory);
/* The call is about to be made, and will not fail. */
void undo_note(const struct disk_request *request);
/* What was written to the file so far is lost for any later sync. True for
 * a segment or a file of the journal. */
bool undo_sync_failed(int fd);
/* The power cut. */
void undo_some(uint64_t seed);
void undo_forget(void);
void undo_stop(void);

#endif
