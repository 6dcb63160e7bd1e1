/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going into the background: `dray mount` returns when the mount serves, with
 * status 0, or when it has failed, with the sentence on stderr.
 *
 *	parent  daemon_start() ---- fork ----> child: mounts, with stderr as it was
 *	        waits, shows progress <------- daemon_progress()
 *	        exit 0                <------- daemon_serving(): detaches
 *	        prints the sentence, exit 1 <- daemon_failed()
 *
 * What goes through the pipe between them is text of one line a message: a
 * letter, then the text. A child that dies says nothing; the parent says so.
 *
 * In the foreground there is no parent: the same calls write to stderr.
 */
#ifndef DRAY_FS_DAEMON_H
#define DRAY_FS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

/* No pipe: foreground. */
#define DAEMON_FOREGROUND (-1)

/*
 * Forks; call it before any thread exists. Returns in the child, with the
 * descriptor for the calls below. The parent does not return: it exits.
 */
int daemon_start(void);

/* How far a long start is; total 0: unknown. */
void daemon_progress(int ready_fd, const char *what, uint64_t done, uint64_t total);
/* The mount serves: lets the parent go, leaves its session and terminal. Later
 * messages go to syslog. */
void daemon_serving(int ready_fd);
/* It will not: lets the parent tell why. */
void daemon_failed(int ready_fd, const char *sentence);

#endif
