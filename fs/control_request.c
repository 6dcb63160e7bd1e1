/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_request.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/state.h"
#include "fs/control_path.h"
#include "fs/control_proto.h"

/* Longer waits are as good as none. */
#define TIMEOUT_MAX_SECONDS 1e9

struct verb_row {
	const char *name;
	enum control_verb verb;
	bool has_paths;
};

static const struct verb_row verbs[] = {
	{ CONTROL_VERB_PING, VERB_PING, false },     { CONTROL_VERB_STATUS, VERB_STATUS, false },
	{ CONTROL_VERB_SYNC, VERB_SYNC, false },     { CONTROL_VERB_WAIT, VERB_WAIT, false },
	{ CONTROL_VERB_LS, VERB_LS, true },	     { CONTROL_VERB_EVICT, VERB_EVICT, true },
	{ CONTROL_VERB_WARM, VERB_WARM, true },	     { CONTROL_VERB_PIN, VERB_PIN, true },
	{ CONTROL_VERB_UNPIN, VERB_UNPIN, true },    { CONTROL_VERB_REMOUNT, VERB_REMOUNT, false },
	{ CONTROL_VERB_UMOUNT, VERB_UMOUNT, false },
};

static const struct {
	const char *name;
	enum control_filter filter;
} filters[] = {
	{ CONTROL_FILTER_DIRTY, FILTER_DIRTY },
	{ CONTROL_FILTER_PENDING, FILTER_PENDING },
	{ CONTROL_FILTER_FAILING, FILTER_FAILING },
	{ CONTROL_FILTER_CACHED, FILTER_CACHED },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int parse_verb(const json_t *json, const struct verb_row **out)
{
	const char *name = json_string_value(json_object_get(json, CONTROL_VERB));
	size_t i;

	if (!name)
		return err_set(-EINVAL, "the request has no \"" CONTROL_VERB "\"");
	for (i = 0; i < COUNT(verbs); i++) {
		if (!strcmp(name, verbs[i].name)) {
			*out = &verbs[i];
			return 0;
		}
	}
	return err_set(-EINVAL, "unknown verb \"%.64s\": the gateway may be older than the tool",
		       name);
}

static int parse_paths(const json_t *json, struct control_request *out)
{
	const json_t *list = json_object_get(json, CONTROL_PATHS);
	size_t count = json_array_size(list);
	size_t i;

	if (!count)
		return err_set(-EINVAL, "\"" CONTROL_PATHS "\" is not a list of paths");
	out->paths = xcalloc(count, sizeof(*out->paths));
	for (i = 0; i < count; i++) {
		char *path = path_from_json(json_array_get(list, i));

		if (!path || *path != '/') {
			free(path);
			return err_set(-EINVAL, "path %zu is not an absolute path", i + 1);
		}
		out->paths[out->path_count++] = path;
	}
	return 0;
}

static int parse_filter(const json_t *json, unsigned int *out)
{
	const char *name = json_string_value(json);
	size_t i;

	for (i = 0; name && i < COUNT(filters); i++) {
		if (!strcmp(name, filters[i].name)) {
			*out |= filters[i].filter;
			return 0;
		}
	}
	return err_set(-EINVAL, "unknown filter \"%.64s\"", name ? name : "");
}

static int parse_filters(const json_t *json, struct control_request *out)
{
	const json_t *list = json_object_get(json, CONTROL_FILTERS);
	int result = 0;
	size_t i;

	if (list && !json_is_array(list))
		return err_set(-EINVAL, "\"" CONTROL_FILTERS "\" is not a list");
	for (i = 0; !result && i < json_array_size(list); i++)
		result = parse_filter(json_array_get(list, i), &out->filters);
	return result;
}

static int parse_timeout(const json_t *json, struct control_request *out)
{
	const json_t *timeout = json_object_get(json, CONTROL_TIMEOUT);
	double seconds = json_number_value(timeout);

	out->timeout_ns = CONTROL_NO_TIMEOUT;
	if (!timeout)
		return 0;
	if (!json_is_number(timeout) || !(seconds >= 0))
		return err_set(-EINVAL, "\"" CONTROL_TIMEOUT "\" is not a number of seconds");
	if (seconds < TIMEOUT_MAX_SECONDS)
		out->timeout_ns = (int64_t)(seconds * (double)NS_PER_SECOND);
	return 0;
}

static int parse_options(const json_t *json, struct control_request *out)
{
	const char *options = json_string_value(json_object_get(json, CONTROL_OPTIONS));

	if (!options)
		return err_set(-EINVAL, "\"" CONTROL_OPTIONS "\" is not a list of mount options");
	out->options = xstrdup(options);
	return 0;
}

static int parse_object(const json_t *json, struct control_request *out)
{
	const struct verb_row *row = NULL;
	int result = parse_verb(json, &row);

	if (result)
		return result;
	out->verb = row->verb;
	if (row->has_paths || (row->verb == VERB_WAIT && json_object_get(json, CONTROL_PATHS)))
		result = parse_paths(json, out);
	if (!result)
		result = parse_filters(json, out);
	if (!result)
		result = parse_timeout(json, out);
	if (!result && row->verb == VERB_REMOUNT)
		result = parse_options(json, out);
	return result;
}

int control_request_parse(const char *line, size_t length, struct control_request *out)
{
	json_error_t error;
	json_t *json = json_loadb(line, length, 0, &error);
	int result;

	memset(out, 0, sizeof(*out));
	if (!json)
		return err_set(-EINVAL, "the request is not a line of JSON: %s", error.text);
	result = parse_object(json, out);
	json_decref(json);
	if (result)
		control_request_release(out);
	return result;
}

void control_request_release(struct control_request *request)
{
	size_t i;

	for (i = 0; i < request->path_count; i++)
		free(request->paths[i]);
	free(request->paths);
	free(request->options);
	memset(request, 0, sizeof(*request));
}

bool control_filters_pass(unsigned int filters, const struct file_state *state, bool failing)
{
	bool is_local = state->dirty_bytes || state->place != FILE_PLACE_CLOUD;

	if (filters & FILTER_DIRTY && !is_local)
		return false;
	if (filters & FILTER_FAILING && !(is_local && failing))
		return false;
	if (filters & FILTER_PENDING && !state->pending)
		return false;
	return !(filters & FILTER_CACHED) || state->cached_bytes;
}
