/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For a store that knows no conditional writes: puts of the store below, which
 * it owns, with STORE_IF_ABSENT look first and then put without a condition.
 * Between the two another process can put the same key, and neither learns of
 * it. So this is for who can promise that there is no other: the option
 * unsafe-single-writer.
 *
 * It comes below the retry decorator: a repeated put finds the object of the
 * first attempt, and the decorator compares.
 */
#ifndef DRAY_STORE_UNCONDITIONAL_H
#define DRAY_STORE_UNCONDITIONAL_H

#include "backend/store.h"

/* Never fails; owns below. */
struct store *store_unconditional_new(struct store *below);

#endif
