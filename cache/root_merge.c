/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/root_merge.h"

#include <string.h>

#include "backend/base/cleanup.h"
#include "cache/row_format.h"

/* A run of the base, with a key that stays. */
struct base_run {
	bool there;
	struct root_run run;
	uint8_t first_key[ROW_RUN_KEY_MAX];
};

struct merge {
	const struct root_merge_conf *conf;
	size_t run_bytes;
	struct root_writer *writer;
	struct root_merge_result *result;

	struct base_run now; /* the run that is looked at */
	struct base_run next;

	bool changed; /* `change` is one that was not taken yet */
	struct row_run_row change;

	/* the run that is being filled */
	struct row_run_writer fill;
	size_t first_key_length;
	uint8_t first_key[ROW_RUN_KEY_MAX];
};

static int compare_keys(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int next_change(struct merge *merge)
{
	int result = merge->conf->next_change(merge->conf->arg, &merge->change);

	merge->changed = result > 0;
	return result < 0 ? result : 0;
}

/* Moves on by one run of the base. */
static int next_base(struct merge *merge)
{
	struct base_run *next = &merge->next;
	int result = 0;

	merge->now = *next;
	merge->now.run.first_key = merge->now.first_key;
	next->there = false;
	if (merge->conf->base)
		result = root_next(merge->conf->base, &next->run);
	if (result <= 0)
		return result;
	next->there = true;
	memcpy(next->first_key, next->run.first_key, next->run.first_key_length);
	next->run.first_key = next->first_key;
	return 0;
}

static void add_run(struct merge *merge, const struct root_run *run)
{
	root_writer_add(merge->writer, run);
	merge->result->rows += run->part.rows;
	merge->result->bytes_stored += run->part.stored_length;
}

/* Ends the run that is being filled, if one is. */
static int end_fill(struct merge *merge)
{
	struct row_run_writer *fill = &merge->fill;
	struct root_run run = {
		.first_key = merge->first_key,
		.first_key_length = merge->first_key_length,
		.last_key = fill->last_key,
		.last_key_length = fill->last_key_length,
	};
	int result;

	if (!fill->rows)
		return 0;
	result = merge->conf->write_run(merge->conf->arg, fill, &run.part);
	if (result)
		return result;
	add_run(merge, &run);
	merge->result->runs_written++;
	row_run_writer_clear(fill);
	return 0;
}

static int put_row(struct merge *merge, const struct row_run_row *row)
{
	struct row_run_writer *fill = &merge->fill;

	if (!fill->rows) {
		memcpy(merge->first_key, row->key, row->key_length);
		merge->first_key_length = row->key_length;
	}
	row_run_writer_put(fill, row->key, row->key_length, row->value, row->value_length);
	return fill->bytes.length < merge->run_bytes ? 0 : end_fill(merge);
}

/* The size that a row of the base or a change says; 0 for other rows. */
static int content_size(const struct row_run_row *row, uint64_t *size_out)
{
	struct content_row content;
	int result;

	*size_out = 0;
	if (row->removed || key_table(row->key, row->key_length) != TABLE_CONTENT)
		return 0;
	result = row_get_content(row->value, row->value_length, &content);
	if (!result)
		*size_out = content.size;
	return result;
}

/* Takes the pending change; old: the row of the base that it replaces, or NULL. */
static int take_change(struct merge *merge, const struct row_run_row *old)
{
	uint64_t before = 0;
	uint64_t after;
	int result = content_size(&merge->change, &after);

	if (!result && old)
		result = content_size(old, &before);
	if (result)
		return result;
	merge->result->content_growth += (int64_t)(after - before);
	if (!merge->change.removed)
		result = put_row(merge, &merge->change);
	return result ? result : next_change(merge);
}

/* Takes changes that lie before the key; without a key, all. */
static int take_changes_before(struct merge *merge, const uint8_t *key, size_t length)
{
	int result = 0;

	while (!result && merge->changed &&
	       (!key || compare_keys(merge->change.key, merge->change.key_length, key, length) < 0))
		result = take_change(merge, NULL);
	return result;
}

/* Changes up to where the next run begins. */
static int take_gap(struct merge *merge)
{
	if (!merge->next.there)
		return take_changes_before(merge, NULL, 0);
	return take_changes_before(merge, merge->next.first_key, merge->next.run.first_key_length);
}

static int merge_row(struct merge *merge, const struct row_run_row *row)
{
	int result = take_changes_before(merge, row->key, row->key_length);

	if (result)
		return result;
	if (merge->changed &&
	    !compare_keys(merge->change.key, merge->change.key_length, row->key, row->key_length))
		return take_change(merge, row);
	return put_row(merge, row);
}

static int merge_run(struct merge *merge)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
	struct row_run_reader reader;
	struct row_run_row row;
	int result = merge->conf->read_run(merge->conf->arg, &merge->now.run.part, &rows);

	if (result)
		return result;
	row_run_reader_init(&reader, rows.data, rows.length, merge->conf->base->name);
	while ((result = row_run_reader_next(&reader, &row)) > 0) {
		result = merge_row(merge, &row);
		if (result)
			return result;
	}
	return result ? result : take_gap(merge);
}

static int keep_run(struct merge *merge)
{
	int result = end_fill(merge);

	if (result)
		return result;
	add_run(merge, &merge->now.run);
	merge->result->runs_kept++;
	return take_gap(merge);
}

/* Is the pending change one of this run, or of the gap behind it if that
 * would begin another small run beside it? */
static bool is_touched(const struct merge *merge)
{
	const struct root_run *run = &merge->now.run;
	bool small = run->part.raw_length < merge->run_bytes / 2;

	if (small && merge->fill.rows)
		return true;
	if (!merge->changed)
		return false;
	if (compare_keys(merge->change.key, merge->change.key_length, run->last_key,
			 run->last_key_length) <= 0)
		return true;
	return small && (!merge->next.there ||
			 compare_keys(merge->change.key, merge->change.key_length,
				      merge->next.first_key, merge->next.run.first_key_length) < 0);
}

static int merge_all(struct merge *merge)
{
	int result = next_change(merge);

	if (!result)
		result = next_base(merge);
	if (!result)
		result = take_gap(merge);
	if (!result)
		result = next_base(merge);
	while (!result && merge->now.there) {
		result = is_touched(merge) ? merge_run(merge) : keep_run(merge);
		if (!result)
			result = next_base(merge);
	}
	return result ? result : end_fill(merge);
}

int root_merge(const struct root_merge_conf *conf, struct root_writer *writer,
	       struct root_merge_result *result_out)
{
	struct merge merge = {
		.conf = conf,
		.run_bytes = conf->run_bytes ? conf->run_bytes : ROOT_RUN_BYTES,
		.writer = writer,
		.result = result_out,
	};
	int result;

	memset(result_out, 0, sizeof(*result_out));
	row_run_writer_init(&merge.fill);
	if (conf->base)
		root_rewind(conf->base);
	result = merge_all(&merge);
	row_run_writer_release(&merge.fill);
	return result;
}
