/* SPDX-License-Identifier: Apache-2.0 */
/* dray wait: returns when what was written is in the cloud. */
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "fs/control_proto.h"
#include "tools/command.h"
#include "tools/control_client.h"
#include "tools/progress.h"
#include "tools/wait_progress.h"

static int wait_for(const char *path, int64_t deadline_ns)
{
	struct control_client client;
	struct wait_progress progress = { 0 };
	json_t *inside = NULL;
	json_t *request;
	int64_t left;
	int result = control_client_open(path, &client);

	/* Given a cache directory it is the volume that is waited for. */
	if (!result && client.mountpoint) {
		inside = control_client_path(&client, path);
		result = inside ? 0 : -ENOENT;
	}
	if (!result) {
		request = json_pack("{s:s}", CONTROL_VERB, CONTROL_VERB_WAIT);
		if (inside)
			json_object_set_new(request, CONTROL_PATHS, json_pack("[o]", inside));
		left = deadline_ns - clock_boot_ns();
		if (deadline_ns)
			json_object_set_new(
				request, CONTROL_TIMEOUT,
				json_real(left > 0 ? (double)left / (double)NS_PER_SECOND : 0));
		result = control_client_call(&client, request, wait_progress_line, &progress, NULL);
		progress_clear();
	}
	control_client_close(&client);
	return result;
}

static int run_wait(const struct command *command, int argc, char **argv)
{
	int64_t timeout_ns = 0;
	const struct command_option options[] = {
		{ OPTION_DURATION, 0, "timeout", "SECONDS", "give up after this long (status 75)",
		  &timeout_ns },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	int64_t deadline_ns;
	int result = 0;
	int count;
	int i;
	int status = command_parse_counted(command, options, argc, argv, 1, 1 << 20, &count);

	if (status != -1)
		return status;
	deadline_ns = timeout_ns ? clock_boot_ns() + timeout_ns : 0;
	for (i = 0; i < count && !result; i++)
		result = wait_for(argv[i], deadline_ns);
	return result ? command_failed(result) : STATUS_DONE;
}

const struct command command_wait = {
	.name = "wait",
	.usage = "PATH... [OPTION...]",
	.summary = "wait until what was written is in the cloud",
	.description = "Returns when all that was written below each PATH before the call is in "
		       "the cloud:\n"
		       "it then survives the loss of this machine. What is written elsewhere "
		       "is waited for\n"
		       "only as far as the same commit needs it (files that were fsynced before).\n"
		       "Exit status 75: time-out, try again.",
	.run = run_wait,
};
