/* SPDX-License-Identifier: Apache-2.0 */
/* Random arguments of operations. */
#ifndef DRAY_TESTS_MODEL_PICK_H
#define DRAY_TESTS_MODEL_PICK_H

#include "tests/model/run.h"

/* Few names, so that they are often taken; one of the greatest length. */
const char *pick_name(struct run *run);

typedef bool pick_fn(const struct tree_file *file);
pick_fn pick_any;
pick_fn pick_directory;
pick_fn pick_regular;
pick_fn pick_symlink;

/* A random file that fits, or NULL. */
struct tree_file *pick(struct run *run, pick_fn *fits);
/* Mostly a directory, now and then something else. */
struct tree_file *pick_parent(struct run *run);

/* Often block boundaries and the ends of files. */
uint64_t pick_offset(struct run *run, const struct tree_file *file);
uint64_t pick_length(struct run *run);
/* Cuts a range to what the model's files may hold; false: nothing is left. */
bool pick_clip(uint64_t offset, uint64_t *length);

#endif
