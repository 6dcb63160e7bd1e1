/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applying commits to an index that is read meanwhile, and what that changes
 * for those who read (follow.h).
 */
#ifndef DRAY_CACHE_FOLLOW_APPLY_H
#define DRAY_CACHE_FOLLOW_APPLY_H

#include "cache/cache.h"
#include "cache/log_read.h"
#include "cache/row_sort.h"

/* Beyond this much only CACHE_CHANGED_MUCH is told. */
#define FOLLOW_NOTES_BYTES_MAX (32u << 20)

/* What changed, in order, without repetitions side by side. */
struct follow_notes {
	struct buffer bytes;
	enum cache_change_kind last_kind;
	uint64_t last_ino;
	bool too_many;
};

void follow_notes_release(struct follow_notes *notes);
void follow_notes_tell(const struct follow_notes *notes, cache_changed_fn *fn, void *arg);

/* 0, or -ERR_commit_corrupt when no commit may carry the row. */
int follow_check_row(const struct row_run_row *row);

/*
 * Makes the rows (finished, each checked) the index's, with the record of the
 * commit at the position, while nobody reads. Fills notes. An error is one of
 * the local disk: what is shown is then neither state.
 */
int follow_apply(struct cache *cache, struct row_sort *rows, const struct log_position *position,
		 int64_t cut_real_ns, struct follow_notes *notes);

#endif
