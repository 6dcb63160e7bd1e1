/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extent map against a model: an array that says for each byte of a small
 * file which byte of which record (or which chunk byte) is there.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/extent_map.h"

#define FILE_BYTES   256
#define EXTENTS_MAX  512
#define SEGMENTS_MAX 64

struct model {
	uint64_t place[FILE_BYTES];	    /* segment << 32 | record byte; 0: hole */
	uint64_t chunk[FILE_BYTES];	    /* chunk << 32 | chunk byte; 0: none */
	struct extent rows[FILE_BYTES + 1]; /* by end; length 0: none */
	int64_t live[SEGMENTS_MAX];
	int64_t dirty[SEGMENTS_MAX];
	int64_t mapped;
};

static void apply(struct model *model, const struct batch *batch)
{
	struct batch_item item;
	struct reader reader;
	uint32_t generation;
	uint64_t ino;
	uint64_t end;

	reader_init(&reader, batch->body.data, batch->body.length);
	while (batch_next(&reader, &item) > 0) {
		if (item.op == BATCH_OP_SEGMENT_USE) {
			model->live[item.segment] += item.live;
			model->dirty[item.segment] += item.dirty;
			continue;
		}
		ck_assert(key_extent_parse(item.key, item.key_length, &ino, &generation, &end));
		ck_assert_uint_le(end, FILE_BYTES);
		model->rows[end].row.length = 0;
		if (item.op == BATCH_OP_ROW_DELETE)
			continue;
		ck_assert_int_eq(
			row_get_extent(item.value, item.value_length, &model->rows[end].row), 0);
		model->rows[end].end = end;
		model->rows[end].offset = end - model->rows[end].row.length;
	}
}

static void check_extent(const struct model *model, const struct extent *extent, uint8_t *covered)
{
	unsigned int ref = 0;
	uint32_t in_ref = 0;
	uint64_t i;

	for (i = extent->offset; i < extent->end; i++) {
		uint64_t at = i - extent->offset;

		ck_assert_uint_eq(covered[i]++, 0);
		ck_assert_uint_eq(extent->row.segment << 32 | (extent->row.delta + at),
				  model->place[i]);
		if (!extent->row.refs_count) {
			ck_assert_uint_eq(model->chunk[i], 0);
			continue;
		}
		if (in_ref == extent->row.refs[ref].length) {
			ref++;
			in_ref = 0;
		}
		ck_assert_uint_lt(ref, extent->row.refs_count);
		ck_assert_uint_eq(extent->row.refs[ref].chunk << 32 |
					  (extent->row.refs[ref].chunk_offset + in_ref),
				  model->chunk[i]);
		in_ref++;
	}
}

static void check(const struct model *model)
{
	int64_t live[SEGMENTS_MAX] = { 0 };
	int64_t dirty[SEGMENTS_MAX] = { 0 };
	uint8_t covered[FILE_BYTES] = { 0 };
	int64_t mapped = 0;
	int i;

	for (i = 1; i <= FILE_BYTES; i++)
		if (model->rows[i].row.length)
			check_extent(model, &model->rows[i], covered);
	for (i = 0; i < FILE_BYTES; i++) {
		uint64_t segment = model->place[i] >> 32;

		ck_assert_int_eq(covered[i], model->place[i] != 0);
		mapped += covered[i];
		live[segment] += covered[i];
		dirty[segment] += covered[i] && !model->chunk[i];
	}
	ck_assert_int_eq(mapped, model->mapped);
	ck_assert_mem_eq(live, model->live, sizeof(live));
	ck_assert_mem_eq(dirty, model->dirty, sizeof(dirty));
}

/* The new extent of a write; one in three already has chunk references. */
static void new_extent(struct model *model, uint64_t from, uint64_t until, uint64_t segment,
		       struct extent *out)
{
	uint32_t half = (uint32_t)(until - from) / 2;
	uint64_t i;

	memset(out, 0, sizeof(*out));
	out->offset = from;
	out->end = until;
	out->row.length = (uint32_t)(until - from);
	out->row.segment = segment;
	out->row.delta = 1 + (uint32_t)(random() % 1000);
	if (random() % 3 == 0 && half) {
		out->row.refs_count = 2;
		out->row.refs[0] = (struct extent_ref){ 7, 50, half };
		out->row.refs[1] = (struct extent_ref){ 9, 3, out->row.length - half };
	}
	for (i = from; i < until; i++) {
		uint64_t at = i - from;

		model->place[i] = segment << 32 | (out->row.delta + at);
		model->chunk[i] = !out->row.refs_count ? 0
				  : at < half	       ? 7ull << 32 | (50 + at)
						       : 9ull << 32 | (3 + at - half);
	}
}

/* Writes (or punches, without a segment) a range, as io does it. */
static void change_range(struct model *model, uint64_t from, uint64_t until, uint64_t segment)
{
	struct extent_change change = { .ino = 1 };
	struct extent extent;
	struct batch batch;
	int i;

	batch_init(&batch, BATCH_CONTENT, 1);
	change.batch = &batch;
	for (i = 1; i <= FILE_BYTES; i++) {
		const struct extent *old = &model->rows[i];

		if (old->row.length && old->offset < until && old->end > from)
			extent_map_cut(&change, old, from, until);
	}
	memset(model->place + from, 0, (until - from) * sizeof(model->place[0]));
	memset(model->chunk + from, 0, (until - from) * sizeof(model->chunk[0]));
	if (segment) {
		new_extent(model, from, until, segment, &extent);
		extent_map_put(&change, &extent);
	}
	model->mapped += change.mapped;
	apply(model, &batch);
	batch_release(&batch);
}

START_TEST(test_random_changes_match_the_model)
{
	struct model *model = calloc(1, sizeof(*model));
	int i;

	srandom((unsigned int)_i + 1);
	for (i = 0; i < 100; i++) {
		uint64_t from = (uint64_t)random() % FILE_BYTES;
		uint64_t until = from + 1 + (uint64_t)random() % 40;

		if (until > FILE_BYTES)
			until = FILE_BYTES;
		change_range(model, from, until,
			     random() % 4 ? 1 + (uint64_t)random() % (SEGMENTS_MAX - 1) : 0);
		check(model);
	}
	free(model);
}
END_TEST

START_TEST(test_a_slice_without_a_segment_has_no_place)
{
	struct extent extent = { .offset = 100, .end = 200, .row = { .length = 100 } };
	struct extent part;

	extent.row.refs_count = 1;
	extent.row.refs[0] = (struct extent_ref){ 5, 1000, 100 };
	extent_slice(&extent, 150, 400, &part);
	ck_assert_uint_eq(part.offset, 150);
	ck_assert_uint_eq(part.end, 200);
	ck_assert_uint_eq(part.row.segment, 0);
	ck_assert_uint_eq(part.row.delta, 0);
	ck_assert_uint_eq(part.row.refs_count, 1);
	ck_assert_uint_eq(part.row.refs[0].chunk_offset, 1050);
	ck_assert_uint_eq(part.row.refs[0].length, 50);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache_extent_map");
	TCase *tcase = tcase_create("extent_map");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, test_random_changes_match_the_model, 0, 10);
	tcase_add_test(tcase, test_a_slice_without_a_segment_has_no_place);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
