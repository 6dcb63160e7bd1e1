/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox: encoded commits on their way to the bucket.
 *
 *	CACHE/outbox/<seq>                 the bytes of log/<seq>
 *	CACHE/outbox/<seq>.<epoch>-<id>    the bytes of meta/<epoch>-<id>, which
 *					   the commit names
 *	CACHE/outbox/<...>.new             being written
 *
 * (seq and epoch are 16 hex digits, the id 32.) A commit's file appears, by
 * rename, when it and all its parts are durable, and before any of them is
 * put. From then on these very bytes are what goes to the bucket, however
 * often: after a crash they are put again, never encoded again. The files go
 * when the index has durably recorded that the commit is in the bucket and
 * which rows it made clean.
 *
 *	on disk after a crash      meaning
 *	parts, no <seq>            never put; outbox_open() removes them
 *	<seq> > committed          perhaps in the bucket: put it again
 *	<seq> <= committed         in the bucket, marks perhaps missing
 *
 * One thread at a time.
 */
#ifndef DRAY_CACHE_OUTBOX_H
#define DRAY_CACHE_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buffer.h"
#include "backend/base/id.h"

struct outbox;

/* `directory` is the cache's. Removes what was never complete. */
int outbox_open(const char *directory, struct outbox **out);
void outbox_close(struct outbox *outbox);

/* Writes a part's file durably. */
int outbox_add_part(struct outbox *outbox, uint64_t seq, uint64_t epoch, const struct id *id,
		    const void *bytes, size_t length);
/* Writes the commit's file durably; its parts were added before. */
int outbox_add_commit(struct outbox *outbox, uint64_t seq, const void *bytes, size_t length);
/* Appends the bytes to out. -ENOENT when there is no such file. */
int outbox_get_commit(struct outbox *outbox, uint64_t seq, struct buffer *out);
int outbox_get_part(struct outbox *outbox, uint64_t seq, uint64_t epoch, const struct id *id,
		    struct buffer *out);
/* Removes the commit, then its parts; nothing there is no error. */
int outbox_remove(struct outbox *outbox, uint64_t seq);
/* The lowest seq of a commit that is >= from, or 0. */
uint64_t outbox_next(struct outbox *outbox, uint64_t from);
/* Bytes of all files. */
uint64_t outbox_bytes(struct outbox *outbox);

#endif
