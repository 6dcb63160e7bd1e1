/* SPDX-License-Identifier: Apache-2.0 */
/* dray umount: stops a gateway cleanly. */
#include <stdio.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/size.h"
#include "fs/control_proto.h"
#include "tools/command.h"
#include "tools/control_client.h"
#include "tools/progress.h"
#include "tools/wait_progress.h"

static void report_left(const json_t *done)
{
	const json_t *status = json_object_get(done, CONTROL_STATUS);
	json_int_t bytes = json_integer_value(json_object_get(status, STATUS_DIRTY_BYTES));
	json_int_t files = json_integer_value(json_object_get(status, STATUS_DIRTY_FILES));
	const char *cache = json_string_value(json_object_get(status, STATUS_CACHE));
	char text[24];

	if (!bytes && !files)
		return;
	size_format((uint64_t)bytes, text);
	printf("%s of %lld files are not in the cloud yet; they are safe in %s, "
	       "and the next mount with this cache goes on\n",
	       text, (long long)files, cache ? cache : "the cache");
}

static int flush_first(struct control_client *client, int64_t timeout_ns)
{
	struct wait_progress progress = { 0 };
	json_t *request = json_pack("{s:s}", CONTROL_VERB, CONTROL_VERB_WAIT);
	int result;

	if (timeout_ns)
		json_object_set_new(request, CONTROL_TIMEOUT,
				    json_real((double)timeout_ns / (double)NS_PER_SECOND));
	result = control_client_call(client, request, wait_progress_line, &progress, NULL);
	progress_clear();
	return result;
}

static int umount_gateway(const char *path, bool flush, int64_t timeout_ns)
{
	struct control_client client;
	json_t *done = NULL;
	int result = control_client_open(path, &client);

	if (!result && flush)
		result = flush_first(&client, timeout_ns);
	if (!result)
		result = control_client_call(&client,
					     json_pack("{s:s}", CONTROL_VERB, CONTROL_VERB_UMOUNT),
					     NULL, NULL, &done);
	if (!result)
		report_left(done);
	json_decref(done);
	control_client_close(&client);
	return result;
}

static int run_umount(const struct command *command, int argc, char **argv)
{
	bool flush = false;
	int64_t timeout_ns = 0;
	const struct command_option options[] = {
		{ OPTION_FLAG, 0, "flush", NULL, "wait until all is in the cloud first", &flush },
		{ OPTION_DURATION, 0, "timeout", "SECONDS",
		  "with --flush: give up after this long, stay mounted", &timeout_ns },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	int count;
	int result;
	int status = command_parse_counted(command, options, argc, argv, 1, 1, &count);

	if (status != -1)
		return status;
	result = umount_gateway(argv[0], flush, timeout_ns);
	return result ? command_failed(result) : STATUS_DONE;
}

const struct command command_umount = {
	.name = "umount",
	.usage = "DIR [OPTION...]",
	.summary = "unmount, at once or after a flush",
	.description =
		"Stops the gateway that serves DIR, cleanly and at once. What is not in the cloud "
		"yet\n"
		"stays in the cache directory, and the next mount goes on; how much that is, is "
		"said.\n"
		"With --flush it waits until everything is in the cloud. Exit status 75: time-out.",
	.run = run_umount,
};
