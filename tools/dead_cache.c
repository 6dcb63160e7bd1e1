/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/dead_cache.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/cache.h"
#include "cache/state.h"
#include "fs/control_request.h"
#include "fs/status_json.h"

struct listing {
	const struct control_request *request;
	control_line_fn *fn;
	void *arg;
	int64_t now_ns;
};

int dead_cache_status(const char *directory, json_t **status_out)
{
	struct cache_status status;
	struct cache *cache;
	int result = cache_open_dead(directory, &cache);

	if (result)
		return result;
	cache_status_get(cache, &status);
	*status_out = status_to_json(&status, NULL);
	cache_close(cache);
	return 0;
}

static int list_row(const char *path, const struct file_state *state, void *arg)
{
	struct listing *listing = arg;
	json_t *row;
	int result;

	if (!control_filters_pass(listing->request->filters, state, false))
		return 0;
	row = file_state_to_json(path, state, listing->now_ns);
	result = listing->fn(row, listing->arg);
	json_decref(row);
	return result;
}

static int walk_paths(struct cache *cache, struct listing *listing)
{
	int result = 0;
	size_t i;

	for (i = 0; i < listing->request->path_count && !result; i++)
		result = state_walk(cache, listing->request->paths[i], list_row, listing);
	return result;
}

int dead_cache_list(const char *directory, json_t *request, control_line_fn *fn, void *arg)
{
	CLEANUP_FREE char *text = json_dumps(request, JSON_COMPACT);
	struct control_request parsed;
	struct listing listing = {
		.request = &parsed,
		.fn = fn,
		.arg = arg,
		.now_ns = clock_real_ns(),
	};
	struct cache *cache;
	int result;

	json_decref(request);
	result = control_request_parse(text, strlen(text), &parsed);
	if (result)
		return result;
	result = cache_open_dead(directory, &cache);
	if (!result) {
		result = walk_paths(cache, &listing);
		cache_close(cache);
	}
	control_request_release(&parsed);
	return result;
}
