/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which changed contents a commit carries, and in what order the others are
 * uploaded ahead of a later one. Pure.
 *
 *	content                               carried
 *	nothing left to upload                always
 *	a barrier (fsync, rename over)        always: the cut may not pass it; but
 *					      relaxed, as others, when it is an
 *					      fsync of more than content_bytes
 *	wanted, when all is to be carried     always
 *	wanted, and all wanted together lack  always
 *	at most all_bytes, contents_max
 *	busy                                  no: who uploads it goes on
 *	growing, before its time is due       no: its cuts would be arbitrary
 *	more than content_bytes to upload     no: uploaded ahead (bulk.h)
 *	the same, wanted or due, and at most  as others
 *	due_bytes
 *	others                                in order, up to total_bytes and
 *					      contents_max; half of that is for
 *					      small ones first
 *
 * The order: what is wanted; then by deadline, or by when it could be uploaded if
 * that is later (an hour's upload cannot keep its deadline, and does not make
 * others miss theirs); small first among those that differ by less than
 * quantum_ns.
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
#define CHOOSE_SMALL_BYTES   (256u << 10)
/* Contents to be uploaded: what bounds the memory of a commit. */
#define CHOOSE_CONTENTS_MAX 65536

struct choose_conf {
	bool all;	    /* all that is wanted, whatever it takes */
	bool relaxed;	    /* large fsyncs do not hold up others */
	uint64_t all_bytes; /* 0: no such rule */
	uint64_t content_bytes;
	uint64_t due_bytes;
	uint64_t total_bytes;
	uint64_t small_bytes;
	size_t contents_max;
	int64_t now_ns;		   /* wall time */
	int64_t quantum_ns;	   /* deadlines this close are equal; at least 1 */
	uint64_t bytes_per_second; /* of the link, about; 0: unknown */
};

struct choose_item {
	uint64_t unstored_bytes; /* to be uploaded */
	int64_t deadline_ns;	 /* wall time when it should be in the cloud */
	int64_t due_ns;		 /* wall time from which it is carried while it grows */
	bool barrier;
	bool replaces; /* with barrier: moved over a file */
	bool wanted;   /* somebody waits for it */
	bool growing;  /* long, and being written right now */
	bool busy;     /* being uploaded ahead right now */
	/* out */
	bool carried;
	bool left; /* not carried, but the next commit could */
};

/* Returns how many are left. */
size_t choose(const struct choose_conf *conf, struct choose_item *items, size_t count);

/* The place of a content in the order above. */
struct choose_rank {
	bool wanted;
	int64_t time; /* in quanta */
	uint64_t bytes;
};

struct choose_rank choose_rank(const struct choose_conf *conf, const struct choose_item *item);
/* As memcmp(). */
int choose_rank_compare(const struct choose_rank *a, const struct choose_rank *b);

#endif
