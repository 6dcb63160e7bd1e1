/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much the cache may hold, as it was asked for and as the disk allows:
 *
 *	cache    what eviction keeps the cache to: cache_bytes, or less while
 *		 the disk has no more than min_free_bytes for others
 *	dirty    what may be in no acknowledged pack: dirty_bytes, but at most
 *		 LIMITS_DIRTY_PERCENT of `cache`: the rest is for the journal, the
 *		 index, metadata and for the uploads themselves, so that a full
 *		 cache can be emptied and rm(1) works
 *
 * All of them can be changed at any time; how large segments and journal files
 * are was decided when the cache was opened.
 *
 * Fields are atomic: readers need no lock.
 */
#ifndef DRAY_CACHE_LIMITS_H
#define DRAY_CACHE_LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LIMITS_DIRTY_PERCENT 80

/* When nothing more can be taken in; their names, in this order. */
enum full_policy { FULL_BLOCK, FULL_ENOSPC, FULL_READONLY };
#define FULL_POLICY_NAMES "block|enospc|readonly"

struct limits_conf {
	uint64_t cache_bytes;
	uint64_t dirty_bytes;	 /* 0: as much as LIMITS_DIRTY_PERCENT allows */
	uint64_t min_free_bytes; /* of the disk; 0: limits_min_free_default() */
	enum full_policy on_full;
};

struct limits {
	/* what was asked for */
	_Atomic uint64_t cache_bytes;
	_Atomic uint64_t dirty_bytes;
	_Atomic uint64_t min_free_bytes;
	_Atomic uint64_t on_full;
	/* what the disk allows, as of the last limits_note_disk() */
	_Atomic uint64_t disk_bytes;
};

void limits_init(struct limits *limits, const struct limits_conf *conf);
void limits_set(struct limits *limits, const struct limits_conf *conf);
void limits_get(const struct limits *limits, struct limits_conf *out);

uint64_t limits_cache_bytes(const struct limits *limits);
uint64_t limits_dirty_bytes(const struct limits *limits);
enum full_policy limits_on_full(const struct limits *limits);

/*
 * The disk has free_bytes left for whoever asks first, of disk_size, while the
 * cache takes used_bytes of it.
 */
void limits_note_disk(struct limits *limits, uint64_t disk_size, uint64_t free_bytes,
		      uint64_t used_bytes);
/* 5 % of the disk, at most 1 GiB. Pure. */
uint64_t limits_min_free_default(uint64_t disk_size);

/*
 * May a file be opened for writing, made (opening), or written to, with so many
 * dirty bytes? 0; -ENOSPC, -EROFS as the policy says, without a sentence: it
 * is an expected outcome. With FULL_BLOCK always 0: the budget delays instead.
 * Opening is refused when LIMITS_HEADROOM_PERCENT of the limit is left: the
 * kernel takes writes before it hands them on, and what is refused then is
 * lost to the program, which learns of it at close or fsync only.
 */
#define LIMITS_HEADROOM_PERCENT 10
int limits_refuse(const struct limits *limits, uint64_t dirty, bool opening);

#endif
