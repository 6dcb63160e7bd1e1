/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/root_format.h"

#include <assert.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "cache/commit_decode.h"
#include "cache/commit_encode.h"

/* The list is small and read by every restore: worth some effort. */
#define LIST_LEVEL 3

static int compare_keys(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

void root_writer_init(struct root_writer *writer, const struct commit_head *head)
{
	writer->head = *head;
	row_run_writer_init(&writer->list);
	writer->last_key_length = 0;
}

void root_writer_add(struct root_writer *writer, const struct root_run *run)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;

	assert(run->part.place == PART_OBJECT && run->part.role == PART_RUN);
	assert(run->last_key_length <= ROW_RUN_KEY_MAX);
	assert(compare_keys(writer->last_key, writer->last_key_length, run->first_key,
			    run->first_key_length) < 0);
	assert(compare_keys(run->first_key, run->first_key_length, run->last_key,
			    run->last_key_length) <= 0);
	row_part_descriptor_encode(&run->part, buffer_extend(&value, ROW_PART_DESCRIPTOR_SIZE));
	buffer_append(&value, run->last_key, run->last_key_length);
	row_run_writer_put(&writer->list, run->first_key, run->first_key_length, value.data,
			   value.length);
	memcpy(writer->last_key, run->last_key, run->last_key_length);
	writer->last_key_length = run->last_key_length;
}

int root_writer_finish(struct root_writer *writer, const struct seal *seal, struct buffer *out)
{
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	struct row_part_conf conf = {
		.volume = writer->head.volume,
		.epoch = writer->head.epoch,
		.seal = seal,
		.level = LIST_LEVEL,
		.place = PART_INLINE,
		.role = PART_RUNS,
	};
	struct commit_part part = { 0 };
	struct commit root = { .head = writer->head, .parts = &part, .part_count = 1 };
	int rc;

	rc = row_part_encode(&conf, &writer->list, &bytes, &part.part);
	if (rc)
		return rc;
	part.bytes = bytes.data;
	commit_encode_root(&root, seal, out);
	return 0;
}

void root_writer_release(struct root_writer *writer)
{
	row_run_writer_release(&writer->list);
}

void root_rewind(struct root *root)
{
	row_run_reader_init(&root->reader, root->list.data, root->list.length, root->name);
}

int root_next(struct root *root, struct root_run *run_out)
{
	struct row_run_row row;
	int rc = row_run_reader_next(&root->reader, &row);

	if (rc <= 0)
		return rc;
	if (row.removed || row.value_length <= ROW_PART_DESCRIPTOR_SIZE ||
	    row.value_length > ROW_PART_DESCRIPTOR_SIZE + ROW_RUN_KEY_MAX ||
	    !row_part_descriptor_decode(row.value, &run_out->part) ||
	    run_out->part.place != PART_OBJECT || run_out->part.role != PART_RUN)
		return err_set(-ERR_commit_corrupt, "%s: the list names a run that is none",
			       root->name);
	run_out->first_key = row.key;
	run_out->first_key_length = row.key_length;
	run_out->last_key = row.value + ROW_PART_DESCRIPTOR_SIZE;
	run_out->last_key_length = row.value_length - ROW_PART_DESCRIPTOR_SIZE;
	return 1;
}

/* Walks the list once: ranges ascend and do not overlap. Counts the runs. */
static int check_list(struct root *root)
{
	const uint8_t *last = NULL; /* in the list: it stays */
	size_t last_length = 0;
	struct root_run run;
	int rc;

	root_rewind(root);
	while ((rc = root_next(root, &run)) > 0) {
		if ((last &&
		     compare_keys(last, last_length, run.first_key, run.first_key_length) >= 0) ||
		    compare_keys(run.first_key, run.first_key_length, run.last_key,
				 run.last_key_length) > 0)
			return err_set(-ERR_commit_corrupt, "%s: the ranges of the runs overlap",
				       root->name);
		last = run.last_key;
		last_length = run.last_key_length;
		root->run_count++;
	}
	root_rewind(root);
	return rc;
}

static int decode_list(struct root *root, const struct id *volume, const struct seal *seal,
		       const struct commit *commit)
{
	int rc;

	if (commit->part_count != 1 || commit->pack_length)
		return err_set(-ERR_commit_corrupt, "%s: does not hold one list of runs",
			       root->name);
	rc = row_part_decode(&commit->parts[0].part, volume, seal, root->name,
			     commit->parts[0].bytes, commit->parts[0].part.stored_length,
			     &root->list);
	return rc ? rc : check_list(root);
}

int root_decode(const struct id *volume, uint64_t seq, const struct seal *seal, const void *bytes,
		size_t length, struct root *root_out)
{
	struct commit commit;
	int rc;

	memset(root_out, 0, sizeof(*root_out));
	object_name_root(seq, root_out->name);
	rc = commit_decode_root(volume, seq, seal, bytes, length, &commit);
	if (rc)
		return rc;
	root_out->head = commit.head;
	rc = decode_list(root_out, volume, seal, &commit);
	commit_release(&commit);
	if (rc)
		root_release(root_out);
	return rc;
}

void root_release(struct root *root)
{
	buffer_release(&root->list);
	memset(root, 0, sizeof(*root));
}
