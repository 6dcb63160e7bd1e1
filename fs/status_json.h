/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway knows, as JSON with the names of control_proto.h: for the
 * control socket, and for the tools when no gateway runs.
 *
 * Every function returns a new reference; json_decref() ends it.
 */
#ifndef DRAY_FS_STATUS_JSON_H
#define DRAY_FS_STATUS_JSON_H

#include <jansson.h>

#include "cache/cache.h"
#include "cache/state.h"

/* For json_dumps() of what comes from here: one line, times to the ms. */
#define STATUS_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* mountpoint: NULL when no gateway serves. */
json_t *status_to_json(const struct cache_status *status, const char *mountpoint);
/* One row of `ls`; now_ns is the wall time that ages count from. */
json_t *file_state_to_json(const char *path, const struct file_state *state, int64_t now_ns);

#endif
