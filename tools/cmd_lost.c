/* SPDX-License-Identifier: Apache-2.0 */
/* dray lost: what a lost machine accepted and never sent. */
#include <inttypes.h>
#include <stdio.h>

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/size.h"
#include "cache/lost.h"
#include "fs/control_path.h"
#include "tools/command.h"
#include "tools/open_volume.h"

struct lost {
	bool as_json;
	uint64_t files;
};

/* The ledger's path has no NUL, and no slash before it. */
static void print_json(const struct ledger_row *row, const char *path)
{
	json_t *json = json_pack("{s:o, s:I, s:I, s:f, s:b}", "path", path_to_json(path), "inode",
				 (json_int_t)row->ino, "size", (json_int_t)row->size, "mtime",
				 (double)row->mtime_ns / NS_PER_SECOND, "fsynced",
				 (row->flags & LEDGER_FSYNCED) != 0);
	CLEANUP_FREE char *text = json_dumps(json, JSON_COMPACT);

	puts(text);
	json_decref(json);
}

static void print_row(const struct ledger_row *row, const char *path)
{
	char mtime[32];
	char size[24];

	clock_format(row->mtime_ns, mtime);
	size_format(row->size, size);
	printf("%10s  %s  %-7s  ", size, mtime, row->flags & LEDGER_FSYNCED ? "fsynced" : "");
	for (; *path; path++)
		putchar((unsigned char)*path < 32 || *path == 127 ? '?' : *path);
	putchar('\n');
}

static int show_file(const struct ledger_row *row, void *arg)
{
	CLEANUP_FREE char *path = xasprintf("%.*s", (int)row->path_length, row->path);
	struct lost *lost = arg;

	lost->files++;
	if (lost->as_json)
		print_json(row, path);
	else
		print_row(row, path);
	return 0;
}

static void print_summary(const struct lost *lost, const struct lost_commit *commit)
{
	char time[32];

	if (!commit->seq) {
		fputs("no commit was made yet: what was written before is not known of\n", stderr);
		return;
	}
	clock_format(commit->cut_real_ns, time);
	fprintf(stderr,
		"%" PRIu64 " files were not in the cloud at commit %" PRIu64
		" (writer epoch %" PRIu64 "), %s; what was written later is not known of\n",
		lost->files, commit->seq, commit->epoch, time);
}

static int run_lost(const struct command *command, int argc, char **argv)
{
	struct lost lost = { 0 };
	long epoch = 0;
	const struct command_option options[] = {
		{ OPTION_FLAG, 0, "json", NULL, "a JSON object a line", &lost.as_json },
		{ OPTION_NUMBER, 0, "epoch", "N",
		  "of the last commit of writer epoch N or before, not of the newest", &epoch },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	struct open_volume volume;
	struct lost_commit commit;
	int count;
	int result;
	int status = command_parse_counted(command, options, argc, argv, 1, 1, &count);

	if (status != -1)
		return status;
	if (epoch < 0)
		return command_usage(command, "an epoch is at least 1");
	result = open_volume(argv[0], false, &volume);
	if (result)
		return command_failed(result);
	result = lost_read(volume.store, argv[0], &volume.params, (uint64_t)epoch, &commit,
			   show_file, &lost);
	if (!result)
		print_summary(&lost, &commit);
	store_free(volume.store);
	return result ? command_failed(result) : STATUS_DONE;
}

const struct command command_lost = {
	.name = "lost",
	.usage = "URL [OPTION...]",
	.summary = "list what a lost machine accepted and never sent",
	.description =
		"Lists the files whose newest content was not in the cloud when the last commit "
		"was "
		"made, with\n"
		"the size and time that they had: what is missing when that machine is gone, as "
		"far "
		"as it\n"
		"could tell. Fsynced means that an application was told it was safe on that "
		"machine's disk.\n"
		"The list is that of the newest commit that is not a mere takeover; when another "
		"gateway has\n"
		"written since, --epoch names the one before it.",
	.run = run_lost,
};
