/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that counts the calls to the store below, which it owns.
 *
 * The counters are declared once, in the table: the struct, the JSON and the
 * documentation come from it. All run from the start of the process.
 */
#ifndef DRAY_STORE_STATS_H
#define DRAY_STORE_STATS_H

#include "backend/store.h"

/* X(name, kind, help). A COUNTER only grows, a GAUGE is a level. */
#define STORE_COUNTERS(X)                                                                   \
	X(puts_total, COUNTER, "Puts begun, also those that failed or found the key taken") \
	X(gets_total, COUNTER, "Gets begun, of whole objects and of ranges")                \
	X(heads_total, COUNTER, "Heads begun")                                              \
	X(removes_total, COUNTER, "Removals begun")                                         \
	X(lists_total, COUNTER, "Listings begun; a listing of many pages counts once")      \
	X(store_errors_total, COUNTER,                                                      \
	  "Calls that failed; a missing or existing key is no failure")                     \
	X(bytes_uploaded_total, COUNTER, "Bytes of the puts that succeeded")                \
	X(bytes_downloaded_total, COUNTER, "Bytes of the gets that succeeded")              \
	X(uploads_in_flight, GAUGE, "Puts under way")                                       \
	X(downloads_in_flight, GAUGE, "Gets under way")

struct store_stats_snapshot {
#define X(name, kind, help) uint64_t name;
	STORE_COUNTERS(X)
#undef X
};

/* Never fails; owns below. */
struct store *store_stats_new(struct store *below);

/* The counters, each read atomically, not all at one instant. */
void store_stats_get(struct store *store, struct store_stats_snapshot *out);

#endif
