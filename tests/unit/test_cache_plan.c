/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "backend/base/buffer.h"
#include "backend/base/error.h"
#include "cache/plan.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define FILES_MAX  64
#define CHUNKS_MAX 4096

/* A model of what the plan talks to: files, and the chunks it made. */
struct model {
	struct buffer files[FILES_MAX];
	struct buffer chunks[CHUNKS_MAX]; /* index = chunk id */
	uint64_t next_chunk;
	unsigned int stored;
	uint64_t stored_bytes;

	struct {
		struct chunk_digest digest;
		struct extent_ref place;
	} known[CHUNKS_MAX];
	size_t known_count;

	uint64_t rotten_ino;
	unsigned int lost;
	struct plan_piece *pieces;
	size_t count;
	uint32_t placed[CHUNKS_MAX]; /* bytes, by the cookie of the piece */
	unsigned int refs_most;
	/* where the chunks of long runs end, in the order they came */
	uint64_t cuts[CHUNKS_MAX];
	size_t cuts_count;
};

static struct model *model;

static int model_read(void *arg, const struct plan_piece *piece, uint32_t from, uint32_t length,
		      void *bytes)
{
	const struct buffer *file = &model->files[piece->ino];

	ck_assert_ptr_eq(arg, model);
	ck_assert_uint_le(from + length, piece->length);
	if (piece->ino == model->rotten_ino)
		return err_set(-ERR_segment_corrupt, "rotten");
	memcpy(bytes, file->data + piece->offset + from, length);
	return 0;
}

static int model_lost(void *arg, uint64_t ino, int code)
{
	(void)arg;
	ck_assert_uint_eq(ino, model->rotten_ino);
	ck_assert_int_eq(code, -ERR_segment_corrupt);
	model->lost++;
	return 0;
}

static uint64_t model_new_chunk(void *arg)
{
	(void)arg;
	ck_assert_uint_lt(model->next_chunk + 1, CHUNKS_MAX);
	return ++model->next_chunk;
}

static int model_find(void *arg, const void *bytes, uint32_t length,
		      struct chunk_digest *digest_out, struct extent_ref *place_out)
{
	size_t i;

	(void)arg;
	*digest_out = seal_digest(seal_null(), bytes, length);
	for (i = 0; i < model->known_count; i++) {
		if (!chunk_digest_equal(&model->known[i].digest, digest_out))
			continue;
		*place_out = model->known[i].place;
		return 1;
	}
	return 0;
}

static void model_remember(void *arg, const struct chunk_digest *digest,
			   const struct extent_ref *place)
{
	(void)arg;
	model->known[model->known_count].digest = *digest;
	model->known[model->known_count++].place = *place;
}

static int model_store(void *arg, uint64_t chunk, const void *bytes, size_t length)
{
	(void)arg;
	ck_assert_uint_eq(model->chunks[chunk].length, 0);
	ck_assert_uint_gt(length, 0);
	buffer_append(&model->chunks[chunk], bytes, length);
	model->stored++;
	model->stored_bytes += length;
	return 0;
}

/* All chunks are there, and hold the file's bytes. */
static int model_placed(void *arg, const struct plan_piece *piece, uint32_t length,
			const struct extent_ref *refs, unsigned int refs_count)
{
	const uint8_t *want = model->files[piece->ino].data + piece->offset;
	uint32_t covered = 0;
	unsigned int i;

	(void)arg;
	ck_assert_uint_le(refs_count, EXTENT_REFS_MAX);
	if (refs_count > model->refs_most)
		model->refs_most = refs_count;
	for (i = 0; i < refs_count; i++) {
		const struct buffer *chunk = &model->chunks[refs[i].chunk];

		ck_assert_uint_le(refs[i].chunk_offset + refs[i].length, chunk->length);
		ck_assert_mem_eq(chunk->data + refs[i].chunk_offset, want + covered,
				 refs[i].length);
		covered += refs[i].length;
		if (refs[i].chunk_offset + refs[i].length == chunk->length)
			model->cuts[model->cuts_count++] = piece->offset + covered;
	}
	ck_assert_uint_eq(covered, length);
	ck_assert_uint_eq(model->placed[piece->cookie], 0);
	model->placed[piece->cookie] = length;
	return 0;
}

static const struct plan_ops ops = {
	.read = model_read,
	.lost = model_lost,
	.new_chunk = model_new_chunk,
	.find = model_find,
	.remember = model_remember,
	.store = model_store,
	.placed = model_placed,
};

static const struct chunker_conf small_chunks = { 1024, 4096, 16384 };

static void conf_small(struct plan_conf *conf)
{
	plan_conf_init(conf, &small_chunks);
	conf->run_bytes = 8192;
	conf->solid_bytes = 4096;
}

static void setup(void)
{
	model = xcalloc(1, sizeof(*model));
	model->rotten_ino = UINT64_MAX;
	model->pieces = xcalloc(CHUNKS_MAX, sizeof(*model->pieces));
}

static void teardown(void)
{
	size_t i;

	for (i = 0; i < FILES_MAX; i++)
		buffer_release(&model->files[i]);
	for (i = 0; i < CHUNKS_MAX; i++)
		buffer_release(&model->chunks[i]);
	free(model->pieces);
	free(model);
}

static void add_file(uint64_t ino, uint64_t seed, size_t length)
{
	noise_fill(seed, buffer_extend(&model->files[ino], length), length);
}

static void add_piece(uint64_t ino, uint64_t offset, uint32_t length)
{
	struct plan_piece *piece = &model->pieces[model->count];

	memset(piece, 0, sizeof(*piece));
	ck_assert_uint_lt(model->count, CHUNKS_MAX);
	piece->ino = ino;
	piece->offset = offset;
	piece->length = length;
	piece->cookie = model->count++;
}

static void add_pieces(uint64_t ino, uint64_t from, uint64_t to, uint32_t length)
{
	for (; from < to; from += length)
		add_piece(ino, from, to - from < length ? (uint32_t)(to - from) : length);
}

static void run(const struct plan_conf *conf)
{
	ck_assert_int_eq(plan_run(conf, model->pieces, model->count, &ops, model), 0);
}

static void assert_all_placed(void)
{
	size_t i;

	for (i = 0; i < model->count; i++)
		ck_assert_uint_eq(model->placed[model->pieces[i].cookie], model->pieces[i].length);
}

START_TEST(random_pieces_are_found_again_in_their_chunks)
{
	uint64_t state = (uint64_t)_i * 977 + 1;
	struct plan_conf conf;
	uint64_t ino;

	setup();
	conf_small(&conf);
	for (ino = 1; ino < 20; ino++) {
		size_t size = noise_next(&state) % 60000 + 1;
		uint64_t at = 0;

		add_file(ino, noise_next(&state) % 8, size);
		while (at < size) {
			uint64_t length = noise_next(&state) % 3000 + 1;

			if (length > size - at)
				length = size - at;
			if (noise_next(&state) % 8)
				add_piece(ino, at, (uint32_t)length);
			at += length;
		}
	}
	/* in any order */
	for (size_t i = 1; i < model->count; i++) {
		size_t other = noise_next(&state) % (i + 1);
		struct plan_piece swap = model->pieces[i];

		model->pieces[i] = model->pieces[other];
		model->pieces[other] = swap;
	}
	run(&conf);
	assert_all_placed();
	teardown();
}
END_TEST

START_TEST(small_files_share_solid_chunks)
{
	struct plan_conf conf;
	uint64_t ino;

	setup();
	conf_small(&conf);
	for (ino = 1; ino <= 40; ino++) {
		add_file(ino, ino, 400);
		add_piece(ino, 0, 400);
	}
	run(&conf);
	assert_all_placed();
	ck_assert_uint_eq(model->stored, 4);
	teardown();
}
END_TEST

START_TEST(equal_small_files_are_stored_once_however_they_were_written)
{
	struct plan_conf conf;

	setup();
	conf_small(&conf);
	add_file(1, 7, 1000);
	add_file(2, 7, 1000);
	add_file(3, 7, 1000);
	add_piece(1, 0, 1000);
	add_pieces(2, 0, 1000, 300);
	add_pieces(3, 0, 1000, 1);
	run(&conf);
	assert_all_placed();
	ck_assert_uint_eq(model->stored_bytes, 1000);
	teardown();
}
END_TEST

START_TEST(a_copy_of_a_long_run_is_stored_once)
{
	struct plan_conf conf;

	setup();
	conf_small(&conf);
	add_file(1, 9, 200000);
	add_file(2, 9, 200000);
	add_pieces(1, 0, 200000, 1000);
	add_pieces(2, 0, 200000, 1777);
	run(&conf);
	assert_all_placed();
	ck_assert_uint_eq(model->stored_bytes, 200000);
	teardown();
}
END_TEST

/* Uploading a growing file in slices must cut as one pass would. */
START_TEST(an_open_run_gets_the_cuts_of_one_pass)
{
	const uint64_t size = 300000;
	uint64_t cuts[CHUNKS_MAX];
	size_t cuts_count;
	struct plan_conf conf;
	uint64_t done = 0;
	uint64_t grown;

	setup();
	conf_small(&conf);
	add_file(1, 11, size);
	add_pieces(1, 0, size, 1000);
	run(&conf);
	cuts_count = model->cuts_count;
	memcpy(cuts, model->cuts, sizeof(cuts));
	teardown();

	setup();
	add_file(1, 11, size);
	for (grown = 20000; grown <= size; grown += 20000) {
		size_t i;

		conf.bytes_max = grown < size ? 50000 : 0;
		model->count = 0;
		memset(model->placed, 0, sizeof(model->placed));
		if (done)
			add_pieces(1, done, grown, 777);
		else
			add_pieces(1, 0, grown, 1000);
		model->pieces[model->count - 1].open = grown < size;
		run(&conf);
		/* The caller splits the piece that was placed in part. */
		for (i = 0; i < model->count; i++)
			done += model->placed[model->pieces[i].cookie];
		ck_assert_uint_ge(done + small_chunks.size_max + 50000, grown);
	}
	ck_assert_uint_eq(done, size);
	ck_assert_uint_eq(model->cuts_count, cuts_count);
	ck_assert_mem_eq(model->cuts, cuts, cuts_count * sizeof(cuts[0]));
	teardown();
}
END_TEST

START_TEST(an_open_short_run_is_left_alone)
{
	struct plan_conf conf;

	setup();
	conf_small(&conf);
	add_file(1, 1, 4000);
	add_pieces(1, 0, 1000, 500);
	add_pieces(1, 2000, 4000, 1000);
	model->pieces[model->count - 1].open = true;
	run(&conf);
	ck_assert_uint_eq(model->stored_bytes, 1000);
	teardown();
}
END_TEST

START_TEST(a_piece_never_needs_more_references_than_a_row_holds)
{
	static const struct chunker_conf tiny = { 64, 128, 256 };
	struct plan_conf conf;

	setup();
	conf_small(&conf);
	conf.chunker = tiny;
	add_file(1, 3, 200000);
	add_piece(1, 0, 200000);
	run(&conf);
	assert_all_placed();
	ck_assert_uint_eq(model->refs_most, EXTENT_REFS_MAX);
	teardown();
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_given_up_and_the_others_go_on)
{
	struct plan_conf conf;
	size_t i;

	setup();
	conf_small(&conf);
	add_file(1, 1, 500);
	add_file(2, 2, 100000);
	add_file(3, 3, 500);
	add_piece(1, 0, 500);
	add_pieces(2, 0, 100, 100);
	add_pieces(2, 200, 100000, 1000);
	add_piece(3, 0, 500);
	model->rotten_ino = 2;
	run(&conf);
	ck_assert_uint_eq(model->lost, 1);
	for (i = 0; i < model->count; i++) {
		const struct plan_piece *piece = &model->pieces[i];

		ck_assert_int_eq(piece->lost, piece->ino == 2);
		if (piece->ino != 2)
			ck_assert_uint_eq(model->placed[piece->cookie], piece->length);
	}
	teardown();
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("plan");

	tcase_add_loop_test(cases, random_pieces_are_found_again_in_their_chunks, 0, 30);
	tcase_add_test(cases, small_files_share_solid_chunks);
	tcase_add_test(cases, equal_small_files_are_stored_once_however_they_were_written);
	tcase_add_test(cases, a_copy_of_a_long_run_is_stored_once);
	tcase_add_test(cases, an_open_run_gets_the_cuts_of_one_pass);
	tcase_add_test(cases, an_open_short_run_is_left_alone);
	tcase_add_test(cases, a_piece_never_needs_more_references_than_a_row_holds);
	tcase_add_test(cases, a_file_that_cannot_be_read_is_given_up_and_the_others_go_on);
	return unit_run_cases("plan", cases);
}
