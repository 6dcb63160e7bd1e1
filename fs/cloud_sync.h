/* SPDX-License-Identifier: Apache-2.0 */
/*
 * durability=cloud: fsync(2) and close(2) return when what the file holds,
 * and its name, are in the cloud. The data is safe on this machine before
 * the wait begins, so whatever ends the wait loses nothing:
 *
 *	answer      why
 *	0           a commit that has it was acknowledged
 *	ETIMEDOUT   it was not in -o durability-timeout; the upload goes on, and
 *		    another fsync(2) waits for it again
 *	EIO         it cannot happen any more: another gateway has taken the volume
 *		    over, the bytes are damaged, or this gateway ends
 *	EINTR       the process was killed
 *
 * Signals that a process handles do not end the wait; a killed process, and one
 * that is closing its files because it was killed, is let go.
 *
 * Waiting costs no thread: one looks after all calls. Locks: SESSION for the
 * list, never over a reply.
 */
#ifndef DRAY_FS_CLOUD_SYNC_H
#define DRAY_FS_CLOUD_SYNC_H

#include "fs/fs.h"

struct cloud_sync;

struct cloud_sync *cloud_sync_start(struct fs *fs);
/* Answers the calls that still wait. */
void cloud_sync_stop(struct cloud_sync *sync);
/*
 * The local part of an fsync or close of the inode is done: replies at once, or
 * when the cloud has it, as the policy of its directory asks (cache/policy.h).
 */
void cloud_sync_reply(struct cloud_sync *sync, fuse_req_t req, const char *operation, uint64_t ino);

#endif
