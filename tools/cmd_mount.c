/* SPDX-License-Identifier: Apache-2.0 */
/* dray mount: serves a volume as a directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "fs/config.h"
#include "fs/daemon.h"
#include "fs/mount.h"
#include "tools/command.h"
#include "tools/remount.h"

struct mount_arguments {
	const char *cache;
	const char *cache_size;
	bool foreground;
};

/* Several -o add up; the tables of the commands take each option once. A list
 * that asks for a remount is not of this mount: it is left in *remount. */
static int take_options(struct mount_conf *conf, int *argc, char **argv, const char **remount)
{
	int kept = 1;
	int result = 0;
	int i;

	for (i = 1; i < *argc && !result; i++) {
		const char *list = NULL;

		if (!strcmp(argv[i], "-o") && i + 1 < *argc)
			list = argv[++i];
		else if (!strncmp(argv[i], "-o", 2) && argv[i][2])
			list = argv[i] + 2;
		else
			argv[kept++] = argv[i];
		if (list && remount_is_asked(list))
			*remount = list;
		else if (list)
			result = mount_conf_parse(conf, list);
	}
	*argc = kept;
	argv[kept] = NULL;
	return result;
}

static int apply(struct mount_conf *conf, const struct mount_arguments *arguments)
{
	int result = 0;

	if (arguments->cache)
		result = mount_conf_set(conf, "cache", arguments->cache);
	if (!result && arguments->cache_size)
		result = mount_conf_set(conf, "cache-size", arguments->cache_size);
	return result;
}

static int mount_volume(const struct command *command, struct mount_conf *conf, int argc,
			char **argv)
{
	struct mount_arguments values = { 0 };
	const struct command_option options[] = {
		{ OPTION_TEXT, 0, "cache", "PATH", "the cache directory (as -o cache=)",
		  &values.cache },
		{ OPTION_TEXT, 0, "cache-size", "SIZE", "how much it may hold (as -o cache-size=)",
		  &values.cache_size },
		{ OPTION_FLAG, 0, "takeover", NULL,
		  "do not wait for another machine's lease (as -o takeover)", &conf->takeover },
		{ OPTION_FLAG, 0, "unsafe-single-writer", NULL,
		  "go on without conditional writes (as -o unsafe-single-writer)",
		  &conf->unsafe_single_writer },
		{ OPTION_FLAG, 'f', "foreground", NULL, "stay in the foreground",
		  &values.foreground },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	const char *remount = NULL;
	int count;
	int result = take_options(conf, &argc, argv, &remount);
	int status;

	if (result)
		return command_failed(result);
	status = command_parse_counted(command, options, argc, argv, remount ? 1 : 2, 2, &count);
	if (status != -1) {
		if (status == STATUS_DONE) {
			puts("\nMount options (-o NAME[=VALUE],...):");
			mount_options_print_help(stdout);
		}
		return status;
	}
	if (remount) {
		result = remount_apply(remount, argv[count - 1]);
		return result ? command_failed(result) : STATUS_DONE;
	}
	result = apply(conf, &values);
	if (result)
		return command_failed(result);
	conf->url = argv[0];
	conf->mountpoint = argv[1];
	return mount_run(conf, values.foreground ? DAEMON_FOREGROUND : daemon_start());
}

static int run_mount(const struct command *command, int argc, char **argv)
{
	struct mount_conf conf;
	int status;

	mount_conf_init(&conf);
	status = mount_volume(command, &conf, argc, argv);
	mount_conf_release(&conf);
	return status;
}

const struct command command_mount = {
	.name = "mount",
	.usage = "URL DIR [--cache PATH] [--cache-size SIZE] [-o OPTION[,OPTION]...] [-f]",
	.summary = "serve a volume as a directory",
	.description = "Mounts the volume at URL on DIR. Returns 0 once it serves. After a crash "
		       "it recovers\n"
		       "by itself; with an empty cache, or on another machine, it restores the "
		       "volume from\n"
		       "the store. With -o remount,cache-size=20G (or dirty-limit=, min-free=, "
		       "on-full=) the\n"
		       "limits of the mount at DIR are changed; URL may be left out then.",
	.run = run_mount,
};
