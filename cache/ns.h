/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: directories, links, and the birth and death of inodes.
 *
 * A name's place in its directory is its cookie: 55 bits of the keyed hash
 * of the name, then 8 bits that tell apart names whose hashes are equal
 * (cookie.h). Lookup and readdir use the same rows, so a cookie stays valid
 * over checkpoints, restarts and restores. Cookies 1 and 2 are "." and "..".
 *
 * An inode whose last name is gone stays until the kernel forgets it
 * (ns_forget), marked by an ORPHAN row; orphans left by a crash are reaped
 * at open. Reaping removes rows in bounded batches (ns_reap.c).
 *
 * A directory counts its entries and, in its links, its sub-directories, so
 * that nothing ever scans it to find out. An inode's generation is the writer
 * epoch that made it; numbers are never reused.
 *
 * Every change is one batch: all of it or nothing survives. Returned
 * attributes are of the moment of the change.
 *
 * Locks: NODE of every inode touched, in the order of inode numbers. The
 * caller is trusted for permissions (default_permissions of the kernel).
 */
#ifndef DRAY_CACHE_NS_H
#define DRAY_CACHE_NS_H

#include "cache/attr.h"

struct ns_make {
	uint32_t mode;	/* with the type */
	uint32_t umask; /* taken from the mode unless the directory has a default ACL */
	uint32_t uid;
	uint32_t gid; /* replaced by the directory's when it is setgid */
	uint32_t rdev;
	const char *target; /* symlinks */
};

/* Called for each entry; cookie is where to go on after it. Non-zero ends
 * the listing (the entry counts as not delivered). */
typedef int ns_readdir_fn(const char *name, size_t name_length, uint64_t ino, uint8_t type,
			  uint64_t cookie, void *arg);

/* Makes the root directory of a new volume (no-op when it is there). The cache
 * is SERVING, as for all that changes something. */
int ns_make_root(struct cache *cache, uint32_t uid, uint32_t gid);

/* 0, -ENOENT, -ENOTDIR, -ENAMETOOLONG. Also "." and "..". */
int ns_lookup(struct cache *cache, uint64_t parent, const char *name, struct attributes *out);
/* A file, directory, symlink or special file. -EEXIST, -ENOENT (the parent
 * was removed), -ENAMETOOLONG, -EMLINK. A setgid directory passes its group on,
 * and to directories the setgid bit; one with a default ACL passes that on. */
int ns_create(struct cache *cache, uint64_t parent, const char *name, const struct ns_make *make,
	      struct attributes *out);
/* An inode without a name (O_TMPFILE): an orphan until linked. */
int ns_create_unnamed(struct cache *cache, uint64_t parent, const struct ns_make *make,
		      struct attributes *out);
/* -EPERM (a directory), -EEXIST, -EMLINK, -ENOENT. Also the first name of an
 * inode without one. */
int ns_link(struct cache *cache, uint64_t ino, uint64_t parent, const char *name,
	    struct attributes *out);
/* -ENOENT, -ENOTDIR, -EISDIR. */
int ns_unlink(struct cache *cache, uint64_t parent, const char *name);
/* -ENOENT, -ENOTDIR, -ENOTEMPTY. */
int ns_rmdir(struct cache *cache, uint64_t parent, const char *name);
/* flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE; others -EINVAL. Renaming
 * over a non-empty file first makes the moved file's content durable on this
 * machine, and a barrier of the next commit. */
int ns_rename(struct cache *cache, uint64_t parent, const char *name, uint64_t new_parent,
	      const char *new_name, unsigned int flags);
/* Appends the target (no NUL). -EINVAL when it is not a symlink. */
int ns_readlink(struct cache *cache, uint64_t ino, struct buffer *out);
/* Entries with a cookie greater than `after` (0: all, "." and ".." first). */
int ns_readdir(struct cache *cache, uint64_t ino, uint64_t after, ns_readdir_fn *fn, void *arg);
/* The kernel has no reference any more: reaps the inode if it has no name. */
void ns_forget(struct cache *cache, uint64_t ino);
/* Reaps what a crash left; once the cache is SERVING. */
int ns_reap_orphans(struct cache *cache);
/* The inode at an absolute path inside the volume ("/a/b"; "" is the root);
 * symlinks are not followed. */
int ns_resolve(struct cache *cache, const char *path, struct attributes *out);

#endif
