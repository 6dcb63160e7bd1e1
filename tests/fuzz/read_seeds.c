/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seeds of the corpus are objects of format 1, checked in: whatever a later
 * drayfs changes, it must read them. read_seeds tests/fuzz/corpus
 */
#include <stdio.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/pack_read.h"
#include "backend/volume_format.h"
#include "cache/commit_decode.h"
#include "cache/root_format.h"
#include "tests/fuzz/fuzz.h"

static int read_entry(const struct pack_entry *entry, void *arg)
{
	const struct buffer *pack = arg;
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

	return pack_decode_chunk(&fuzz_pack, seal_null(), pack->data + entry->chunk.offset,
				 entry->chunk.stored_length, entry->chunk.chunk_id,
				 &entry->chunk.digest, &raw);
}

static int read_pack(struct buffer *bytes)
{
	return pack_read_directory(&fuzz_pack, seal_null(), bytes->data, bytes->length, read_entry,
				   bytes);
}

static int read_rows(const struct commit_part *part)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
	struct row_run_reader reader;
	struct row_run_row row;
	int rc;

	rc = row_part_decode(&part->part, &fuzz_volume, seal_null(), "seed", part->bytes,
			     part->part.stored_length, &rows);
	row_run_reader_init(&reader, rows.data, rows.length, "seed");
	while (!rc && (rc = row_run_reader_next(&reader, &row)) > 0)
		rc = 0;
	return rc ? rc : reader.rows != part->part.rows;
}

static int read_commit(struct buffer *bytes)
{
	struct commit commit;
	uint32_t i;
	int rc;

	rc = commit_decode(&fuzz_volume, FUZZ_SEQ, seal_null(), bytes->data, bytes->length,
			   &commit);
	for (i = 0; i < commit.part_count && !rc; i++)
		if (commit.parts[i].bytes)
			rc = read_rows(&commit.parts[i]);
	commit_release(&commit);
	return rc;
}

static int read_root(struct buffer *bytes)
{
	struct root root;
	int rc;

	rc = root_decode(&fuzz_volume, FUZZ_SEQ, seal_null(), bytes->data, bytes->length, &root);
	root_release(&root);
	return rc;
}

static int read_volume(struct buffer *bytes)
{
	struct volume_params params;

	return volume_decode(bytes->data, bytes->length, &params);
}

static const struct {
	const char *path;
	int (*read)(struct buffer *bytes);
} seeds[] = {
	{ "pack/three_chunks.bin", read_pack }, { "commit/fence.bin", read_commit },
	{ "commit/full.bin", read_commit },	{ "commit/names_only.bin", read_commit },
	{ "root/one_run.bin", read_root },	{ "root/five_runs.bin", read_root },
	{ "volume/defaults.bin", read_volume },
};

static int read_seed(const char *corpus, size_t i)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", corpus, seeds[i].path);
	CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT;
	int rc;

	if (fuzz_read_file(path, &bytes))
		return 1;
	rc = seeds[i].read(&bytes);
	if (rc)
		fprintf(stderr, "%s: %s\n", path, rc < 0 ? err_message(rc) : "rows are missing");
	return rc != 0;
}

int main(int argc, char **argv)
{
	int failed = 0;
	size_t i;

	if (argc != 2) {
		fputs("usage: read_seeds FOLDER\n", stderr);
		return 2;
	}
	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		failed |= read_seed(argv[1], i);
	return failed;
}
