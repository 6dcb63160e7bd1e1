/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked for the files of a directory, and of those below it:
 *
 *	extended attribute     value            without it
 *	user.dray.rpo          seconds          the directory above; at the
 *	user.dray.durability   local or cloud   top: the mount's option
 *
 * The attributes are rows of the directory as any others, and so in the cloud
 * too; they are told by getxattr of every file (what is in force), and not listed.
 *
 * A regular file belongs to the directory that it was made in or moved to last
 * (inode_row.parent); other names that it has do not count.
 *
 * What was found is remembered by directory, and forgotten as a whole when one
 * of the attributes or the place of a directory changes.
 *
 * Locks: LEAF, never over a look into the index.
 */
#ifndef DRAY_CACHE_POLICY_H
#define DRAY_CACHE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/clock.h"
#include "backend/base/lock.h"

struct cache;
struct buffer;

#define POLICY_RPO_XATTR	"user.dray.rpo"
#define POLICY_DURABILITY_XATTR "user.dray.durability"
#define POLICY_RPO_SECONDS_MAX	(365 * 86400)
#define POLICY_RPO_NS_DEFAULT	(60 * NS_PER_SECOND)

/* When fsync(2) and close(2) return: X(name, spelling). */
#define DURABILITIES(X)              \
	X(DURABILITY_LOCAL, "local") \
	X(DURABILITY_CLOUD, "cloud")

/* The spellings, as the mount option's help has them. */
#define DURABILITY_NAMES "local|cloud"

enum durability {
#define X(name, spelling) name,
	DURABILITIES(X)
#undef X
};

struct policy {
	int64_t rpo_ns; /* changes are to be in the cloud after so long */
	enum durability durability;
};

struct policy_place {
	uint64_t directory; /* 0: free */
	struct policy policy;
};

#define POLICY_PLACES 4096

struct policies {
	struct lock lock;
	/* guarded by lock */
	uint64_t generation; /* how often all was forgotten */
	struct policy_place places[POLICY_PLACES];
};

void policies_init(struct policies *policies);
void policies_destroy(struct policies *policies);
/* One of the attributes, or the place of a directory, has changed. */
void policies_forget(struct cache *cache);

/* In force for a regular file or directory; 0 or an error. The number of the
 * directory: inode_row.parent of a file, its own of a directory. */
int policy_get(struct cache *cache, uint64_t directory, struct policy *out);
/* The same of an inode of any kind: -ENOENT. */
int policy_of_inode(struct cache *cache, uint64_t ino, struct policy *out);

bool policy_is_name(const char *name);
/* May this be the value of that attribute? 0, -EINVAL. */
int policy_check(const char *name, const void *value, size_t length);
/* The value that getxattr tells. */
void policy_format(const struct policy *policy, const char *name, struct buffer *out);

#endif
