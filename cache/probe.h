/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the store honour put-if-absent? Everything that keeps two gateways apart
 * rests on it (fence.h), so it is asked when a volume is made and at each mount.
 */
#ifndef DRAY_CACHE_PROBE_H
#define DRAY_CACHE_PROBE_H

#include "backend/store.h"

/*
 * `key` was just put, with these bytes, JSON. Puts it once more, if absent,
 * with white space behind it: that must be refused, and does no harm where it
 * is not. 0, -ERR_store_unsupported, or an error of the store.
 */
int probe_put_if_absent(struct store *store, const char *url, const char *key,
			const struct buffer *bytes);

#endif
