/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/config.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/size.h"

#define NAME_MAX_BYTES 64
#define HELP_COLUMN    26
#define HELP_WIDTH     80

enum option_kind {
	OPTION_TEXT,
	OPTION_SIZE,
	OPTION_DURATION,
	OPTION_NUMBER,
	OPTION_OCTAL,
	OPTION_CHOICE,
	OPTION_FLAG,
};

struct option_row {
	const char *name;
	enum option_kind kind;
	size_t offset; /* of the field */
	const char *default_value;
	int64_t min;
	int64_t max;
	const char *argument;
	const char *help;
};

static const struct option_row options[] = {
#define X(field, kind, name, default_value, min, max, argument, help)                           \
	{ name,	    OPTION_##kind, offsetof(struct mount_conf, field), default_value, min, max, \
	  argument, help },
	MOUNT_OPTIONS(X)
#undef X
};

static const struct {
	const char *name;
	size_t offset;
} opposites[] = {
#define X(name, field) { name, offsetof(struct mount_conf, field) },
	MOUNT_OPTION_OPPOSITES(X)
#undef X
};

#define X(name) name,
static const char *const live_options[] = { MOUNT_OPTIONS_LIVE(X) };
static const char *const kernel_options[] = { MOUNT_OPTIONS_KERNEL(X) };
static const char *const ignored_options[] = { MOUNT_OPTIONS_IGNORED(X) };
static const char *const ignored_prefixes[] = { MOUNT_OPTIONS_IGNORED_PREFIXES(X) };
#undef X

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool text_in(const char *text, const char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!strcmp(text, list[i]))
			return true;
	}
	return false;
}

static bool prefix_is_ignored(const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < COUNT(ignored_prefixes); i++) {
		const char *prefix = ignored_prefixes[i];
		size_t length = strlen(prefix);

		if (prefix[length - 1] == '=') {
			if (value && strlen(name) == length - 1 &&
			    !strncmp(name, prefix, length - 1))
				return true;
		} else if (!strncmp(name, prefix, length)) {
			return true;
		}
	}
	return false;
}

/* A whole number in the base, nothing else; false otherwise. */
static bool number_parse(const char *text, int base, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, base);
	return !errno && end != text && !*end;
}

/* The how manieth of the words in "a|b|c" it is. */
static bool choice_parse(const char *choices, const char *value, int64_t *out)
{
	size_t length = strlen(value);
	size_t word;

	for (*out = 0; *choices; ++*out) {
		word = strcspn(choices, "|");
		if (word == length && !strncmp(choices, value, word))
			return true;
		choices += word + (choices[word] == '|');
	}
	return false;
}

/* Reads the value into a number; false when it is not of the row's kind. */
static bool value_parse(const struct option_row *row, const char *value, int64_t *out)
{
	uint64_t size;

	switch (row->kind) {
	case OPTION_SIZE:
		if (!size_parse(value, &size) || size > INT64_MAX)
			return false;
		*out = (int64_t)size;
		return true;
	case OPTION_DURATION:
		return duration_parse(value, out);
	case OPTION_NUMBER:
		return number_parse(value, 10, out);
	case OPTION_OCTAL:
		return number_parse(value, 8, out);
	case OPTION_CHOICE:
		return choice_parse(row->argument, value, out);
	case OPTION_TEXT:
	case OPTION_FLAG:
		break;
	}
	assert(!"the kind has no numeric value");
	return false;
}

static void field_set_text(struct mount_conf *conf, size_t offset, const char *value)
{
	char **field = (char **)((char *)conf + offset);

	free(*field);
	*field = xstrdup(value);
}

static void field_set_flag(struct mount_conf *conf, size_t offset, bool value)
{
	*(bool *)((char *)conf + offset) = value;
}

static void field_set_number(struct mount_conf *conf, const struct option_row *row, int64_t value)
{
	char *field = (char *)conf + row->offset;

	if (row->kind == OPTION_SIZE)
		*(uint64_t *)field = (uint64_t)value;
	else
		*(int64_t *)field = value;
}

static const char *kind_hint(enum option_kind kind)
{
	switch (kind) {
	case OPTION_SIZE:
		return "a size such as 512M or 10G";
	case OPTION_DURATION:
		return "a time such as 500ms, 5s or 2m";
	case OPTION_OCTAL:
		return "an octal number such as 022";
	case OPTION_CHOICE:
	case OPTION_NUMBER:
	case OPTION_TEXT:
	case OPTION_FLAG:
		break;
	}
	return "a number";
}

static int bad_value(const struct option_row *row, const char *value)
{
	if (row->kind == OPTION_CHOICE)
		return err_set(-ERR_bad_option, "mount option %s=%s: give one of %s", row->name,
			       value, row->argument);
	if (row->kind != OPTION_NUMBER)
		return err_set(-ERR_bad_option, "mount option %s=%s: out of range, or not %s",
			       row->name, value, kind_hint(row->kind));
	return err_set(-ERR_bad_option, "mount option %s=%s: give a number from %lld to %lld",
		       row->name, value, (long long)row->min, (long long)row->max);
}

static int option_set(struct mount_conf *conf, const struct option_row *row, const char *value)
{
	int64_t number;

	if (row->kind == OPTION_FLAG) {
		if (value)
			return err_set(-ERR_bad_option, "mount option %s takes no value",
				       row->name);
		field_set_flag(conf, row->offset, true);
		return 0;
	}
	if (!value || !*value)
		return err_set(-ERR_bad_option, "mount option %s needs a value: %s=%s", row->name,
			       row->name, row->argument);
	if (row->kind == OPTION_TEXT) {
		field_set_text(conf, row->offset, value);
		return 0;
	}
	if (!value_parse(row, value, &number))
		return bad_value(row, value);
	if ((row->min || row->max) && (number < row->min || number > row->max))
		return bad_value(row, value);
	field_set_number(conf, row, number);
	return 0;
}

void mount_conf_init(struct mount_conf *conf)
{
	size_t i;
	int64_t number;

	memset(conf, 0, sizeof(*conf));
	for (i = 0; i < COUNT(options); i++) {
		const struct option_row *row = &options[i];

		if (!*row->default_value)
			continue;
		if (row->kind == OPTION_FLAG) {
			field_set_flag(conf, row->offset, true);
		} else {
			bool good = value_parse(row, row->default_value, &number);

			assert(good);
			(void)good;
			field_set_number(conf, row, number);
		}
	}
}

void mount_conf_release(struct mount_conf *conf)
{
	size_t i;

	for (i = 0; i < COUNT(options); i++) {
		if (options[i].kind == OPTION_TEXT)
			free(*(char **)((char *)conf + options[i].offset));
	}
	buffer_release(&conf->kernel);
	memset(conf, 0, sizeof(*conf));
}

int mount_conf_set(struct mount_conf *conf, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < COUNT(options); i++) {
		if (!strcmp(name, options[i].name))
			return option_set(conf, &options[i], value);
	}
	for (i = 0; i < COUNT(opposites) && !value; i++) {
		if (!strcmp(name, opposites[i].name)) {
			field_set_flag(conf, opposites[i].offset, false);
			return 0;
		}
	}
	if (!value && text_in(name, kernel_options, COUNT(kernel_options))) {
		buffer_printf(&conf->kernel, "%s%s", conf->kernel.length ? "," : "", name);
		return 0;
	}
	if (!value && text_in(name, ignored_options, COUNT(ignored_options)))
		return 0;
	if (prefix_is_ignored(name, value))
		return 0;
	return err_set(-ERR_bad_option,
		       "unknown mount option %s%s%s (dray mount --help lists them)", name,
		       value ? "=" : "", value ? value : "");
}

/* Takes one option off the list, without its backslashes. */
static const char *option_next(const char *list, struct buffer *option)
{
	buffer_clear(option);
	for (; *list && *list != ','; list++) {
		if (*list == '\\' && list[1])
			list++;
		buffer_put_u8(option, (uint8_t)*list);
	}
	buffer_put_u8(option, 0);
	return *list ? list + 1 : list;
}

/* Sets what a list says; with `live`, only options that a mount can change. */
static int parse_list(struct mount_conf *conf, const char *list, bool live)
{
	CLEANUP_BUFFER struct buffer option = BUFFER_INIT;
	int result = 0;

	while (*list && !result) {
		char *name;
		char *value;

		list = option_next(list, &option);
		name = (char *)option.data;
		if (!*name)
			continue;
		value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		if (live && !text_in(name, live_options, COUNT(live_options)))
			return err_set(-ERR_bad_option,
				       "mount option %s cannot be changed while mounted: unmount, "
				       "then mount with it",
				       name);
		result = mount_conf_set(conf, name, value);
	}
	return result;
}

int mount_conf_parse(struct mount_conf *conf, const char *list)
{
	return parse_list(conf, list, false);
}

int mount_conf_change(struct mount_conf *conf, const char *list)
{
	return parse_list(conf, list, true);
}

static bool default_is_shown(const struct option_row *row)
{
	return *row->default_value && row->kind != OPTION_FLAG && *row->default_value != '-';
}

/* Prints words, broken before HELP_WIDTH, from HELP_COLUMN on. */
static void print_wrapped(FILE *out, const char *text, int column)
{
	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column + 1 + length > HELP_WIDTH) {
			fprintf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		}
		fprintf(out, " %.*s", length, text);
		column += 1 + length;
		text += length;
		text += strspn(text, " ");
	}
}

void mount_options_print_help(FILE *out)
{
	size_t i;

	for (i = 0; i < COUNT(options); i++) {
		const struct option_row *row = &options[i];
		int used = fprintf(out, "  %s%s%s", row->name, *row->argument ? "=" : "",
				   row->argument);

		if (used > HELP_COLUMN)
			used = fprintf(out, "\n") - 1;
		fprintf(out, "%*s", HELP_COLUMN - used, "");
		print_wrapped(out, row->help, HELP_COLUMN);
		if (default_is_shown(row))
			fprintf(out, " [%s]", row->default_value);
		fputc('\n', out);
	}
	fprintf(out, "  The options of mount(8) and fstab(5) are accepted: rw, suid, dev, noexec,\n"
		     "  noatime, sync, _netdev, nofail, x-..., and so on.\n");
}

void mount_options_print_mdoc(FILE *out)
{
	size_t i;

	for (i = 0; i < COUNT(options); i++) {
		const struct option_row *row = &options[i];

		fprintf(out, ".It Cm %s", row->name);
		if (*row->argument)
			fprintf(out, " Ns = Ns Ar %s", row->argument);
		fprintf(out, "\n%s\n", row->help);
		if (default_is_shown(row))
			fprintf(out, "Default: %s.\n", row->default_value);
	}
}
