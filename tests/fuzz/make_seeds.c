/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes small valid objects into the corpus: make_seeds tests/fuzz/corpus.
 * Ids of parts are random, so that each run writes other bytes; the files
 * checked in stay, as objects of format 1 that later readers must read.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/object_name.h"
#include "backend/pack_write.h"
#include "backend/volume_format.h"
#include "cache/batch.h"
#include "cache/commit_encode.h"
#include "cache/journal_format.h"
#include "cache/journal_record.h"
#include "cache/ledger.h"
#include "cache/root_format.h"
#include "cache/segment_record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/noise.h"

static const char *corpus;

static void save(const char *target, const char *name, const void *bytes, size_t length)
{
	CLEANUP_FREE char *folder = xasprintf("%s/%s", corpus, target);
	CLEANUP_FREE char *path = xasprintf("%s/%s.bin", folder, name);
	FILE *file;

	if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
		perror(folder);
		exit(1);
	}
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

/* Text and noise, so that both codecs occur. */
static void make_pack(struct buffer *out)
{
	struct pack_writer writer;
	struct pack_chunk placed;
	uint8_t bytes[300];
	uint64_t i;

	pack_writer_init(&writer, &fuzz_pack, seal_null());
	for (i = 0; i < 3; i++) {
		if (i == 1)
			noise_fill(i, bytes, 100);
		else
			noise_text(i, bytes, sizeof(bytes));
		if (pack_writer_add(&writer, 1000 + i, bytes, i == 1 ? 100 : sizeof(bytes), 1,
				    &placed))
			abort();
		save("chunk", placed.codec == CODEC_RAW ? "raw" : "zstd",
		     writer.bytes.data + placed.offset, placed.stored_length);
	}
	pack_writer_finish(&writer, out);
	pack_writer_release(&writer);
}

static void fill_run(struct row_run_writer *run, size_t rows)
{
	uint8_t key[9] = { 0x20 };
	size_t i;

	row_run_writer_init(run);
	for (i = 0; i < rows; i++) {
		store_be64(key + 1, i * i);
		if (i % 4 == 3)
			row_run_writer_remove(run, key, sizeof(key));
		else
			row_run_writer_put(run, key, sizeof(key), "some value", i % 10);
	}
}

static struct commit_part make_part(const struct row_run_writer *run, enum part_place place,
				    enum part_role role, struct buffer *bytes)
{
	struct row_part_conf conf = { fuzz_volume, FUZZ_EPOCH, seal_null(), 1, place, role };
	struct commit_part part = { 0 };

	if (row_part_encode(&conf, run, bytes, &part.part))
		abort();
	part.bytes = place == PART_INLINE ? bytes->data : NULL;
	return part;
}

static struct commit_head make_head(uint32_t flags)
{
	struct commit_head head = {
		.flags = flags,
		.volume = fuzz_volume,
		.epoch = FUZZ_EPOCH,
		.seq = FUZZ_SEQ,
		.cut_lsn = 100,
		.cut_real_ns = 1795384336123456789,
		.next_ino = 5,
		.next_chunk_id = 1003,
		.logical_bytes = 700,
	};

	return head;
}

static void make_ledger(struct row_run_writer *run)
{
	static const struct ledger_row row = {
		.ino = 4, .size = 1, .path = "a/b", .path_length = 3
	};

	row_run_writer_init(run);
	ledger_put(run, &row);
}

static void make_commits(const struct buffer *pack)
{
	struct buffer parts[3] = { BUFFER_INIT, BUFFER_INIT, BUFFER_INIT };
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	struct commit commit = { .head = make_head(COMMIT_FENCE) };
	struct commit_part list[3];
	struct row_run_writer body;
	struct row_run_writer ledger;
	size_t i;

	commit_encode(&commit, seal_null(), &out);
	save("commit", "fence", out.data, out.length);
	fill_run(&body, 20);
	make_ledger(&ledger);
	save("row_run", "rows", body.bytes.data, body.bytes.length);
	save("row_run", "ledger", ledger.bytes.data, ledger.bytes.length);
	list[0] = make_part(&body, PART_INLINE, PART_BODY, &parts[0]);
	list[1] = make_part(&body, PART_OBJECT, PART_BODY, &parts[1]);
	list[2] = make_part(&ledger, PART_INLINE, PART_LEDGER, &parts[2]);
	commit = (struct commit){ make_head(0), list, 3, pack->data, pack->length };
	buffer_clear(&out);
	commit_encode(&commit, seal_null(), &out);
	save("commit", "full", out.data, out.length);
	commit = (struct commit){ make_head(0), list, 1, NULL, 0 };
	buffer_clear(&out);
	commit_encode(&commit, seal_null(), &out);
	save("commit", "names_only", out.data, out.length);
	for (i = 0; i < 3; i++)
		buffer_release(&parts[i]);
	row_run_writer_release(&body);
	row_run_writer_release(&ledger);
}

static void make_root(size_t runs, const char *name)
{
	CLEANUP_BUFFER struct buffer part = BUFFER_INIT;
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	struct commit_head head = make_head(0);
	struct root_writer writer;
	struct row_run_writer rows;
	size_t i;

	fill_run(&rows, 10);
	root_writer_init(&writer, &head);
	for (i = 0; i < runs; i++) {
		char first[8];
		char last[8];
		struct root_run run = { .first_key = (uint8_t *)first,
					.first_key_length = 4,
					.last_key = (uint8_t *)last,
					.last_key_length = 4 };

		snprintf(first, sizeof(first), "a%03zu", 2 * i);
		snprintf(last, sizeof(last), "a%03zu", 2 * i + 1);
		buffer_clear(&part);
		run.part = make_part(&rows, PART_OBJECT, PART_RUN, &part).part;
		root_writer_add(&writer, &run);
	}
	if (root_writer_finish(&writer, seal_null(), &out))
		abort();
	save("root", name, out.data, out.length);
	root_writer_release(&writer);
	row_run_writer_release(&rows);
}

static void make_volume(void)
{
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	struct volume_params params;

	volume_params_init(&params);
	params.uuid = fuzz_volume;
	snprintf(params.name, sizeof(params.name), "projects");
	snprintf(params.created, sizeof(params.created), "2026-11-22T21:52:16.123Z");
	volume_encode(&params, &out);
	save("volume", "defaults", out.data, out.length);
}

static void make_names(void)
{
	enum object_kind kind;

	for (kind = OBJECT_VOLUME; kind <= OBJECT_ROOT; kind++) {
		struct object_name name = { .kind = kind };
		char text[OBJECT_NAME_SIZE];
		char file[8];

		if (kind == OBJECT_PACK || kind == OBJECT_META)
			name.id = fuzz_pack.id;
		object_name_format(&name, text);
		snprintf(file, sizeof(file), "%d", kind);
		save("object_name", file, text, strlen(text));
	}
}

static void make_journal(void)
{
	struct journal_header header = { .sequence = 1, .generation = 7, .first_lsn = 1 };
	uint8_t page[JOURNAL_PAGE_BYTES];
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	struct journal_record record = { .kind = BATCH_CONTENT, .lsn = 1, .ino = 5 };
	struct row_key key;
	struct batch batch;

	record.previous_crc = journal_header_encode(&header, page);
	buffer_append(&out, page, sizeof(page));
	batch_init(&batch, BATCH_CONTENT, 5);
	batch_put_u64(&batch, "counter", 3);
	batch_segment_use(&batch, 9, 4096, -10);
	batch_redo(&batch, 9, 48, "some bytes", 10);
	key_inode(&key, 5);
	batch_delete(&batch, &key, ROW_CLOUD);
	record.body = batch.body.data;
	record.body_length = batch.body.length;
	journal_record_encode(&out, journal_record_seed(header.generation), &record);
	record.previous_crc = record.crc;
	record.kind = BATCH_SYNC;
	record.lsn = 2;
	record.body_length = 0;
	journal_record_encode(&out, journal_record_seed(header.generation), &record);
	save("journal", "two_records", out.data, out.length);
	batch_release(&batch);
}

static void make_segment(void)
{
	struct segment_record record = {
		.tag = { .class = SEGMENT_CLASS_WRITTEN, .number = 5, .offset = 1000 },
		.segment = 9,
		.record = 48,
		.length = 10000,
	};
	uint8_t bytes[SEGMENT_HEADER_SIZE + 8] = { 0 };

	segment_record_encode(&record, bytes);
	store_le32(bytes + SEGMENT_HEADER_SIZE, 3000);
	store_le32(bytes + SEGMENT_HEADER_SIZE + 4, 5000);
	save("segment", "three_pieces", bytes, sizeof(bytes));
}

int main(int argc, char **argv)
{
	CLEANUP_BUFFER struct buffer pack = BUFFER_INIT;

	if (argc != 2) {
		fputs("usage: make_seeds FOLDER\n", stderr);
		return 2;
	}
	corpus = argv[1];
	make_pack(&pack);
	save("pack", "three_chunks", pack.data, pack.length);
	make_commits(&pack);
	make_root(1, "one_run");
	make_root(5, "five_runs");
	make_volume();
	make_names();
	make_journal();
	make_segment();
	return 0;
}
