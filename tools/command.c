/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "backend/base/size.h"

#define OPTIONS_MAX 32
#define HELP_VALUE  1000 /* getopt's value of --help; option i has i + 1 */

int command_failed(int code)
{
	fprintf(stderr, "dray: %s\n", err_message(code));
	return code == -ERR_try_again ? STATUS_TRY_AGAIN : STATUS_FAILED;
}

int command_usage(const struct command *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "dray %s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (see dray %s --help)\n", command->name);
	return STATUS_USAGE;
}

static void print_option(char letter, const char *name, const char *value, const char *help)
{
	char left[64];
	int used = 0;

	if (letter && name)
		used = snprintf(left, sizeof(left), "-%c, --%s", letter, name);
	else if (letter)
		used = snprintf(left, sizeof(left), "-%c", letter);
	else
		used = snprintf(left, sizeof(left), "    --%s", name);
	if (value)
		snprintf(left + used, sizeof(left) - (size_t)used, " %s", value);
	printf("  %-28s %s\n", left, help);
}

static void print_help(const struct command *command, const struct command_option *options)
{
	printf("Usage: dray %s %s\n\n%s\n\nOptions:\n", command->name, command->usage,
	       command->description);
	for (; options->kind != OPTION_END; options++)
		print_option(options->letter, options->name, options->value, options->help);
	print_option('h', "help", NULL, "show this help");
}

static bool set_option(const struct command_option *option, const char *argument)
{
	char *end;

	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)option->target = true;
		return true;
	case OPTION_TEXT:
		*(const char **)option->target = argument;
		return true;
	case OPTION_SIZE:
		return size_parse(argument, option->target);
	case OPTION_DURATION:
		return duration_parse(argument, option->target);
	case OPTION_NUMBER:
		*(long *)option->target = strtol(argument, &end, 10);
		return *argument && !*end;
	case OPTION_END:
		break;
	}
	return false;
}

/* The tables of getopt_long(3) from ours. */
static void build_getopt(const struct command_option *options, struct option *longs, char *shorts)
{
	size_t used = 0;
	size_t i;

	*shorts++ = ':';
	for (i = 0; options[i].kind != OPTION_END && i < OPTIONS_MAX; i++) {
		if (options[i].name)
			longs[used++] = (struct option){ options[i].name, options[i].value != NULL,
							 NULL, (int)i + 1 };
		if (options[i].letter) {
			*shorts++ = options[i].letter;
			if (options[i].value)
				*shorts++ = ':';
		}
	}
	longs[used++] = (struct option){ "help", 0, NULL, HELP_VALUE };
	longs[used] = (struct option){ NULL, 0, NULL, 0 };
	*shorts++ = 'h';
	*shorts = '\0';
}

static const struct command_option *find_option(const struct command_option *options, int value)
{
	size_t i;

	for (i = 0; options[i].kind != OPTION_END; i++)
		if (value == (int)i + 1 || (options[i].letter && value == options[i].letter))
			return &options[i];
	return NULL;
}

int command_parse(const struct command *command, const struct command_option *options, int argc,
		  char **argv, int *arguments_out)
{
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 4];
	const struct command_option *option;
	int value;

	build_getopt(options, longs, shorts);
	opterr = 0;
	optind = 1;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (value == 'h' || value == HELP_VALUE) {
			print_help(command, options);
			return STATUS_DONE;
		}
		if (value == ':')
			return command_usage(command, "option %s needs an argument",
					     argv[optind - 1]);
		option = value == '?' ? NULL : find_option(options, value);
		if (!option)
			return command_usage(command, "unknown option %s", argv[optind - 1]);
		if (!set_option(option, optarg))
			return command_usage(command, "\"%s\" is no valid %s of option %s", optarg,
					     option->value, argv[optind - 2]);
	}
	memmove(argv, argv + optind, (size_t)(argc - optind) * sizeof(*argv));
	*arguments_out = argc - optind;
	return -1;
}

int command_parse_counted(const struct command *command, const struct command_option *options,
			  int argc, char **argv, int least, int most, int *arguments_out)
{
	int status = command_parse(command, options, argc, argv, arguments_out);

	if (status != -1)
		return status;
	if (*arguments_out < least)
		return command_usage(command, "an argument is missing: dray %s %s", command->name,
				     command->usage);
	if (*arguments_out > most)
		return command_usage(command, "unexpected argument \"%s\"", argv[most]);
	return -1;
}
