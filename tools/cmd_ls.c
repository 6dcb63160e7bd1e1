/* SPDX-License-Identifier: Apache-2.0 */
/* dray ls: what of each file is cached, dirty, in the cloud. */
#include <stdio.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/size.h"
#include "fs/control_proto.h"
#include "tools/command.h"
#include "tools/control_client.h"
#include "tools/dead_cache.h"

enum ls_format { LS_TABLE, LS_JSON, LS_CSV };

struct ls {
	enum ls_format format;
	uint64_t rows;
};

/* The columns of the CSV form, in order; the names are the protocol's. */
static const char *const csv_columns[] = {
	CONTROL_ROW_PATH,	 CONTROL_ROW_TYPE,	   CONTROL_ROW_SIZE,
	CONTROL_ROW_MTIME,	 CONTROL_ROW_CACHED_BYTES, CONTROL_ROW_DIRTY_BYTES,
	CONTROL_ROW_DIRTY_SINCE, CONTROL_ROW_AGE_SECONDS,  CONTROL_ROW_STATE,
	CONTROL_ROW_PENDING,	 CONTROL_ROW_COMMIT,
};

#define CSV_COLUMNS (sizeof(csv_columns) / sizeof(csv_columns[0]))

/* RFC 4180: quoted, quotes doubled. */
static void print_csv_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static void print_csv_value(const json_t *value)
{
	const json_t *hex = json_object_get(value, "hex");

	if (json_is_string(value))
		print_csv_text(json_string_value(value));
	else if (hex)
		printf("hex:%s", json_string_value(hex));
	else if (json_is_integer(value))
		printf("%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		printf("%.3f", json_real_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "true" : "false", stdout);
}

static void print_csv_row(const json_t *row)
{
	size_t i;

	for (i = 0; i < CSV_COLUMNS; i++) {
		if (i)
			putchar(',');
		print_csv_value(json_object_get(row, csv_columns[i]));
	}
	putchar('\n');
}

static void print_csv_head(void)
{
	size_t i;

	for (i = 0; i < CSV_COLUMNS; i++)
		printf("%s%s", i ? "," : "", csv_columns[i]);
	putchar('\n');
}

/* A path for people: bytes that would move the cursor are shown as "?". */
static void print_path(const json_t *path)
{
	const char *text = json_string_value(path);

	if (!text) {
		printf("hex:%s", json_string_value(json_object_get(path, "hex")));
		return;
	}
	for (; *text; text++)
		putchar((unsigned char)*text < 32 || *text == 127 ? '?' : *text);
}

static void print_table_row(const json_t *row)
{
	static const char *const sizes[] = { CONTROL_ROW_SIZE, CONTROL_ROW_CACHED_BYTES,
					     CONTROL_ROW_DIRTY_BYTES };
	const json_t *age = json_object_get(row, CONTROL_ROW_AGE_SECONDS);
	const char *state = json_string_value(json_object_get(row, CONTROL_ROW_STATE));
	const char *type = json_string_value(json_object_get(row, CONTROL_ROW_TYPE));
	char text[24];
	size_t i;

	printf("%-9s", state ? state : "?");
	for (i = 0; i < 3; i++) {
		size_format((uint64_t)json_integer_value(json_object_get(row, sizes[i])), text);
		printf(" %11s", type && !strcmp(type, CONTROL_TYPE_DIRECTORY) ? "-" : text);
	}
	snprintf(text, sizeof(text), "-");
	if (json_is_number(age))
		duration_format((int64_t)(json_number_value(age) * (double)NS_PER_SECOND), text);
	printf(" %8s  ", text);
	print_path(json_object_get(row, CONTROL_ROW_PATH));
	putchar('\n');
}

static int print_row(const json_t *row, void *arg)
{
	struct ls *ls = arg;

	ls->rows++;
	if (ls->format == LS_JSON) {
		json_dumpf(row, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (ls->format == LS_CSV) {
		print_csv_row(row);
	} else {
		print_table_row(row);
	}
	return ferror(stdout) ? err_set_errno(-ERR_local_io, errno, "cannot write the listing") : 0;
}

/* "event":"row" is of the protocol, not of the row. */
static int take_row(const json_t *line, void *arg)
{
	json_object_del((json_t *)line, CONTROL_EVENT);
	return print_row(line, arg);
}

static int list_path(struct ls *ls, const char *path, const json_t *filters)
{
	struct control_client client;
	json_t *request;
	json_t *inside;
	int result = control_client_open(path, &client);
	bool dead = result == -ECONNREFUSED && client.cache_directory;

	if (result && !dead)
		goto out;
	inside = control_client_path(&client, path);
	if (!inside) {
		result = -ENOENT;
		goto out;
	}
	request = json_pack("{s:s, s:[o], s:O}", CONTROL_VERB, CONTROL_VERB_LS, CONTROL_PATHS,
			    inside, CONTROL_FILTERS, filters);
	result = dead ? dead_cache_list(client.cache_directory, request, print_row, ls)
		      : control_client_call(&client, request, take_row, ls, NULL);
out:
	control_client_close(&client);
	return result;
}

static int list_paths(struct ls *ls, char **paths, int count, const json_t *filters)
{
	int result = 0;
	int i;

	if (ls->format == LS_CSV)
		print_csv_head();
	if (ls->format == LS_TABLE)
		printf("%-9s %11s %11s %11s %8s  %s\n", "STATE", "SIZE", "CACHED", "DIRTY", "AGE",
		       "PATH");
	for (i = 0; i < count && !result; i++)
		result = list_path(ls, paths[i], filters);
	return result ? command_failed(result) : STATUS_DONE;
}

static void add_filter(json_t *filters, bool wanted, const char *name)
{
	if (wanted)
		json_array_append_new(filters, json_string(name));
}

static int run_ls(const struct command *command, int argc, char **argv)
{
	bool dirty = false, pending = false, failing = false, cached = false;
	bool as_json = false, as_csv = false;
	const struct command_option options[] = {
		{ OPTION_FLAG, 0, "dirty", NULL, "only what is not (all) in the cloud", &dirty },
		{ OPTION_FLAG, 0, "pending", NULL, "only what the last commit names as pending",
		  &pending },
		{ OPTION_FLAG, 0, "failing", NULL, "only what cannot be uploaded now", &failing },
		{ OPTION_FLAG, 0, "cached", NULL, "only what has bytes in the cache", &cached },
		{ OPTION_FLAG, 0, "json", NULL, "a JSON object a line", &as_json },
		{ OPTION_FLAG, 0, "csv", NULL, "comma-separated values with a head line", &as_csv },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	static char here[] = ".";
	char *default_paths[] = { here };
	struct ls ls = { .format = LS_TABLE };
	json_t *filters;
	int count;
	int status = command_parse_counted(command, options, argc, argv, 0, 1 << 20, &count);

	if (status != -1)
		return status;
	if (as_json && as_csv)
		return command_usage(command, "--json and --csv exclude each other");
	ls.format = as_json ? LS_JSON : as_csv ? LS_CSV : LS_TABLE;
	filters = json_array();
	add_filter(filters, dirty, CONTROL_FILTER_DIRTY);
	add_filter(filters, pending, CONTROL_FILTER_PENDING);
	add_filter(filters, failing, CONTROL_FILTER_FAILING);
	add_filter(filters, cached, CONTROL_FILTER_CACHED);
	status = list_paths(&ls, count ? argv : default_paths, count ? count : 1, filters);
	json_decref(filters);
	return status;
}

const struct command command_ls = {
	.name = "ls",
	.usage = "[PATH...] [OPTION...]",
	.summary = "list files with what is cached, dirty, in the cloud",
	.description = "Lists every file at or below each PATH: where its bytes are (state: local, "
		       "uploading\n"
		       "or cloud), its size, how much of it is in the cache, how much is in no "
		       "acknowledged\n"
		       "pack yet, and for how long. Filters add up. PATH may also be a cache "
		       "directory: then\n"
		       "the whole volume is listed, also when no gateway runs.",
	.run = run_ls,
};
