/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dray evict, warm, pin and unpin: what of a file is in the cache. A PATH that
 * does not exist may be a pattern, as the shell's: all that match are meant.
 */
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "backend/base/size.h"
#include "fs/control_proto.h"
#include "tools/command.h"
#include "tools/control_client.h"
#include "tools/progress.h"

struct change {
	const char *verb;
	const char *label; /* of the progress line */
	const char *done;  /* "freed", "fetched"; NULL: nothing to be said */
	uint64_t files;
	uint64_t bytes;
	uint64_t pinned_files; /* that stay */
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
	change->pinned_files += member(done, CONTROL_PINNED_FILES);
	json_decref(done);
	control_client_close(&client);
	return result;
}

/* The path, or what matches it. */
static int change_matches(struct change *change, const char *pattern)
{
	glob_t found;
	size_t i;
	int result = 0;

	if (!access(pattern, F_OK) || glob(pattern, GLOB_NOSORT, NULL, &found))
		return change_path(change, pattern);
	for (i = 0; !result && i < found.gl_pathc; i++)
		result = change_path(change, found.gl_pathv[i]);
	globfree(&found);
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
		result = change_matches(change, argv[i]);
	progress_clear();
	if (result)
		return command_failed(result);
	if (!change->done)
		return STATUS_DONE;
	size_format(change->bytes, bytes);
	printf("%s %s of %llu files", change->done, bytes, (unsigned long long)change->files);
	if (change->pinned_files)
		printf("; %llu are pinned and stay", (unsigned long long)change->pinned_files);
	putchar('\n');
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

static int run_pin(const struct command *command, int argc, char **argv)
{
	struct change change = { .verb = CONTROL_VERB_PIN,
				 .label = "fetching",
				 .done = "pinned; fetched" };

	return run_change(command, &change, argc, argv);
}

static int run_unpin(const struct command *command, int argc, char **argv)
{
	struct change change = { .verb = CONTROL_VERB_UNPIN, .label = "" };

	return run_change(command, &change, argc, argv);
}

const struct command command_evict = {
	.name = "evict",
	.usage = "PATH|PATTERN...",
	.summary = "drop files from the cache that the cloud has",
	.description = "Drops the cached bytes of every file at or below each PATH, or what "
		       "matches the\n"
		       "PATTERN (*, ? and [], as the shell takes them). Bytes that are not in the "
		       "cloud yet\n"
		       "and pinned files stay. The next read fetches what it needs.",
	.run = run_evict,
};

const struct command command_warm = {
	.name = "warm",
	.usage = "PATH|PATTERN...",
	.summary = "bring files into the cache",
	.description = "Fetches every file at or below each PATH into the cache, in parallel, so "
		       "that later\n"
		       "reads need no network.",
	.run = run_warm,
};

const struct command command_pin = {
	.name = "pin",
	.usage = "PATH|PATTERN...",
	.summary = "bring files into the cache and keep them there",
	.description = "What is at or below each PATH, also what comes to be there later, is never "
		       "evicted.\n"
		       "Fetches what is not in the cache yet. The pin is of this cache, and "
		       "outlives its mounts.\n"
		       "Pins may take half of the cache: what does not fit is refused.",
	.run = run_pin,
};

const struct command command_unpin = {
	.name = "unpin",
	.usage = "PATH|PATTERN...",
	.summary = "let pinned files be evicted again",
	.description = "Takes the pin from each PATH that was given to dray pin.",
	.run = run_unpin,
};
