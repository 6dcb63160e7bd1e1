/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol: how `dray status`, `wait`, `ls`, ... talk to a
 * running gateway.
 *
 * Transport: the UNIX socket CACHE/control.sock (stream, mode 0600: the user
 * who mounted, and root). control_socket_connect() reaches it also when the
 * path is longer than a socket address. Where CACHE is: getxattr of
 * CONTROL_XATTR on the root of the mount.
 *
 * One request is one line of JSON, an object with CONTROL_VERB and the
 * verb's arguments. The answer is any number of lines with CONTROL_EVENT
 * "progress" and "row", then exactly one "done" or "error"; after that the
 * connection takes the next request. Closing the connection cancels the
 * request under way. Lines are UTF-8; unknown members are ignored.
 *
 *	-> {"verb":"wait","timeout":60}
 *	<- {"event":"progress","dirty_bytes":7340032,"eta_seconds":3, ...}
 *	<- {"event":"done"}
 *
 *	verb    arguments                  lines before the last   members of "done"
 *	ping                                                       pid, version, mounted
 *	status                                                     status
 *	sync
 *	wait    paths, timeout             progress (status)
 *	ls      paths, filters             row                     rows
 *	evict   paths                      progress                files, bytes, pinned_files
 *	warm    paths                      progress                files, bytes
 *	pin     paths                      progress                files, bytes
 *	unpin   paths
 *	remount options                                            status
 *	umount                             progress                status
 *
 * wait: until all that the gateway held at the request at or below the paths is in
 * the cloud; without paths: all of the volume.
 * Progress once a second: its members are those of the status object.
 * Time-out is the error "try_again".
 *
 * ls: a row for each file at or below each path that passes the filters (all
 * of them; none: every file), as struct file_state tells it.
 *
 * evict, warm: every file at or below each path. evict passes over those that are
 * pinned, and counts them.
 *
 * pin: the paths are pinned (cache/pins.h), then brought into the cache as by warm.
 * unpin: of paths that were pinned by themselves.
 *
 * remount: changes the limits of the cache that the mount options name
 * ("cache-size=20G,on-full=enospc"); the others stay.
 *
 * umount: ends the gateway. An error (say "mount_busy") leaves it serving.
 * "done" comes when the cache is closed: another mount may start. Its status
 * tells how much is not in the cloud yet.
 *
 * Paths are absolute inside the volume ("/", "/a/b"). A path that is not
 * valid UTF-8 is given as the hex digits of its bytes: {"hex":"2f61ff"}
 * instead of a string, in requests and in rows.
 */
#ifndef DRAY_FS_CONTROL_PROTO_H
#define DRAY_FS_CONTROL_PROTO_H

#define CONTROL_SOCKET_NAME "control.sock"

/* The path of the cache directory; on the root of the mount only, getxattr
 * only (not listed). */
#define CONTROL_XATTR "user.dray.control"

/* The longest line, with its newline; a longer request is refused and the
 * connection closed. */
#define CONTROL_LINE_MAX (1 << 20)

/* Requests. */
#define CONTROL_VERB	"verb"
#define CONTROL_PATHS	"paths"	  /* array of paths; at least one */
#define CONTROL_FILTERS "filters" /* array of CONTROL_FILTER_*; optional */
#define CONTROL_OPTIONS "options" /* a list of mount options */
#define CONTROL_TIMEOUT "timeout" /* seconds, may be fractional; absent: no limit */

#define CONTROL_VERB_PING    "ping"
#define CONTROL_VERB_STATUS  "status"
#define CONTROL_VERB_SYNC    "sync"
#define CONTROL_VERB_WAIT    "wait"
#define CONTROL_VERB_LS	     "ls"
#define CONTROL_VERB_EVICT   "evict"
#define CONTROL_VERB_WARM    "warm"
#define CONTROL_VERB_PIN     "pin"
#define CONTROL_VERB_UNPIN   "unpin"
#define CONTROL_VERB_REMOUNT "remount"
#define CONTROL_VERB_UMOUNT  "umount"

#define CONTROL_FILTER_DIRTY   "dirty"	 /* dirty_bytes > 0 or state is not "cloud" */
#define CONTROL_FILTER_PENDING "pending" /* named as pending by the last commit */
#define CONTROL_FILTER_FAILING "failing" /* not in the cloud while uploads fail */
#define CONTROL_FILTER_CACHED  "cached"	 /* cached_bytes > 0 */

/* Answers. */
#define CONTROL_EVENT	       "event"
#define CONTROL_EVENT_PROGRESS "progress"
#define CONTROL_EVENT_ROW      "row"
#define CONTROL_EVENT_DONE     "done"
#define CONTROL_EVENT_ERROR    "error"

/* Members of "error". */
#define CONTROL_ERROR_CODE    "code"	/* as err_name(), or one of those below */
#define CONTROL_ERROR_MESSAGE "message" /* the sentence for the user */

#define CONTROL_CODE_BAD_REQUEST "bad_request"
#define CONTROL_CODE_MOUNT_BUSY	 "mount_busy" /* umount: files are in use */

/* Members of "done". */
#define CONTROL_STATUS	"status" /* the status object, see below */
#define CONTROL_PID	"pid"
#define CONTROL_VERSION "version"
#define CONTROL_MOUNTED "mounted" /* boolean: its mount is (still) there */
#define CONTROL_ROWS	"rows"	  /* lines of rows that were sent */
#define CONTROL_FILES	"files"	  /* also in "progress" of evict, warm: so far */
#define CONTROL_BYTES	"bytes"	  /* freed or fetched; also in "progress" */

#define CONTROL_PINNED_FILES "pinned_files" /* of evict: they stay */

/* Member of "progress" of evict, warm, pin: where they are. */
#define CONTROL_PATH "path"

/* Members of a "row". */
#define CONTROL_ROW_PATH	 CONTROL_PATH
#define CONTROL_ROW_TYPE	 "type"		/* CONTROL_TYPE_* */
#define CONTROL_ROW_SIZE	 "size"		/* bytes */
#define CONTROL_ROW_MTIME	 "mtime"	/* "2026-11-22T21:52:16.123Z" */
#define CONTROL_ROW_CACHED_BYTES "cached_bytes" /* readable without the network */
#define CONTROL_ROW_DIRTY_BYTES	 "dirty_bytes"	/* in no acknowledged pack */
#define CONTROL_ROW_DIRTY_SINCE	 "dirty_since"	/* time, or null: not dirty */
#define CONTROL_ROW_AGE_SECONDS	 "age_seconds"	/* since then (real), or null */
#define CONTROL_ROW_STATE	 "state"	/* "local", "uploading", "cloud" */
#define CONTROL_ROW_PENDING	 "pending"	/* boolean */
#define CONTROL_ROW_COMMIT	 "commit"	/* newest commit when asked */

#define CONTROL_TYPE_FILE      "file"
#define CONTROL_TYPE_DIRECTORY "directory"
#define CONTROL_TYPE_SYMLINK   "symlink"
#define CONTROL_TYPE_FIFO      "fifo"
#define CONTROL_TYPE_SOCKET    "socket"
#define CONTROL_TYPE_CHARACTER "character"
#define CONTROL_TYPE_BLOCK     "block"

/*
 * Members of the status object (`dray status --json` prints it). Besides
 * these: every counter of backend/store_stats.h and cache/read_stats.h under
 * its own name.
 */
#define STATUS_VOLUME			"volume" /* uuid */
#define STATUS_NAME			"name"
#define STATUS_URL			"url"
#define STATUS_MOUNTPOINT		"mountpoint"  /* null: a dead cache */
#define STATUS_CACHE			"cache"	      /* its directory */
#define STATUS_STATE			"state"	      /* cache_state_name() */
#define STATUS_STATE_CAUSE		"state_cause" /* or null */
#define STATUS_ROLE			"role"	      /* "writer", "follower" */
#define STATUS_EPOCH			"epoch"	      /* of a follower 0 */
#define STATUS_DIRTY_BYTES		"dirty_bytes"
#define STATUS_DIRTY_FILES		"dirty_files"
#define STATUS_PENDING_FILES		"pending_files"
#define STATUS_LATE_FILES		"late_files" /* pending, and their deadline is over */
#define STATUS_RPO_BREACHES_TOTAL	"rpo_breaches_total" /* contents that missed it */
#define STATUS_HELD_BY			"held_by"	     /* array: what the commit waits for */
#define STATUS_HELD_BY_PATH		"path"
#define STATUS_HELD_BY_BYTES		"bytes_missing"
#define STATUS_OLDEST_DIRTY_AGE_SECONDS "oldest_dirty_age_seconds" /* real; 0: nothing dirty */
#define STATUS_CACHE_USED_BYTES		"cache_used_bytes"
#define STATUS_CACHE_LIMIT_BYTES	"cache_limit_bytes"
#define STATUS_PINNED_PATHS		"pinned_paths"
#define STATUS_PINNED_BYTES		"pinned_bytes" /* of the files there */
#define STATUS_FILES			"files"
#define STATUS_COMMITTED_SEQ		"committed_seq"
#define STATUS_COMMITTED_TIME		"committed_time"     /* time, or null: none yet */
#define STATUS_COMMIT_AGE_SECONDS	"commit_age_seconds" /* since then, or null */
/* Follower: since the commit was known to be the newest; or null. */
#define STATUS_CHECKED_AGE_SECONDS	     "checked_age_seconds"
#define STATUS_CHECKPOINT_SEQ		     "checkpoint_seq" /* 0: none known of */
#define STATUS_UPLOADS_IN_FLIGHT	     "uploads_in_flight"
#define STATUS_UPLOAD_BYTES_PER_SECOND	     "upload_bytes_per_second"
#define STATUS_ETA_SECONDS		     "eta_seconds" /* or null: unknown */
#define STATUS_DAMAGED			     "damaged"	   /* array of objects of: */
#define STATUS_DAMAGED_PATH		     "path"	   /* or null: unknown */
#define STATUS_DAMAGED_INODE		     "inode"
#define STATUS_DAMAGED_OFFSET		     "offset"
#define STATUS_DAMAGED_LENGTH		     "length"
#define STATUS_DAMAGED_SINCE		     "since"	  /* time when it was found */
#define STATUS_FAILING			     "failing"	  /* boolean */
#define STATUS_LAST_ERROR		     "last_error" /* or null */
#define STATUS_LOGICAL_BYTES_COMMITTED_TOTAL "logical_bytes_committed_total"
#define STATUS_COMMITS_TOTAL		     "commits_total"

#endif
