/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks with ranks. A thread may only take a lock whose rank is higher than
 * that of every lock it holds; builds with DRAY_LOCK_CHECK (all debug builds)
 * abort with both names otherwise. Ranks, outermost first, are the one list below.
 *
 * No lock is held across the network, a FUSE reply, fdatasync(2), or a wait
 * for another inode. Two inodes are locked lower number first: their rank is
 * the only one that may be held several times (lock_node_*).
 *
 * A function named x_locked() starts with lock_assert_held(&x->lock).
 */
#ifndef DRAY_BASE_LOCK_H
#define DRAY_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LOCK_RANKS(X)                                                      \
	X(CONTROL)     /* fs: control connections */                       \
	X(SESSION)     /* fs: lookup counts and handles */                 \
	X(RENAMES)     /* cache: directories move one at a time */         \
	X(LIFECYCLE)   /* cache: start, stop, state */                     \
	X(SHOWN)       /* cache: which commit a follower shows */          \
	X(NODE)	       /* cache: one inode; several, lower number first */ \
	X(NODE_TABLE)  /* cache: the table of active inodes */             \
	X(COMMIT)      /* cache: transaction group and committer state */  \
	X(CACHED)      /* cache: who takes chunks out of the cache */      \
	X(FETCH)       /* cache: fetches in flight, decoded chunks */      \
	X(BUDGET)      /* cache: dirty bytes and delayed replies */        \
	X(INDEX)       /* cache: order of index changes */                 \
	X(SEGMENT)     /* cache: the table of segments, append position */ \
	X(JOURNAL)     /* cache: journal buffer and marks */               \
	X(INDEX_VIEW)  /* cache: pointer to the current view */            \
	X(STORE)       /* backend: state of one store */                   \
	X(HTTP)	       /* backend: pool of connections */                  \
	X(CREDENTIALS) /* backend: the credentials in force */             \
	X(LEAF)	       /* nothing is taken under it */

enum lock_rank {
	LOCK_RANK_INVALID,
#define X(name) LOCK_RANK_##name,
	LOCK_RANKS(X)
#undef X
	};

struct lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
	pthread_t owner; /* meaningful while held; checked in debug builds */
	bool held;
};

struct rwlock {
	pthread_rwlock_t rwlock;
	enum lock_rank rank;
};

struct condition {
	pthread_cond_t cond;
};

void lock_init(struct lock *lock, enum lock_rank rank);
void lock_destroy(struct lock *lock);
void lock_acquire(struct lock *lock);
void lock_release(struct lock *lock);
/* Aborts in debug builds when this thread does not hold the lock. */
void lock_assert_held(const struct lock *lock);

void rwlock_init(struct rwlock *lock, enum lock_rank rank);
/* One whose writers wait for those who hold it, not for those who come behind
 * them. No thread may take it twice. */
void rwlock_init_writers_first(struct rwlock *lock, enum lock_rank rank);
void rwlock_destroy(struct rwlock *lock);
void rwlock_acquire_read(struct rwlock *lock);
void rwlock_acquire_write(struct rwlock *lock);
void rwlock_release(struct rwlock *lock);

void condition_init(struct condition *condition);
void condition_destroy(struct condition *condition);
/* Waits; the lock is released meanwhile. May wake without cause. */
void condition_wait(struct condition *condition, struct lock *lock);
/* As condition_wait(), until clock_boot_ns() passes; false when it passed. */
bool condition_wait_until(struct condition *condition, struct lock *lock, int64_t boot_ns);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);

#endif
