/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache directory itself: its folders, its lock, and volume.json, which
 * says whose cache it is:
 *
 *	{
 *	  "drayfs": "cache", "format": 1,
 *	  "cache": "<32 hex digits>",    this directory, drawn once
 *	  "url": "s3://bucket/prefix",
 *	  "epoch": 7,                    the last writer epoch claimed from here
 *	  "restored": true,              the index holds the volume's state
 *	  "volume": { the bucket's volume object }
 *	}
 *
 * The file is replaced atomically (temporary file, fsync, rename, fsync of the
 * directory). A directory of another volume, of a newer format, or in use by
 * another process is refused; nothing in it is touched.
 */
#ifndef DRAY_CACHE_DIRECTORY_H
#define DRAY_CACHE_DIRECTORY_H

#include <stdbool.h>

#include "backend/volume_format.h"

#define CACHE_FORMAT_VERSION 1

struct cache_identity {
	struct id cache;
	char *url; /* owned; cache_identity_release() */
	uint64_t epoch;
	bool restored;
	struct volume_params volume;
};

/*
 * Makes the directory and its folders where they lack (not when read_only)
 * and locks it. The descriptor of the lock, or -ERR_cache_busy when another
 * process has it, -ERR_cache_foreign when it is not empty and no cache (then
 * nothing was made), -ERR_local_io otherwise.
 */
int cache_directory_lock(const char *directory, bool read_only);
/* Reads volume.json. -ENOENT when there is none (a new cache),
 * -ERR_cache_foreign when the file is not what it should be,
 * -ERR_format_newer. */
int cache_identity_read(const char *directory, struct cache_identity *out);
/* Writes volume.json durably. */
int cache_identity_write(const char *directory, const struct cache_identity *identity);
void cache_identity_release(struct cache_identity *identity);

#endif
