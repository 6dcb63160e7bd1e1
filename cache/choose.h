/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which changed contents a commit carries. Pure.
 *
 *	content                               carried
 *	nothing left to upload                always
 *	a barrier (fsync, rename over)        always: the cut may not pass it
 *	all are wanted                        always
 *	all together lack at most all_bytes,  always
 *	and are at most contents_max
 *	growing, or busy                      no: its cuts would be arbitrary
 *	more than content_bytes to upload     no: uploaded ahead (bulk.h)
 *	others                                small and old first, up to
 *					      total_bytes and contents_max
 *
 * What is not carried stays dirty, and is told in the loss ledger.
 */
#ifndef DRAY_CACHE_CHOOSE_H
#define DRAY_CACHE_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHOOSE_CONTENT_BYTES (8u << 20)
#define CHOOSE_TOTAL_BYTES   (64u << 20)
/* Contents to be uploaded: what bounds the memory of a commit. */
#define CHOOSE_CONTENTS_MAX 65536

struct choose_conf {
	bool all;
	uint64_t all_bytes; /* 0: no such rule */
	uint64_t content_bytes;
	uint64_t total_bytes;
	size_t contents_max;
};

struct choose_item {
	uint64_t unstored_bytes; /* to be uploaded */
	int64_t since_ns;	 /* wall time of the first change the cloud lacks */
	bool barrier;
	bool growing; /* long, and being written right now */
	bool busy;    /* being uploaded ahead right now */
	/* out */
	bool carried;
	bool left; /* not carried, but the next commit could */
};

/* Returns how many are left. */
size_t choose(const struct choose_conf *conf, struct choose_item *items, size_t count);

#endif
