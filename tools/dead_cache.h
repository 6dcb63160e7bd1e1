/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a cache directory whose gateway is dead, with the answers that a
 * live one would give. Nothing in the directory is changed.
 */
#ifndef DRAY_TOOLS_DEAD_CACHE_H
#define DRAY_TOOLS_DEAD_CACHE_H

#include <jansson.h>

#include "tools/control_client.h"

/* The status object. 0 and *status_out (to be json_decref()ed), or an error. */
int dead_cache_status(const char *directory, json_t **status_out);
/* Carries out a request of the verb ls (which it frees): calls fn with each
 * row of the answer. */
int dead_cache_list(const char *directory, json_t *request, control_line_fn *fn, void *arg);

#endif
