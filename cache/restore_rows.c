/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/restore_rows.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/error.h"
#include "cache/ahead.h"
#include "cache/root_read.h"

struct restore_rows {
	struct cache *cache;
	struct row_sort *changes;
	uint64_t seq; /* of the root */
	uint64_t count;

	/* immutable while they are got */
	struct row_part *parts;
	size_t parts_count;
	size_t parts_taken;
	struct ahead *ahead; /* NULL: no runs */

	struct buffer run; /* rows of the run that is read */
	struct row_run_reader reader;
	bool has_base; /* `base` was not given out yet; likewise has_change */
	bool has_change;
	bool changes_ended;
	struct row_run_row base;
	struct row_run_row change;
};

static int get_run(void *arg, uint64_t number, void *out)
{
	struct restore_rows *rows = arg;
	struct buffer *run = out;
	int result;

	memset(run, 0, sizeof(*run));
	result = root_get_run(rows->cache, rows->seq, &rows->parts[number], run);
	if (result)
		buffer_release(run);
	return result;
}

static void release_run(void *run)
{
	buffer_release(run);
}

static int list_parts(struct restore_rows *rows, struct root *root)
{
	struct root_run run;
	int result;

	rows->parts = xcalloc(root->run_count + 1, sizeof(*rows->parts));
	root_rewind(root);
	while ((result = root_next(root, &run)) > 0) {
		rows->parts[rows->parts_count++] = run.part;
		rows->count += run.part.rows;
	}
	return result;
}

int restore_rows_open(struct cache *cache, struct root *root, struct row_sort *changes,
		      struct restore_rows **out)
{
	struct restore_rows *rows = xcalloc(1, sizeof(*rows));
	struct ahead_conf conf = {
		.threads = RESTORE_RUNS_AHEAD,
		.item_size = sizeof(struct buffer),
		.get = get_run,
		.release = release_run,
		.arg = rows,
	};
	int result = 0;

	rows->cache = cache;
	rows->changes = changes;
	rows->count = row_sort_count(changes);
	if (root && root->run_count) {
		rows->seq = root->head.seq;
		result = list_parts(rows, root);
		conf.last = rows->parts_count - 1;
		if (!result)
			rows->ahead = ahead_start(&conf);
	}
	row_run_reader_init(&rows->reader, NULL, 0, "");
	if (result) {
		restore_rows_close(rows);
		return result;
	}
	*out = rows;
	return 0;
}

void restore_rows_close(struct restore_rows *rows)
{
	if (!rows)
		return;
	ahead_stop(rows->ahead);
	buffer_release(&rows->run);
	free(rows->parts);
	free(rows);
}

uint64_t restore_rows_count(const struct restore_rows *rows)
{
	return rows->count;
}

/* The next row of the runs. */
static int next_base(struct restore_rows *rows)
{
	int result;

	while (!(result = row_run_reader_next(&rows->reader, &rows->base)) &&
	       rows->parts_taken < rows->parts_count) {
		buffer_release(&rows->run);
		result = ahead_next(rows->ahead, &rows->run);
		if (result)
			return result;
		rows->parts_taken++;
		row_run_reader_init(&rows->reader, rows->run.data, rows->run.length,
				    "a run of the checkpoint");
	}
	rows->has_base = result > 0;
	return result < 0 ? result : 0;
}

static int next_change(struct restore_rows *rows)
{
	int result;

	if (rows->changes_ended)
		return 0;
	result = row_sort_next_change(rows->changes, &rows->change);
	rows->has_change = result > 0;
	rows->changes_ended = result == 0;
	return result < 0 ? result : 0;
}

/* Less than 0: the row of the base comes first; 0: both are of one key. */
static int compare(const struct restore_rows *rows)
{
	const struct row_run_row *a = &rows->base;
	const struct row_run_row *b = &rows->change;
	int order;

	if (!rows->has_change)
		return -1;
	if (!rows->has_base)
		return 1;
	order = memcmp(a->key, b->key,
		       a->key_length < b->key_length ? a->key_length : b->key_length);
	return order ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

int restore_rows_next(struct restore_rows *rows, struct row_run_row *row_out)
{
	for (;;) {
		int result = rows->has_base ? 0 : next_base(rows);
		int order;

		if (!result && !rows->has_change)
			result = next_change(rows);
		if (result)
			return result;
		if (!rows->has_base && !rows->has_change)
			return 0;
		order = compare(rows);
		*row_out = order < 0 ? rows->base : rows->change;
		if (order <= 0)
			rows->has_base = false;
		if (order >= 0)
			rows->has_change = false;
		if (!row_out->removed)
			return 1;
	}
}
