/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sub-commands of `dray`. Each lives in a file of its own (cmd_<name>.c),
 * declares its options once, as a table, from which parsing, --help and the
 * manual page come, and is listed in main.c.
 */
#ifndef DRAY_TOOLS_COMMAND_H
#define DRAY_TOOLS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1, /* one line on stderr says what, which, why, what to do */
	STATUS_USAGE = 2,
	STATUS_TRY_AGAIN = 75, /* time-out: the same call may succeed later */
};

enum option_kind {
	OPTION_END,
	OPTION_FLAG,	 /* bool *: set */
	OPTION_TEXT,	 /* const char **: the argument */
	OPTION_SIZE,	 /* uint64_t *: bytes, with K, M, G, T */
	OPTION_DURATION, /* int64_t *: nanoseconds */
	OPTION_NUMBER,	 /* long *: a decimal number */
};

struct command_option {
	enum option_kind kind;
	char letter;	   /* 0: none */
	const char *name;  /* without the dashes; NULL: only the letter */
	const char *value; /* name of the argument in the help; NULL for flags */
	const char *help;
	void *target;
};

struct command {
	const char *name;
	const char *usage; /* behind the name: "URL DIR [OPTION...]" */
	const char *summary;
	const char *description; /* paragraphs of the help */
	int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_init;
extern const struct command command_mount;
extern const struct command command_umount;
extern const struct command command_status;
extern const struct command command_wait;
extern const struct command command_ls;
extern const struct command command_evict;
extern const struct command command_warm;
extern const struct command command_pin;
extern const struct command command_unpin;
extern const struct command command_drain;
extern const struct command command_export;
extern const struct command command_lost;

/*
 * Parses argv[1..] in place. On success argv[0..*arguments_out) are the
 * operands and -1 is returned. Otherwise the exit status: after --help, or
 * after a line about a wrong option.
 */
int command_parse(const struct command *command, const struct command_option *options, int argc,
		  char **argv, int *arguments_out);
/* As above, and checks the number of operands. */
int command_parse_counted(const struct command *command, const struct command_option *options,
			  int argc, char **argv, int least, int most, int *arguments_out);

/* "dray: <sentence>" on stderr; the exit status for a code. */
int command_failed(int code);
/* A line about wrong usage, and where the help is. */
int command_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
