/* SPDX-License-Identifier: Apache-2.0 */
/* dray export: copies files out of a dead cache, without the cloud. */
#include <inttypes.h>
#include <stdio.h>

#include "backend/base/error.h"
#include "backend/base/size.h"
#include "tools/command.h"
#include "tools/export_tree.h"

static void tell_left_out(const char *path, const char *why, void *arg)
{
	(void)arg;
	fprintf(stderr, "not copied: %s: %s\n", path, why);
}

static void tell_result(const char *target, const struct export_result *result)
{
	char size[24];

	size_format(result->bytes, size);
	printf("%" PRIu64 " files, %s, copied to %s\n", result->files, size, target);
	if (result->attributes_lost)
		printf("%" PRIu64 " attributes were not copied: this user, or the file system "
		       "there, cannot have them\n",
		       result->attributes_lost);
}

static int run_export(const struct command *command, int argc, char **argv)
{
	struct export_conf conf = { .left_out = tell_left_out };
	const struct command_option options[] = {
		{ OPTION_FLAG, 0, "dirty", NULL, "only files that are not (all) in the cloud",
		  &conf.only_dirty },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	struct export_result result = { 0 };
	int count;
	int code;
	int status = command_parse_counted(command, options, argc, argv, 2, 2, &count);

	if (status != -1)
		return status;
	conf.target = argv[1];
	code = cache_open_dead(argv[0], &conf.cache);
	if (code)
		return command_failed(code);
	code = export_tree(&conf, &result);
	cache_close(conf.cache);
	if (code)
		return command_failed(code);
	tell_result(conf.target, &result);
	if (!result.left_out)
		return STATUS_DONE;
	return command_failed(err_set(-ERR_object_missing,
				      "%" PRIu64 " files of %s were not copied: the lines above "
				      "say which and why",
				      result.left_out, argv[0]));
}

const struct command command_export = {
	.name = "export",
	.usage = "CACHE DIR [OPTION...]",
	.summary = "copy files out of a gateway's cache, without the cloud",
	.description =
		"Copies the files whose bytes are all in the cache directory CACHE into DIR, which "
		"is "
		"made (or\n"
		"is empty), as the applications last saw them: also what was never uploaded. For a "
		"gateway\n"
		"that was fenced, or whose cloud is gone. Nothing in CACHE is changed. Files that "
		"are "
		"not all\n"
		"in the cache are named, and the exit status is 1.",
	.run = run_export,
};
