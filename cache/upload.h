/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploading pieces of files: planned (plan.h), read from their segments,
 * looked up, packed, put and attached (pack_stream.h).
 *
 * The caller holds pins of all segments. Bytes that fail their check are
 * never uploaded as good: the inode is given up, told by lost(), and keeps
 * its DIRTY rows.
 */
#ifndef DRAY_CACHE_UPLOAD_H
#define DRAY_CACHE_UPLOAD_H

#include "cache/pack_stream.h"
#include "cache/plan.h"

struct upload_piece {
	uint64_t ino;
	uint32_t generation;
	uint64_t offset; /* in the file */
	uint32_t length;
	uint64_t segment;
	uint32_t record;
	uint32_t delta;
	bool open; /* as in plan_piece */
	/* out */
	uint32_t placed; /* bytes from offset on that are in chunks */
	uint32_t refs_count;
	size_t refs_first; /* in the upload's refs */
};

struct upload {
	/* given */
	struct cache *cache;
	struct pack_stream *stream;
	struct upload_piece *pieces; /* any order; they do not overlap */
	size_t pieces_count;
	uint64_t bytes_max; /* as in plan_conf */
	/* The inode's bytes cannot be read; code has its sentence. */
	void (*lost)(void *arg, uint64_t ino, int code);
	void *lost_arg;

	/* out; upload_release() */
	struct extent_ref *refs;
	size_t refs_count;
	size_t refs_capacity;
};

/*
 * Plans and stores all pieces; those placed are attached as their packs are
 * acknowledged: by pack_stream_finish() at the latest, which the caller calls.
 */
int upload_run(struct upload *upload);
void upload_release(struct upload *upload);

#endif
