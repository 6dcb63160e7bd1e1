/* SPDX-License-Identifier: Apache-2.0 */
/* Writes commits (commit_format.h). Pure. */
#ifndef DRAY_COMMIT_ENCODE_H
#define DRAY_COMMIT_ENCODE_H

#include "backend/base/buffer.h"
#include "backend/seal.h"
#include "cache/commit_format.h"

/*
 * Appends the object's bytes to out, which is empty. The key id is the
 * seal's. A fence has neither parts nor a pack; a part has bytes exactly when
 * it is inline; the whole is at most COMMIT_SIZE_MAX (all asserted).
 */
void commit_encode(const struct commit *commit, const struct seal *seal, struct buffer *out);

/* The same for a root object: commit_encode() with the root's magic. */
void commit_encode_root(const struct commit *commit, const struct seal *seal, struct buffer *out);

#endif
