/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has been, so that a restored volume can be judged: the newest commit
 * has to be a state that was there after some operation T. Names, attributes
 * and xattrs are all as of T; the content of each file is a version of it from
 * T or before, but not from before its last fsync (or rename over bytes) that
 * T includes.
 *
 * A state of names and attributes is known by a digest, a version of a content
 * by another.
 */
#ifndef DRAY_TESTS_MODEL_HISTORY_H
#define DRAY_TESTS_MODEL_HISTORY_H

#include "tests/model/tree.h"

struct history;

struct history *history_new(void);
void history_free(struct history *history);

/* Forgets all, and begins with this tree as all there ever was. */
void history_begin(struct history *history, unsigned int operation, const struct tree *tree);
/* The tree after this operation; notes content that changed. */
void history_add(struct history *history, unsigned int operation, struct tree *tree);
/* Goes on after a power cut with this tree, some earlier state or not. */
void history_resume(struct history *history, unsigned int operation, struct tree *tree);
/* The file's content so far has to be in every commit that includes this
 * operation. */
void history_sync(struct history *history, unsigned int operation, uint64_t ino);
/* Versions between the operations are possible as well: it was copied to. */
void history_blur(struct history *history, uint64_t ino);

/*
 * True when an operation, `from` or a later one, can have left this tree; else
 * text says why not.
 */
bool history_explains(const struct history *history, const struct tree *tree, unsigned int from,
		      char text[256]);
/* True when it is just what the last operation left. */
bool history_is_current(const struct history *history, const struct tree *tree);
/* The content was so since its last sync, or is. */
bool history_was_content(const struct history *history, const struct tree_file *file);

#endif
