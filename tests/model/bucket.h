/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened to a bucket: a store that notes each change which the store
 * below it, which it owns, carried out. Any earlier state can be made again.
 */
#ifndef DRAY_TESTS_MODEL_BUCKET_H
#define DRAY_TESTS_MODEL_BUCKET_H

#include "backend/store.h"

struct bucket;

struct bucket *bucket_new(void);
/* No store of it is open. */
void bucket_free(struct bucket *bucket);
/* Never fails; owns below. Stores of one bucket add to one history. */
struct store *bucket_store_new(struct bucket *bucket, struct store *below);
/* Changes so far. */
size_t bucket_changes(struct bucket *bucket);
/* Makes change number `change` (from 0) in another store. */
int bucket_repeat(struct bucket *bucket, size_t change, struct store *store);
/* What that change was, for messages. */
const char *bucket_key(struct bucket *bucket, size_t change);

#endif
