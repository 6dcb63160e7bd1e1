/* SPDX-License-Identifier: Apache-2.0 */
/* dray evict and dray warm: what of a file is in the cache. */
#include <stdio.h>

#include "backend/base/error.h"
#include "backend/base/size.h"
#include "fs/control_proto.h"
#include "tools/command.h"
#include "tools/control_client.h"
#include "tools/progress.h"

struct change {
	const char *verb;
	const char *label; /* of the progress line */
	const char *done;  /* "freed", "fetched" */
	uint64_t files;
	uint64_t bytes;
};

static uint64_t member(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static int change_line(const json_t *line, void *arg)
{
	struct change *change = arg;

	progress_bytes(change->label, change->bytes + member(line, CONTROL_BYTES), 0, -1);
	return 0;
}

static int change_path(struct change *change, const char *path)
{
	struct control_client client;
	json_t *done = NULL;
	json_t *inside = NULL;
	int result = control_client_open(path, &client);

	if (!result) {
		inside = control_client_path(&client, path);
		result = inside ? 0 : -ENOENT;
	}
	if (!result)
		result = control_client_call(&client,
					     json_pack("{s:s, s:[o]}", CONTROL_VERB, change->verb,
						       CONTROL_PATHS, inside),
					     change_line, change, &done);
	change->files += member(done, CONTROL_FILES);
	change->bytes += member(done, CONTROL_BYTES);
	json_decref(done);
	control_client_close(&client);
	return result;
}

static int run_change(const struct command *command, struct change *change, int argc, char **argv)
{
	const struct command_option options[] = { { OPTION_END, 0, NULL, NULL, NULL, NULL } };
	char bytes[24];
	int result = 0;
	int count;
	int i;
	int status = command_parse_counted(command, options, argc, argv, 1, 1 << 20, &count);

	if (status != -1)
		return status;
	for (i = 0; i < count && !result; i++)
		result = change_path(change, argv[i]);
	progress_clear();
	if (result)
		return command_failed(result);
	size_format(change->bytes, bytes);
	printf("%s %s of %llu files\n", change->done, bytes, (unsigned long long)change->files);
	return STATUS_DONE;
}

static int run_evict(const struct command *command, int argc, char **argv)
{
	struct change change = { .verb = CONTROL_VERB_EVICT, .label = "evicting", .done = "freed" };

	return run_change(command, &change, argc, argv);
}

static int run_warm(const struct command *command, int argc, char **argv)
{
	struct change change = { .verb = CONTROL_VERB_WARM,
				 .label = "fetching",
				 .done = "fetched" };

	return run_change(command, &change, argc, argv);
}

const struct command command_evict = {
	.name = "evict",
	.usage = "PATH...",
	.summary = "drop files from the cache that the cloud has",
	.description = "Drops the cached bytes of every file at or below each PATH. Bytes that are "
		       "not in\n"
		       "the cloud yet stay. The next read fetches what it needs.",
	.run = run_evict,
};

const struct command command_warm = {
	.name = "warm",
	.usage = "PATH...",
	.summary = "bring files into the cache",
	.description = "Fetches every file at or below each PATH into the cache, in parallel, so "
		       "that later\n"
		       "reads need no network.",
	.run = run_warm,
};
