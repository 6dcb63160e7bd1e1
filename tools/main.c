/* SPDX-License-Identifier: Apache-2.0 */
/* dray: the command of drayfs. One file a sub-command; the table is here. */
#include <stdio.h>
#include <string.h>

#include "tools/command.h"

static const struct command *const commands[] = {
	&command_init,	&command_mount,	 &command_umount, &command_status, &command_wait,
	&command_ls,	&command_evict,	 &command_warm,	  &command_pin,	   &command_unpin,
	&command_drain, &command_export, &command_lost,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	size_t i;

	fputs("Usage: dray COMMAND [ARGUMENT...]\n\n"
	      "A directory whose files live in object storage, through a local write-back "
	      "cache.\n\n"
	      "Commands:\n",
	      out);
	for (i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n  dray COMMAND --help     what a command does and its options\n"
	      "  dray --version\n\n"
	      "URL: file:///absolute/path or s3://bucket/prefix (endpoint, region and credentials "
	      "as\n"
	      "the AWS tools take them: AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE, ...).\n\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage, 75 time-out: try again.\n",
	      out);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return STATUS_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("dray " DRAY_VERSION);
		return STATUS_DONE;
	}
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "dray: unknown command \"%s\" (see dray --help)\n", argv[1]);
		return STATUS_USAGE;
	}
	return command->run(command, argc - 1, argv + 1);
}
