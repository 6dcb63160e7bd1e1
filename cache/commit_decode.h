/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads commits (commit_format.h). Nothing is believed before the checksum of
 * the whole object; no length is believed at all. Pure.
 */
#ifndef DRAY_COMMIT_DECODE_H
#define DRAY_COMMIT_DECODE_H

#include <stddef.h>

#include "backend/seal.h"
#include "cache/commit_format.h"

/*
 * Takes the object log/<seq> of this volume apart. commit_out points into
 * bytes, which must outlive it; commit_release() ends it. Inline parts and the
 * inline pack are located here and verified when they are decoded
 * (row_part_decode(), pack_decode_chunk()). Whether it follows its predecessor is
 * the caller's question: head.previous.
 *
 * Returns 0, -ERR_format_newer, or -ERR_commit_corrupt with a sentence (also
 * when the object belongs to another volume or another seq).
 */
int commit_decode(const struct id *volume, uint64_t seq, const struct seal *seal, const void *bytes,
		  size_t length, struct commit *commit_out);

/* The same for root/<seq>: commit_decode() with the root's magic. */
int commit_decode_root(const struct id *volume, uint64_t seq, const struct seal *seal,
		       const void *bytes, size_t length, struct commit *commit_out);

void commit_release(struct commit *commit);

#endif
