/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting commits. What is put lies in the outbox first (except the empty
 * fence commit, which nobody would miss); the same bytes are put however
 * often it takes.
 */
#ifndef DRAY_CACHE_LOG_PUT_H
#define DRAY_CACHE_LOG_PUT_H

#include "cache/log_read.h"

struct cache;

/*
 * Puts the bytes if the key is absent. 0 when the object is there with these
 * very bytes, now or before; -EEXIST when it has others.
 */
int log_put_object(struct cache *cache, const char *key, const void *bytes, size_t length);

/*
 * Puts the parts of outbox/<seq>, then log/<seq>. `entry` is that commit. 0
 * when it is in the bucket; -EEXIST when another commit has its place.
 */
int log_put_outbox(struct cache *cache, struct outbox *outbox, const struct log_entry *entry);

/*
 * Another commit has the place of ours: says whose. Returns -ERR_fenced when
 * it is of a later epoch, -ERR_diverged when not.
 */
int log_explain_foreign(struct cache *cache, uint64_t seq);

#endif
