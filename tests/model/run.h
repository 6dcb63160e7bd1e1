/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one seed's random operations on the model (tree.h) and on a cache,
 * which have to agree after each.
 */
#ifndef DRAY_TESTS_MODEL_RUN_H
#define DRAY_TESTS_MODEL_RUN_H

#include "backend/base/id.h"
#include "cache/cache_int.h"
#include "tests/model/bucket.h"
#include "tests/model/disk.h"
#include "tests/model/history.h"
#include "tests/model/tree.h"

#define RUN_TRACE_LINES 80
#define RUN_TRACE_WIDTH 200

#define RUN_WAITS_MAX 256

/* All up to this operation was in the bucket after so many changes of it. */
struct run_wait {
	size_t changes;
	unsigned int operation;
};

struct run {
	uint64_t seed;
	unsigned int operations;
	unsigned int operation; /* under way, from 1 */
	uint64_t random;
	const char *directory;
	struct cache *cache;
	struct tree tree;
	/* with a store */
	bool cloud;
	struct store *retry;
	struct store *fault;
	char url[64];
	struct volume_params volume;
	/* with every state of the bucket */
	bool prefixes;
	struct bucket *bucket;
	struct run_wait waits[RUN_WAITS_MAX]; /* the first: where the check begins */
	size_t waits_count;
	int open_code; /* of run_try_open() */
	/* with a store, crashes or trouble */
	struct history *history;
	unsigned int durable_operation; /* a power cut leaves all names up to it */
	/* with crashes or trouble */
	bool crashes;
	bool troubles;
	_Atomic bool crashed;	   /* a crash point was hit: the disk stands still */
	bool unsure;		   /* the operation did not end as it should */
	uint64_t mixed_ino;	   /* the operation changes its content step by step */
	enum disk_trouble trouble; /* of the disk, at present */
	struct id boot_id;	   /* changes with each power cut */
	int64_t before_ns;	   /* when the operation began */
	char trace[RUN_TRACE_LINES][RUN_TRACE_WIDTH];
	unsigned int traced;
};

struct run_conf {
	uint64_t seed;
	unsigned int operations;
	const char *directory; /* removed and made */
	bool cloud;	       /* with a store in memory, which the machine may be lost to */
	bool crashes;	       /* ends at crash points, and power cuts */
	bool troubles;	       /* a disk that fails */
	bool prefixes;	       /* a store that fails; every state of it is restored */
	bool verbose;
};

/* Ends the process when model and cache disagree. */
void run_seed(const struct run_conf *conf);

/* Notes what the operation does; printed when the run fails. */
void run_trace(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the trace, the seed and how to repeat it, and ends the process. */
_Noreturn void run_fail(struct run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t run_random(struct run *run, uint64_t limit);

/* place.c: the cache's directory and its bucket. */
void run_place_init(struct run *run);
void run_place_release(struct run *run);
/* Opens the cache: new, or what is there, or, with a store, what is restored. */
void run_open(struct run *run);
/* The same; or the code, and nothing is open. */
int run_try_open(struct run *run);
/* The store answers no more, nor waits. Any thread. */
void run_store_down(struct run *run);
/* Everything is in the bucket; false when that cannot be any more. */
bool run_wait(struct run *run);
void run_close(struct run *run);
/* As kill -9. lost: the directory is gone as well. */
void run_kill(struct run *run, bool lost);
void run_lose_directory(struct run *run);

/* crash.c: arms a crash point, one that was hit least: of those that are
 * reached when a cache is opened (lost: restored), or of the others. */
enum crash_place { CRASH_IN_OPERATIONS, CRASH_AT_OPEN, CRASH_AT_RESTORE };
void run_arm(struct run *run, enum crash_place place);
void run_disarm(void);
/* A checkpoint of the index may reach it soon. */
bool run_armed_at_checkpoint(void);
bool run_is_armed(void);
/* Each point, and how often it ended a run; false when one never did, of
 * those that can be reached with or without a store. */
bool run_report_crashes(bool cloud);
/* An operation may fail, and the run goes on. */
bool run_may_fail(const struct run *run);
/* fsync: names up to now are durable, and the content of the file. */
void run_durable(struct run *run, uint64_t ino);
/* recover.c: the cache ends as it is (or has ended); what is left is opened and
 * judged, and the model goes on from it. */
enum run_end { END_KILL, END_CUT, END_LOST };
void run_recover(struct run *run, enum run_end end);
/* A kill or a power cut. Who starts again on a disk that lost a sync does it
 * after a reboot. */
enum run_end run_end_kind(struct run *run);

/* prefixes.c: restores the bucket as it was after each change. */
void run_check_prefixes(struct run *run);

/* operations.c: one random operation on both. */
void run_operation(struct run *run);
/* The kernel's part of an inode's death, in the cache: ns_forget(). */
void run_collect(struct run *run);

/* load.c: the model of what the cache holds. */
void run_load(struct run *run, struct tree *out);

/* compare.c: the touched files only; all; what must hold inside the index. */
void run_check_touched(struct run *run);
void run_compare(struct run *run);
void run_check_rows(struct run *run);

#endif
