/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged bytes that are nowhere else: a reader or an upload found that their
 * checksum does not match, and no pack has them. They are EIO for readers and
 * are never uploaded; here they are kept for `dray status`, a row for each
 * record of a segment, until what refers to them is overwritten or removed.
 *
 * In memory: after a restart they are found again by the next attempt to
 * upload them.
 */
#ifndef DRAY_CACHE_DAMAGE_H
#define DRAY_CACHE_DAMAGE_H

#include "backend/base/lock.h"
#include "cache/cache.h"

#define DAMAGE_ROWS_MAX CACHE_DAMAGE_MAX

struct damage_row {
	uint64_t ino;
	uint64_t offset; /* in the file */
	uint64_t length;
	uint64_t segment;
	uint32_t record;
	int64_t since_ns; /* wall time */
};

struct damage {
	struct lock lock;
	/* guarded by lock */
	struct damage_row rows[DAMAGE_ROWS_MAX];
	unsigned int count;
};

void damage_init(struct damage *damage);
void damage_release(struct damage *damage);

/* Bytes of a dirty extent are damaged, as err_message(code) tells; logged the
 * first time. With more than DAMAGE_ROWS_MAX rows it is only logged. */
void damage_note(struct cache *cache, int code, uint64_t ino, uint64_t offset, uint64_t length,
		 uint64_t segment, uint32_t record);
/* The rows that are still true, with paths; at most DAMAGE_ROWS_MAX. */
unsigned int damage_list(struct cache *cache, struct cache_damage *out);

#endif
