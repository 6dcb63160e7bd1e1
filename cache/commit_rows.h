/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a capture to the rows of a commit: what has to be uploaded, and, once
 * it is, the rows of contents and of the chunks they refer to.
 */
#ifndef DRAY_CACHE_COMMIT_ROWS_H
#define DRAY_CACHE_COMMIT_ROWS_H

#include "cache/capture.h"
#include "cache/upload.h"

/*
 * Fills upload->pieces (allocated; the caller frees it) with the extents of
 * carried contents that have no references. Those that got them since the
 * capture take them from the index.
 */
int commit_rows_find_pieces(struct cache *cache, struct capture *capture, struct upload *upload);
/* The references of all pieces placed, into the capture's extents. */
void commit_rows_take_refs(struct capture *capture, const struct upload *upload);
/*
 * Appends to the body, in key order: CONTENT and EXTENT rows of the contents
 * that are carried, then the CHUNK and PACK rows of what they refer to and no
 * commit has named. pack: what rides inline, or empty. Adds the bytes of the
 * extents to *logical_bytes.
 */
int commit_rows_write(struct cache *cache, const struct capture *capture,
		      const struct inline_pack *pack, struct commit_body *body,
		      uint64_t *logical_bytes);

#endif
