/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations. Each picks its arguments, does the same on the model and
 * on the cache, and compares the outcomes; effects are compared later.
 */
#ifndef DRAY_TESTS_MODEL_OPERATIONS_H
#define DRAY_TESTS_MODEL_OPERATIONS_H

#include "tests/model/run.h"

/* Fails the run unless the cache returned what the model wants. */
void run_expect(struct run *run, int got, int want);

void op_create(struct run *run);
void op_create_unnamed(struct run *run);
void op_link(struct run *run);
void op_unlink(struct run *run);
void op_rmdir(struct run *run);
void op_rename(struct run *run);
void op_lookup(struct run *run);
void op_open(struct run *run);
void op_setattr(struct run *run);
void op_write(struct run *run);
void op_truncate(struct run *run);
void op_fallocate(struct run *run);
void op_copy(struct run *run);
void op_read(struct run *run);
void op_sync(struct run *run);
void op_sync_all(struct run *run);
void op_xattr_set(struct run *run);
void op_xattr_remove(struct run *run);
void op_readlink(struct run *run);
void op_clean(struct run *run);
void op_evict(struct run *run);
void op_rewrite(struct run *run);
void op_warm(struct run *run);

#endif
