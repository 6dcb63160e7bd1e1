/* SPDX-License-Identifier: Apache-2.0 */
/* dray status: how a volume on this machine is doing. */
#include <stdio.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/size.h"
#include "fs/control_proto.h"
#include "tools/command.h"
#include "tools/control_client.h"
#include "tools/dead_cache.h"

static const char *text_of(const json_t *status, const char *name)
{
	const char *text = json_string_value(json_object_get(status, name));

	return text ? text : "";
}

static uint64_t number_of(const json_t *status, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(status, name));
}

static void print_size(const json_t *status, const char *label, const char *name)
{
	char text[24];

	size_format(number_of(status, name), text);
	printf("%-14s %s", label, text);
}

static void print_dirty(const json_t *status)
{
	double age = json_number_value(json_object_get(status, STATUS_OLDEST_DIRTY_AGE_SECONDS));
	const json_t *eta = json_object_get(status, STATUS_ETA_SECONDS);
	char text[24];

	print_size(status, "not in cloud", STATUS_DIRTY_BYTES);
	printf(" of %llu files", (unsigned long long)number_of(status, STATUS_DIRTY_FILES));
	if (age > 0) {
		duration_format((int64_t)(age * (double)NS_PER_SECOND), text);
		printf(", the oldest for %s", text);
	}
	if (number_of(status, STATUS_DIRTY_BYTES) && json_is_number(eta)) {
		duration_format((int64_t)(json_number_value(eta) * (double)NS_PER_SECOND), text);
		printf(", done in about %s", text);
	}
	putchar('\n');
}

/* The commit that is not made before these are uploaded. */
static void print_held_by(const json_t *status)
{
	const json_t *row;
	char text[24];
	size_t i;

	json_array_foreach(json_object_get(status, STATUS_HELD_BY), i, row)
	{
		size_format(number_of(row, STATUS_HELD_BY_BYTES), text);
		printf("%-14s %s, of which %s are missing in the cloud\n", "held by",
		       text_of(row, STATUS_HELD_BY_PATH), text);
	}
}

static void print_late(const json_t *status)
{
	uint64_t late = number_of(status, STATUS_LATE_FILES);
	uint64_t breaches = number_of(status, STATUS_RPO_BREACHES_TOTAL);

	if (late || breaches)
		printf("%-14s %llu files wait for longer than their rpo; %llu did since the "
		       "mount\n",
		       "late", (unsigned long long)late, (unsigned long long)breaches);
}

static void print_cache(const json_t *status)
{
	uint64_t used = number_of(status, STATUS_CACHE_USED_BYTES);
	uint64_t limit = number_of(status, STATUS_CACHE_LIMIT_BYTES);
	char text[24];

	print_size(status, "cache", STATUS_CACHE_USED_BYTES);
	if (limit) {
		size_format(limit, text);
		printf(" of %s (%.0f %%)", text, 100.0 * (double)used / (double)limit);
	}
	printf(" in %s\n", text_of(status, STATUS_CACHE));
}

static void print_pinned(const json_t *status)
{
	uint64_t paths = number_of(status, STATUS_PINNED_PATHS);

	if (!paths)
		return;
	print_size(status, "pinned", STATUS_PINNED_BYTES);
	printf(" below %llu paths\n", (unsigned long long)paths);
}

static void print_hits(const json_t *status)
{
	uint64_t hit = number_of(status, "cache_hit_bytes_total");
	uint64_t missed = number_of(status, "cache_miss_bytes_total");
	uint64_t hit_reads = number_of(status, "cache_hit_reads_total");
	uint64_t missed_reads = number_of(status, "cache_miss_reads_total");
	char text[24];

	if (!hit_reads && !missed_reads)
		return;
	size_format(hit + missed, text);
	printf("%-14s %.1f %% of %s, %.1f %% of %llu reads\n", "read hits",
	       100.0 * (double)hit / (double)(hit + missed), text,
	       100.0 * (double)hit_reads / (double)(hit_reads + missed_reads),
	       (unsigned long long)(hit_reads + missed_reads));
}

static void print_uploads(const json_t *status)
{
	char sent[24];
	char logical[24];
	char rate[24];

	size_format(number_of(status, "bytes_uploaded_total"), sent);
	size_format(number_of(status, STATUS_LOGICAL_BYTES_COMMITTED_TOTAL), logical);
	size_format(number_of(status, STATUS_UPLOAD_BYTES_PER_SECOND), rate);
	printf("%-14s %s for %s of files in %llu PUTs; now %s/s in %llu\n", "uploaded", sent,
	       logical, (unsigned long long)number_of(status, "puts_total"), rate,
	       (unsigned long long)number_of(status, STATUS_UPLOADS_IN_FLIGHT));
}

/* Bytes that only this cache had, and that its disk did not keep. */
static void print_damaged(const json_t *status)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(status, STATUS_DAMAGED), i, row)
	{
		uint64_t offset = number_of(row, STATUS_DAMAGED_OFFSET);

		printf("%-14s %s (inode %llu), bytes %llu to %llu, found %s\n", "DAMAGED",
		       text_of(row, STATUS_DAMAGED_PATH),
		       (unsigned long long)number_of(row, STATUS_DAMAGED_INODE),
		       (unsigned long long)offset,
		       (unsigned long long)(offset + number_of(row, STATUS_DAMAGED_LENGTH)),
		       text_of(row, STATUS_DAMAGED_SINCE));
	}
}

static bool is_follower(const json_t *status)
{
	return json_is_number(json_object_get(status, STATUS_CHECKED_AGE_SECONDS));
}

static void print_commit(const json_t *status)
{
	double age = json_number_value(json_object_get(status, STATUS_CHECKED_AGE_SECONDS));
	char text[24];

	printf("%-14s %llu", "commit", (unsigned long long)number_of(status, STATUS_COMMITTED_SEQ));
	if (*text_of(status, STATUS_COMMITTED_TIME))
		printf(", the state of %s", text_of(status, STATUS_COMMITTED_TIME));
	if (is_follower(status)) {
		duration_format((int64_t)(age * (double)NS_PER_SECOND), text);
		printf(", the newest %s ago", text);
	}
	putchar('\n');
}

static void print_status(const json_t *status)
{
	const char *mountpoint = text_of(status, STATUS_MOUNTPOINT);
	const char *cause = text_of(status, STATUS_STATE_CAUSE);

	printf("%-14s %s \"%s\"\n", "volume", text_of(status, STATUS_VOLUME),
	       text_of(status, STATUS_NAME));
	printf("%-14s %s\n", "url", text_of(status, STATUS_URL));
	printf("%-14s %s\n", "mounted on", *mountpoint ? mountpoint : "(no gateway runs)");
	printf("%-14s %s%s%s\n", "state", text_of(status, STATUS_STATE), *cause ? ": " : "", cause);
	if (!is_follower(status)) {
		print_dirty(status);
		print_late(status);
		print_held_by(status);
	}
	print_cache(status);
	printf("%-14s %llu\n", "files", (unsigned long long)number_of(status, STATUS_FILES));
	print_commit(status);
	if (*mountpoint)
		print_pinned(status);
	print_hits(status);
	if (*mountpoint && !is_follower(status))
		print_uploads(status);
	print_damaged(status);
	if (json_is_true(json_object_get(status, STATUS_FAILING)))
		printf("%-14s %s\n", "FAILING", text_of(status, STATUS_LAST_ERROR));
}

static int get_status(const char *path, json_t **status_out)
{
	struct control_client client;
	json_t *done = NULL;
	int result = control_client_open(path, &client);

	if (!result)
		result = control_client_call(&client,
					     json_pack("{s:s}", CONTROL_VERB, CONTROL_VERB_STATUS),
					     NULL, NULL, &done);
	if (!result)
		*status_out = json_incref(json_object_get(done, CONTROL_STATUS));
	else if (result == -ECONNREFUSED && client.cache_directory)
		result = dead_cache_status(client.cache_directory, status_out);
	json_decref(done);
	control_client_close(&client);
	return result;
}

static int run_status(const struct command *command, int argc, char **argv)
{
	bool as_json = false;
	const struct command_option options[] = {
		{ OPTION_FLAG, 0, "json", NULL, "print a JSON object", &as_json },
		{ OPTION_END, 0, NULL, NULL, NULL, NULL },
	};
	json_t *status_object = NULL;
	int count;
	int result;
	int status = command_parse_counted(command, options, argc, argv, 0, 1, &count);

	if (status != -1)
		return status;
	result = get_status(count ? argv[0] : ".", &status_object);
	if (result)
		return command_failed(result);
	if (as_json) {
		json_dumpf(status_object, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_status(status_object);
	}
	json_decref(status_object);
	return STATUS_DONE;
}

const struct command command_status = {
	.name = "status",
	.usage = "[DIR|CACHE] [--json]",
	.summary = "show how a volume is doing",
	.description = "Shows the state of the volume that DIR (default: the current directory) is "
		       "on: what\n"
		       "is not in the cloud yet, how old it is, how full the cache is, the newest "
		       "commit.\n"
		       "Given a cache directory it answers also when no gateway runs on it.",
	.run = run_status,
};
