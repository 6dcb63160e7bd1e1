/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index against a map in memory: random commits, marks, freezes,
 * checkpoints, kills and restarts, with memtables so small that every row is
 * found in each place in turn. The seeds are fixed; DRAY_SEEDS=n runs n more.
 */
#include <stdlib.h>

#include "tests/lib/index_box.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define KEYS  240
#define STEPS 1500
#define SEEDS 6

struct model_row {
	struct row_key key;
	bool present;
	uint64_t value; /* of INODE: nlink; of CONTENT: mapped */
	bool dirty;
	struct dirty_row dirty_row;
};

struct model {
	struct model_row rows[KEYS]; /* in key order */
};

struct run {
	struct index_box box;
	struct model model;
	uint64_t random;
	int64_t time_ns;
	/* A snapshot that is checked some steps after it was taken. */
	struct index_snapshot *snapshot;
	struct model snapshot_model;
};

static uint64_t pick(struct run *run, uint64_t count)
{
	return noise_next(&run->random) % count;
}

static void model_init(struct model *model)
{
	unsigned int i;

	memset(model, 0, sizeof(*model));
	for (i = 0; i < KEYS; i++) {
		struct row_key *key = &model->rows[i].key;
		uint64_t number = 1 + i % 40;

		if (i < 40)
			key_inode(key, number);
		else if (i < 80)
			key_dirent(key, 1 + number / 8, number * 77);
		else if (i < 120)
			key_xattr(key, number, "user.long-name", i % 14 + 1);
		else if (i < 160)
			key_content(key, number);
		else if (i < 200)
			key_extent(key, 1 + number / 8, (uint32_t)number % 2, number << 20);
		else
			key_chunk(key, number);
	}
	/* Extents and names were not made in key order. */
	for (i = 1; i < KEYS; i++) {
		struct model_row row = model->rows[i];
		unsigned int j = i;

		while (j && memcmp(model->rows[j - 1].key.bytes, row.key.bytes, ROW_KEY_MAX) > 0) {
			model->rows[j] = model->rows[j - 1];
			j--;
		}
		model->rows[j] = row;
	}
}

static bool has_dirty_rows(const struct row_key *key)
{
	enum row_table table = key_table(key->bytes, key->length);

	return table_is_cloud(table) && table != TABLE_CHUNK;
}

static void encode_value(const struct row_key *key, uint64_t value, struct buffer *out)
{
	struct inode_row inode = { .mode = S_IFREG | 0600, .nlink = (uint32_t)value };

	struct content_row content = { .size = value, .mapped = value };

	if (key_table(key->bytes, key->length) == TABLE_INODE)
		row_put_inode(out, &inode);
	else if (key_table(key->bytes, key->length) == TABLE_CONTENT)
		row_put_content(out, &content);
	else
		buffer_put_u64(out, value);
}

static void change_row(struct run *run, struct batch *batch, struct model_row *row)
{
	enum row_table table = key_table(row->key.bytes, row->key.length);
	unsigned int flags = pick(run, 4) ? ROW_CLOUD : ROW_LOCAL;
	struct buffer bytes = BUFFER_INIT;

	if (flags && table == TABLE_CONTENT && !pick(run, 3))
		flags |= ROW_BARRIER;
	row->present = pick(run, 3) > 0;
	if (row->present) {
		row->value = table == TABLE_INODE     ? pick(run, 3)
			     : table == TABLE_CONTENT ? pick(run, 1u << 30)
						      : noise_next(&run->random);
		encode_value(&row->key, row->value, &bytes);
		batch_put(batch, &row->key, &bytes, flags);
	} else {
		batch_delete(batch, &row->key, flags);
	}
	buffer_release(&bytes);
	if (!(flags & ROW_CLOUD) || !has_dirty_rows(&row->key))
		return;
	if (table != TABLE_CONTENT || !row->dirty)
		row->dirty_row = (struct dirty_row){ .since_ns = batch->time_ns };
	row->dirty = true;
	row->dirty_row.lsn = index_lsn(run->box.index) + 1;
	if (flags & ROW_BARRIER) {
		row->dirty_row.flags |= DIRTY_BARRIER;
		row->dirty_row.barrier_lsn = row->dirty_row.lsn;
	}
}

static void step_commit(struct run *run)
{
	unsigned int count = 1 + (unsigned int)pick(run, 5);
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	batch.time_ns = ++run->time_ns;
	while (count--)
		change_row(run, &batch, &run->model.rows[pick(run, KEYS)]);
	ck_assert_int_eq(index_commit(run->box.index, &batch, NULL), 0);
	batch_release(&batch);
}

/* The cloud got the row as it was at the cut. */
static void mark_row(struct model_row *row, uint64_t cut, int64_t cut_ns)
{
	if (!row->dirty)
		return;
	if (row->dirty_row.lsn <= cut) {
		row->dirty = false;
	} else if (key_table(row->key.bytes, row->key.length) == TABLE_CONTENT &&
		   row->dirty_row.since_ns < cut_ns) {
		row->dirty_row.since_ns = cut_ns;
		if (row->dirty_row.barrier_lsn <= cut)
			row->dirty_row.flags = 0;
		if (!row->dirty_row.flags)
			row->dirty_row.barrier_lsn = 0;
	}
}

static void step_mark_clean(struct run *run)
{
	uint64_t cut = index_lsn(run->box.index) - pick(run, 30);
	int64_t cut_ns = run->time_ns - (int64_t)pick(run, 30);
	struct row_key keys[40];
	size_t i;

	if (cut > index_lsn(run->box.index))
		return;
	for (i = 0; i < 40; i++) {
		struct model_row *row = &run->model.rows[pick(run, KEYS)];

		keys[i] = row->key;
		mark_row(row, cut, cut_ns);
	}
	ck_assert_int_eq(index_mark_clean(run->box.index, keys, 40, cut, cut_ns), 0);
}

static void assert_value(const struct model_row *row, const uint8_t *bytes, size_t length)
{
	struct buffer expected = BUFFER_INIT;

	encode_value(&row->key, row->value, &expected);
	ck_assert_uint_eq(length, expected.length);
	ck_assert(!memcmp(bytes, expected.data, length));
	buffer_release(&expected);
}

static void assert_dirty(const struct model_row *row, const uint8_t *bytes, size_t length)
{
	struct dirty_row found;

	ck_assert_int_eq(row_get_dirty(bytes, length, &found), 0);
	ck_assert_uint_eq(found.lsn, row->dirty_row.lsn);
	ck_assert_int_eq(found.since_ns, row->dirty_row.since_ns);
	ck_assert_uint_eq(found.flags, row->dirty_row.flags);
	ck_assert_uint_eq(found.barrier_lsn, row->dirty_row.barrier_lsn);
}

/* The next row that is not the index's own. */
static int next_row(struct index_cursor *cursor, const uint8_t **key, size_t *key_length,
		    const uint8_t **value, size_t *value_length)
{
	int result;

	do {
		result = index_cursor_next(cursor, key, key_length, value, value_length);
	} while (result == 1 && key_table(*key, *key_length) == TABLE_META);
	return result;
}

/* The cursor yields the rows of the model from `first` on, then DIRTY rows. */
static void assert_cursor(const struct model *model, struct index_cursor *cursor,
			  unsigned int first)
{
	const uint8_t *key;
	const uint8_t *value;
	size_t key_length;
	size_t value_length;
	unsigned int pass;
	unsigned int i;

	for (pass = 0; pass < 2; pass++) {
		for (i = pass ? 0 : first; i < KEYS; i++) {
			const struct model_row *row = &model->rows[i];

			if (pass ? !row->dirty : !row->present)
				continue;
			ck_assert_int_eq(next_row(cursor, &key, &key_length, &value, &value_length),
					 1);
			ck_assert_uint_eq(key_length, row->key.length + pass);
			ck_assert(!memcmp(key + pass, row->key.bytes, row->key.length));
			if (pass)
				assert_dirty(row, value, value_length);
			else
				assert_value(row, value, value_length);
		}
	}
	ck_assert_int_eq(next_row(cursor, &key, &key_length, &value, &value_length), 0);
}

static void step_walk(struct run *run)
{
	unsigned int first = (unsigned int)pick(run, KEYS);
	struct row_key start = run->model.rows[first].key;
	struct index_cursor *cursor;

	ck_assert_int_eq(index_cursor_open(run->box.index, &start, &cursor), 0);
	assert_cursor(&run->model, cursor, first);
	first = (unsigned int)pick(run, KEYS);
	ck_assert_int_eq(index_cursor_seek(cursor, &run->model.rows[first].key), 0);
	assert_cursor(&run->model, cursor, first);
	index_cursor_close(cursor);
}

static void step_get(struct run *run)
{
	struct model_row *row = &run->model.rows[pick(run, KEYS)];
	struct buffer bytes = BUFFER_INIT;
	struct dirty_row dirty;
	int result = index_get(run->box.index, &row->key, &bytes);

	ck_assert_int_eq(result, row->present ? 0 : -ENOENT);
	if (!result)
		assert_value(row, bytes.data, bytes.length);
	ck_assert_int_eq(index_box_dirty(&run->box, &row->key, &dirty), row->dirty);
	buffer_release(&bytes);
}

static void check_snapshot(struct run *run)
{
	struct row_key start = { 0 };
	struct index_cursor *cursor;
	unsigned int i;

	if (!run->snapshot)
		return;
	for (i = 0; i < KEYS; i++) {
		const struct model_row *row = &run->snapshot_model.rows[i];
		struct buffer bytes = BUFFER_INIT;
		int result = index_snapshot_get(run->snapshot, &row->key, &bytes);

		ck_assert_int_eq(result, row->present ? 0 : -ENOENT);
		if (!result)
			assert_value(row, bytes.data, bytes.length);
		buffer_release(&bytes);
	}
	ck_assert_int_eq(index_snapshot_cursor(run->snapshot, &start, &cursor), 0);
	assert_cursor(&run->snapshot_model, cursor, 0);
	index_cursor_close(cursor);
	index_snapshot_release(run->snapshot);
	run->snapshot = NULL;
}

static void step_snapshot(struct run *run)
{
	uint64_t cut;

	check_snapshot(run);
	ck_assert_int_eq(index_snapshot_take(run->box.index, &run->snapshot, &cut), 0);
	ck_assert_uint_eq(cut, index_lsn(run->box.index));
	run->snapshot_model = run->model;
}

static void check_counters(struct run *run)
{
	struct index_counters counters;
	uint64_t inodes = 0;
	uint64_t dirty_files = 0;
	uint64_t mapped = 0;
	unsigned int i;

	for (i = 0; i < KEYS; i++) {
		const struct model_row *row = &run->model.rows[i];
		enum row_table table = key_table(row->key.bytes, row->key.length);

		inodes += table == TABLE_INODE && row->present && row->value > 0;
		dirty_files += table == TABLE_CONTENT && row->dirty;
		if (table == TABLE_CONTENT && row->present)
			mapped += row->value;
	}
	index_counters_get(run->box.index, &counters);
	ck_assert_uint_eq(counters.inodes, inodes);
	ck_assert_uint_eq(counters.dirty_files, dirty_files);
	ck_assert_uint_eq(counters.mapped, mapped);
}

static void step_restart(struct run *run)
{
	uint64_t lsn = index_lsn(run->box.index);

	check_snapshot(run);
	switch (pick(run, 4)) {
	case 0:
		index_box_close(&run->box);
		break;
	case 1:
		index_box_power_cut(&run->box);
		break;
	default:
		index_box_kill(&run->box);
	}
	index_box_open(&run->box);
	ck_assert_uint_eq(index_lsn(run->box.index), lsn);
	check_counters(run);
}

static void step(struct run *run)
{
	uint64_t choice = pick(run, 1000);

	if (choice < 700)
		step_commit(run);
	else if (choice < 850)
		step_get(run);
	else if (choice < 900)
		step_mark_clean(run);
	else if (choice < 950)
		step_walk(run);
	else if (choice < 970)
		step_snapshot(run);
	else if (choice < 980)
		ck_assert_int_eq(index_flush_all(run->box.index), 0);
	else if (choice < 990)
		check_snapshot(run);
	else if (choice < 993)
		ck_assert_int_eq(index_checkpoint(run->box.index), 0);
	else if (choice < 996)
		step_restart(run);
	else
		check_counters(run);
}

static void run_seed(uint64_t seed)
{
	static struct run run;
	unsigned int i;

	memset(&run, 0, sizeof(run));
	run.random = seed * 2 + 1;
	model_init(&run.model);
	index_box_init(&run.box);
	run.box.conf.memtable_bytes = 4096u << pick(&run, 5);
	run.box.conf.journal_file_bytes = 16384u << pick(&run, 4);
	index_box_open(&run.box);
	for (i = 0; i < STEPS; i++)
		step(&run);
	step_restart(&run);
	step_walk(&run);
	index_box_release(&run.box);
}

START_TEST(the_index_is_a_map_that_survives_everything)
{
	run_seed((uint64_t)_i + 1);
}
END_TEST

int main(void)
{
	const char *more = getenv("DRAY_SEEDS");
	Suite *suite = suite_create("cache/index_model");
	TCase *cases = tcase_create("seeds");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, the_index_is_a_map_that_survives_everything, 0,
			    SEEDS + (more ? atoi(more) : 0));
	tcase_set_timeout(cases, UNIT_SECONDS_MAX);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
