/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that read everything once, such as virus scanners and indexers:
 * mount options nocache-comm= and nocache-uid=. What a file handle that they
 * opened reads is served from the cache where it is there, and otherwise
 * fetched into memory only (IO_NO_CACHE).
 *
 * Who opens is asked once, at open(2): the thread that opens, and the main
 * thread of its process, whose name /proc/PID/comm shows. A program may give
 * itself any name; this is about room in the cache, not about rights.
 */
#ifndef DRAY_FS_NOCACHE_H
#define DRAY_FS_NOCACHE_H

#include <stdbool.h>
#include <sys/types.h>

struct nocache;

/*
 * The values of the two options, lists with ":" between, or NULL. -ERR_bad_option
 * with a sentence. *out is NULL when neither names anybody.
 */
int nocache_new(const char *comms, const char *uids, struct nocache **out);
void nocache_free(struct nocache *nocache);
/* pid: a process or thread as the gateway sees it; 0: one that it cannot see. */
bool nocache_is_for(const struct nocache *nocache, uid_t uid, pid_t pid);

#endif
