/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache: one volume on this machine. It owns the index, the segments,
 * the committer, the fetcher and the store, and is what fs/ and tools/ use.
 * Operations are in ns.h (names), attr.h (attributes, xattrs), io.h
 * (content), state.h (where a file's bytes are); this file is the life of
 * the whole.
 *
 *	CACHE/volume.json   which volume, cache uuid, last epoch, boot id
 *	CACHE/lock          flock(2)ed while a process uses the directory
 *	CACHE/control.sock  the admin tool's way in (fs/control)
 *	CACHE/journal/      index.h
 *	CACHE/index/        index.h
 *	CACHE/segments/     segment.h
 *	CACHE/outbox/       encoded commits on their way (outbox.h)
 *
 *	state       meaning                                  next
 *	OPENING     recover, claim the epoch, restore        SERVING, FAILED
 *	SERVING     all operations                           READ_ONLY, STOPPING
 *	FOLLOWING   reads only: shows what others commit     READ_ONLY, STOPPING
 *	READ_ONLY   reads only: fenced, diverged, or the     STOPPING
 *	            journal cannot be written; cause kept
 *	STOPPING    no new operations; threads end
 *
 * Opening, in this order: lock the directory; check volume.json against the
 * bucket's volume object; index and segments recover; claim the next epoch;
 * follow the log to its end (adopting our own commits that lie in the
 * outbox); put the empty fence commit; for an empty directory, load the rows
 * of root and log first; start the threads. See fence.h and restore.h.
 *
 * Stopping keeps all dirty data: the next open goes on.
 *
 * A follower (conf.follow) claims nothing and puts nothing: it restores as above
 * without a fence commit, and cache_follow() then brings what others commit
 * (follow.h). Its directory is its own; one from which an epoch was claimed is
 * refused.
 */
#ifndef DRAY_CACHE_H
#define DRAY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/store.h"
#include "backend/store_stats.h"
#include "backend/volume_format.h"
#include "cache/limits.h"
#include "cache/policy.h"
#include "cache/read_stats.h"
#include "cache/rewriter.h"

struct cache;

enum cache_state {
	CACHE_STATE_INVALID,
	CACHE_STATE_OPENING,
	CACHE_STATE_SERVING,
	CACHE_STATE_FOLLOWING,
	CACHE_STATE_READ_ONLY,
	CACHE_STATE_STOPPING,
	CACHE_STATE_STOPPED, /* a dead cache, opened to look */
};

/* Called while opening takes long: what ("replay", "restore", "waiting for
 * the lease of HOST"), and how much of how much. */
typedef void cache_progress_fn(const char *what, uint64_t done, uint64_t total, void *arg);

struct cache_conf {
	const char *directory;
	const char *url;
	/* The assembled stack (stats over retry over the bottom); owned by the
	 * cache from a successful cache_open() on. */
	struct store *store;
	struct store *stats; /* the stats decorator in that stack; not owned */
	struct store *retry; /* the retry decorator in that stack; not owned */
	struct volume_params volume;

	uint64_t cache_bytes; /* --cache-size; 0: 10 GiB */
	uint64_t dirty_bytes; /* these three: see limits.h */
	uint64_t min_free_bytes;
	enum full_policy on_full;
	int64_t rpo_ns;		     /* see policy.h; 0: 60 s */
	enum durability durability;  /* the same */
	bool barrier_relaxed;	     /* large fsyncs do not hold up commits (choose.h) */
	int64_t upload_delay_ns;     /* age at which a transaction group is sealed; 0: 5 s */
	int64_t lease_ttl_ns;	     /* 0: 30 s */
	unsigned int upload_threads; /* 0: 4 */
	unsigned int fetch_threads;  /* 0: 8 */
	int zstd_level;		     /* 0: the volume's */
	uint64_t rewrite_bytes;	     /* see rewriter.h; a second; 0: off */
	int64_t rewrite_age_ns;	     /* the same */
	uint64_t checkpoint_commits; /* see checkpointer.h; 0: the default */
	uint64_t checkpoint_bytes;   /* the same */
	bool takeover;		     /* do not wait for another machine's lease */
	bool follow;		     /* read-only, never writes to the store */
	int64_t follow_interval_ns;  /* between two looks at the log; 0: 1 s */
	const struct id *boot_id;    /* NULL: boot_id_read() (tests of power cuts) */

	cache_progress_fn *progress; /* or NULL */
	void *progress_arg;
};

/* Creates the volume object. -ERR_volume_exists when there is one,
 * -ERR_store_unsupported without put-if-absent (probe.h). */
int cache_init_volume(struct store *store, const char *url, const struct volume_params *params);
/* Reads and checks the volume object. -ERR_volume_missing, -ERR_format_newer. */
int cache_read_volume(struct store *store, const char *url, struct volume_params *out);

int cache_open(const struct cache_conf *conf, struct cache **out);

/* What a commit changed that a follower took in. */
enum cache_change_kind {
	CACHE_CHANGED_INVALID,
	CACHE_CHANGED_ATTRIBUTES, /* of an inode */
	CACHE_CHANGED_CONTENT,	  /* of a file, or the listing of a directory; and attributes */
	CACHE_CHANGED_ENTRY,	  /* what a name in a directory leads to */
	CACHE_CHANGED_MUCH,	  /* more than can be told: anything */
};

struct cache_change {
	enum cache_change_kind kind;
	uint64_t ino;	  /* of an entry: the directory's */
	const char *name; /* of an entry, without a NUL */
	size_t name_length;
};

/* Called when reads show the new state already; may take its time. */
typedef void cache_changed_fn(const struct cache_change *change, void *arg);
/* Begins to follow, once, after cache_open() with conf.follow. fn is called on a
 * thread of the cache, until cache_close(). */
void cache_follow(struct cache *cache, cache_changed_fn *fn, void *arg);

/* Clean stop: flushes locally, releases the lease, ends the threads. Dirty
 * data stays for the next open. */
void cache_close(struct cache *cache);
/* Ends as a killed process would: nothing is flushed (tests). */
void cache_abandon(struct cache *cache);

/*
 * Opens a directory whose gateway is dead for looking only: nothing is
 * written, no store, no threads. -ERR_cache_busy when a gateway runs (the
 * tool then asks it through control.sock).
 */
int cache_open_dead(const char *directory, struct cache **out);

/* The limits as they were asked for, and others instead; the cache shrinks to
 * a smaller size as soon as what it holds may go. */
void cache_limits_get(struct cache *cache, struct limits_conf *out);
void cache_limits_set(struct cache *cache, const struct limits_conf *limits);

/* Called about once a second by a cache_wait() under way; a non-zero result
 * ends the wait and is returned by it. */
typedef int cache_wait_fn(void *arg);

/*
 * Waits until all that was handed to the cache before the call is in the
 * cloud: the commit whose cut is not older than the call, with all dirty
 * content in it, is acknowledged. 0, -ERR_try_again at the deadline
 * (clock_boot_ns(), INT64_MAX: none), or the cause when it cannot happen
 * any more (fenced). fn may be NULL. On a follower nothing is waited for: what
 * it shows comes from there.
 */
int cache_wait(struct cache *cache, int64_t deadline_boot_ns, cache_wait_fn *fn, void *arg);
/*
 * The same for the files at or below a path inside the volume ("/a/b"), and for
 * all names and attributes: those a commit always has. Other contents are waited
 * for only where the commit needs them (barriers). -ENOENT.
 */
int cache_wait_below(struct cache *cache, const char *path, int64_t deadline_boot_ns,
		     cache_wait_fn *fn, void *arg);
/*
 * For those who cannot block: 0 when the cloud has all of this inode; 1 and a wait
 * that has begun (cloud_wait.h), for cloud_wait_end(); or an error.
 */
struct cloud_wait;
struct cloud_waits;
int cache_cloud_begin(struct cache *cache, uint64_t ino, struct cloud_wait *wait);
struct cloud_waits *cache_cloud_waits(struct cache *cache);
/* Local barrier: everything handed over before the call survives a power
 * cut when it returns 0. */
int cache_sync(struct cache *cache);

/* Bytes in no pack whose checksum does not match: EIO for readers, never
 * uploaded, until they are overwritten. */
#define CACHE_DAMAGE_MAX 32
struct cache_damage {
	char path[1024]; /* one of its names; "": unknown */
	uint64_t ino;
	uint64_t offset;
	uint64_t length;
	int64_t since_ns; /* wall time when it was found */
};

/* What the commit under way has to upload before it can be made: a file that was
 * fsynced or moved over another one. Everything changed since waits for it. */
#define CACHE_HELD_BY_MAX 8
struct cache_held_by {
	char path[1024]; /* one of its names */
	uint64_t bytes;	 /* that are missing */
};

/* What `dray status` shows; the names of design's status line. */
struct cache_status {
	char volume[37];
	char name[256];
	const char *url;
	const char *directory;
	enum cache_state state;
	char state_cause[512]; /* READ_ONLY: why */
	uint64_t epoch;
	bool follower;
	int64_t checked_age_ns;	     /* follower: since it last knew the newest commit */
	uint64_t dirty_bytes;	     /* in no acknowledged pack */
	uint64_t dirty_files;	     /* content or size newer than in the cloud */
	uint64_t pending_files;	     /* of these, named as pending by the last commit */
	uint64_t late_files;	     /* of these, whose deadline (policy.h) is over */
	uint64_t rpo_breaches_total; /* contents that missed it since the mount */
	int64_t oldest_dirty_age_ns; /* 0: nothing is dirty */
	uint64_t cache_used_bytes;
	uint64_t cache_limit_bytes;
	uint64_t pinned_paths;
	uint64_t pinned_bytes; /* of the files there, as of the last look (pins.h) */
	uint64_t files;
	uint64_t committed_seq;
	int64_t committed_time_ns;
	uint64_t checkpoint_seq; /* of the newest checkpoint; 0: none known of */
	uint64_t uploads_in_flight;
	uint64_t upload_bytes_per_second;
	int64_t eta_ns; /* -1: unknown */
	bool failing;	/* the last upload attempt failed */
	char last_error[512];
	uint64_t logical_bytes_committed_total;
	uint64_t commits_total;
	struct read_stats_snapshot reads;
	struct rewriter_stats rewriter;
	struct store_stats_snapshot store;
	unsigned int held_by_count; /* more than the table holds are not told */
	struct cache_held_by held_by[CACHE_HELD_BY_MAX];
	unsigned int damaged_count; /* more than the table holds are not counted */
	struct cache_damage damaged[CACHE_DAMAGE_MAX];
};

void cache_status_get(struct cache *cache, struct cache_status *out);
const char *cache_state_name(enum cache_state state);

/* statfs(2): what the files of the volume take, and what its store still takes.
 * (How much may wait for the store at one time is another matter: cache_status.) */
struct cache_space {
	uint64_t used_bytes; /* of file data, before compression */
	uint64_t free_bytes;
	uint64_t files;
};
void cache_space_get(struct cache *cache, struct cache_space *out);

#endif
