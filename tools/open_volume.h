/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume for commands that work on it without a mount: the store that its
 * URL names, under retry and statistics, and what its volume object says.
 */
#ifndef DRAY_TOOLS_OPEN_VOLUME_H
#define DRAY_TOOLS_OPEN_VOLUME_H

#include "backend/store.h"
#include "backend/volume_format.h"

struct open_volume {
	struct store *store; /* the top; owns the others */
	struct store *stats;
	struct store *retry;
	struct volume_params params;
};

/* 0 (store_free(volume->store) ends it), or an error: nothing is open then. A
 * store that does not answer fails within seconds. unconditional: it need not
 * honour conditional writes (store_unconditional.h). */
int open_volume(const char *url, bool unconditional, struct open_volume *volume);

#endif
