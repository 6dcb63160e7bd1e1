/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for what to be in the cloud.
 *
 * A wait is for the state of some contents as they were when it began, and for
 * all names and attributes as of then. It is over when a commit whose cut is not
 * older was acknowledged, and each of the contents was carried by it or by a
 * commit since:
 *
 *	inodes of the wait   become
 *	all (not known yet)  those that the first such commit did not carry
 *	a set                without those that a such commit carried, or that
 *			     need none
 *
 * What is written to them meanwhile is not waited for.
 *
 * The committer asks which contents are wanted (cloud_waits_wanted()), so that
 * they go first, and tells what each commit left out (cloud_waits_note()).
 *
 * Locks: LEAF. A wait belongs to who began it.
 */
#ifndef DRAY_CACHE_CLOUD_WAIT_H
#define DRAY_CACHE_CLOUD_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/lock.h"

/* A content that a commit did not carry. */
struct content_left {
	uint64_t ino;
	bool lost; /* its bytes cannot be read: it will not be carried */
};

struct cloud_wait {
	struct cloud_wait *next;
	/* immutable */
	uint64_t target_lsn;
	/* guarded by the lock of struct cloud_waits */
	bool all;
	uint64_t *inos; /* ascending; owned */
	size_t count;
	bool over;
	int result;
	char message[512]; /* of the result */
};

struct cloud_waits {
	struct lock lock;
	struct condition changed; /* a wait is over */
	/* guarded by lock */
	struct cloud_wait *first;
	uint64_t changes; /* how often `changed` was told */
	int dead_code;	  /* no commit will come any more */
	char dead_message[512];
};

/* The union of what is waited for. */
struct wanted_set {
	bool any; /* somebody waits */
	bool all;
	uint64_t *inos; /* ascending */
	size_t count;
};

void cloud_waits_init(struct cloud_waits *waits);
void cloud_waits_release(struct cloud_waits *waits);

/* Begins a wait for these inodes (copied; ascending), or for all. */
void cloud_wait_begin(struct cloud_waits *waits, struct cloud_wait *wait, uint64_t target_lsn,
		      bool all, const uint64_t *inos, size_t count);
void cloud_wait_end(struct cloud_waits *waits, struct cloud_wait *wait);
/* 0: in the cloud. -EINPROGRESS: not yet. Otherwise why it cannot happen any
 * more, with its sentence. */
int cloud_wait_state(struct cloud_waits *waits, const struct cloud_wait *wait);
/* Returns when the wait is over, or at that time (clock_boot_ns()). */
void cloud_wait_sleep(struct cloud_waits *waits, const struct cloud_wait *wait, int64_t until_ns);

/* For who looks after many: returns when something has changed since
 * cloud_waits_changes() was asked, or at that time. */
uint64_t cloud_waits_changes(struct cloud_waits *waits);
void cloud_waits_sleep(struct cloud_waits *waits, uint64_t changes, int64_t until_ns);

bool cloud_waits_any(struct cloud_waits *waits);
void cloud_waits_wanted(struct cloud_waits *waits, struct wanted_set *out);
void wanted_set_release(struct wanted_set *set);
bool wanted_set_has(const struct wanted_set *set, uint64_t ino);
/* A commit as of cut_lsn is in the cloud, and lacks these (ascending).
 * lost_message: of the last that was lost. */
void cloud_waits_note(struct cloud_waits *waits, uint64_t cut_lsn, const struct content_left *left,
		      size_t count, const char *lost_message);
/* All waits, and those to come, end with this code and sentence. */
void cloud_waits_fail(struct cloud_waits *waits, int code, const char *message);

#endif
