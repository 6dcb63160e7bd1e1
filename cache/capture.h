/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture: what a commit will carry, taken from a snapshot of the index in
 * one go, so that the snapshot is let go before anything is uploaded.
 *
 *	DIRTY row of          becomes
 *	INODE                 its row, or a removal when it is gone or has no
 *			      name: an inode without a name is not in the cloud
 *	DIRENT                its row, or a removal
 *	XATTR                 the same, but stays dirty while the inode is there
 *			      without a name
 *	CONTENT, EXTENT       one captured content an inode: its row and the
 *			      changed extents, all as of the cut; nothing while
 *			      the inode is there without a name
 *
 * The first three are written to the commit's body at once. Of the contents,
 * choose() says which are carried; the others are named in the ledger and
 * stay dirty. Extents of generations that no longer count are left alone
 * until they are reaped.
 *
 * Bytes that are to be uploaded are held by pins of their segments from
 * before the snapshot until capture_release(): they stay readable although
 * applications overwrite them meanwhile.
 *
 * A captured extent is read by segments_read() with its place, or has refs.
 */
#ifndef DRAY_CACHE_CAPTURE_H
#define DRAY_CACHE_CAPTURE_H

#include "cache/choose.h"
#include "cache/cloud_wait.h"
#include "cache/commit_body.h"
#include "cache/index.h"
#include "cache/name_find.h"
#include "cache/row_format.h"

struct cache;

struct captured_extent {
	uint64_t end;
	uint32_t generation;
	uint32_t length; /* 0: the row is gone */
	uint64_t segment;
	uint32_t record;
	uint32_t delta;
	uint32_t refs_count; /* 0: to be uploaded */
	size_t refs_first;   /* in the capture's refs */
};

struct captured_content {
	uint64_t ino;
	struct content_row row;
	bool row_dirty; /* the CONTENT row is carried */
	bool row_gone;	/* ... as a removal */
	bool carried;
	bool left; /* the next commit can carry it */
	bool lost; /* its bytes cannot be read: not carried after all */
	size_t extents_first;
	size_t extents_count;
	uint64_t unstored_bytes;
	int64_t since_ns;
	int64_t deadline_ns; /* wall time when the cloud should have it */
	uint64_t directory;  /* whose policy counts */
	uint64_t lsn;
	bool barrier;
	bool replaces;
	bool wanted;
	struct choose_rank rank;
};

/* What keeps the cut where it is: a barrier with much to upload. */
#define HELD_BY_MAX 8
struct held_content {
	uint64_t ino;
	uint64_t bytes; /* to be uploaded */
	char path[1024];
};

struct capture {
	struct cache *cache;
	uint64_t cut_lsn;
	int64_t cut_real_ns;
	struct index_counters counters;

	struct captured_content *contents; /* in the order of inode numbers */
	size_t contents_count;
	size_t contents_capacity;
	struct captured_extent *extents;
	size_t extents_count;
	size_t extents_capacity;
	struct extent_ref *refs;
	size_t refs_count;
	size_t refs_capacity;

	uint64_t *pins; /* segment numbers, ascending */
	size_t pins_count;

	size_t pending;		   /* contents not carried */
	size_t left;		   /* of these, what the next commit could carry */
	size_t late;		   /* contents not carried whose time is over */
	bool due;		   /* some are not carried although they should be */
	int64_t oldest_pending_ns; /* wall time; 0: none */
	struct held_content held[HELD_BY_MAX];
	unsigned int held_count;
	bool missed; /* a segment was gone: take it again */
};

struct capture_conf {
	struct cache *cache;
	struct commit_body *body;   /* gets the rows of the namespace */
	struct commit_body *ledger; /* gets what is pending */
	struct name_find *names;
	struct choose_conf choose; /* now_ns is set by capture_take() */
	const struct wanted_set *wanted;
	/* A long content that was changed behind active_lsn, and since its last
	 * close, is still growing. */
	uint64_t active_lsn;
	uint64_t busy_ino; /* left to who uploads it now, if it can wait; 0: none */
};

/*
 * Takes a capture; capture_release() ends it, also after an error. When
 * `missed` is set, a segment was reclaimed between two steps (nobody waits
 * long enough to see it twice): release all and take it again.
 */
int capture_take(const struct capture_conf *conf, struct capture *out);
void capture_release(struct capture *capture);

#endif
