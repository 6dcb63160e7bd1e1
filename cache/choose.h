/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which changed contents a commit carries. Pure.
 *
 *	content                               carried
 *	nothing left to upload                always
 *	a barrier (fsync, rename over)        always: the cut may not pass it
 *	all is wanted (somebody waits)        always
 *	long and still growing, or busy       no: its cuts would be arbitrary
 *	more than content_bytes to upload     no: uploaded ahead (bulk.h)
 *	others                                small and old first, up to
 *					      total_bytes
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

struct choose_conf {
	bool all;
	uint64_t content_bytes;
	uint64_t total_bytes;
	uint64_t run_bytes;  /* a content with less to upload is not long */
	uint64_t active_lsn; /* a later change: still growing */
};

struct choose_item {
	uint64_t unstored_bytes; /* to be uploaded */
	int64_t since_ns;	 /* wall time of the first change the cloud lacks */
	uint64_t lsn;		 /* of the last change */
	bool barrier;
	bool busy;    /* being uploaded ahead right now */
	bool carried; /* out */
};

/* Returns how many are left although the next commit could carry them. */
size_t choose(const struct choose_conf *conf, struct choose_item *items, size_t count);

#endif
