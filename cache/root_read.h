/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading checkpoints: which there are, a root, and the rows of its runs.
 * Any thread.
 */
#ifndef DRAY_CACHE_ROOT_READ_H
#define DRAY_CACHE_ROOT_READ_H

#include "backend/base/error.h"
#include "cache/root_format.h"

struct cache;

/* The roots in the bucket by their seq, ascending. Owned: root_list_release(). */
struct root_list {
	uint64_t *seqs;
	size_t count;
};

int root_list_get(struct cache *cache, struct root_list *out);
void root_list_release(struct root_list *list);

/* Gets and checks root/<seq>. 0 (root_release() ends it), -ENOENT,
 * -ERR_commit_corrupt, -ERR_format_newer, or an error of the store. */
int root_get(struct cache *cache, uint64_t seq, struct root *out);

/*
 * Appends the rows of a run of root/<seq> (row_run.h), checked against its
 * descriptor. 0, -ERR_object_missing, -ERR_commit_corrupt, ...
 */
int root_get_run(struct cache *cache, uint64_t seq, const struct row_part *part,
		 struct buffer *rows_out);

/* Another root, or none, may do where this one cannot be read for this code:
 * its bytes are damaged or missing. */
static inline bool root_is_damage(int code)
{
	return code == -ERR_commit_corrupt || code == -ERR_object_missing || code == -ENOENT;
}

#endif
