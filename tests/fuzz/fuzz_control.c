/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the control socket: what is accepted keeps the promises of
 * control_request.h, and its paths survive the way back. */
#include "backend/base/cleanup.h"
#include "fs/control_path.h"
#include "fs/control_request.h"
#include "tests/fuzz/fuzz.h"

static void check_path(const char *path)
{
	json_t *json = path_to_json(path);
	CLEANUP_FREE char *again = path_from_json(json);

	assert(again && !strcmp(path, again));
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request request;
	size_t i;

	if (control_request_parse((const char *)data, size, &request))
		return 0;
	assert(request.verb != VERB_INVALID);
	assert(request.timeout_ns >= 0 || request.timeout_ns == CONTROL_NO_TIMEOUT);
	if (request.verb == VERB_LS || request.verb == VERB_EVICT || request.verb == VERB_WARM)
		assert(request.path_count > 0);
	for (i = 0; i < request.path_count; i++) {
		assert(request.paths[i][0] == '/');
		check_path(request.paths[i]);
	}
	control_request_release(&request);
	return 0;
}
