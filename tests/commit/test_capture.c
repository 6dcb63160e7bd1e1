/* SPDX-License-Identifier: Apache-2.0 */
/* What a capture takes, on a cache whose committer sleeps; and how uploaded
 * bytes are attached to extents that changed meanwhile. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/error.h"
#include "backend/store_mem.h"
#include "cache/attach.h"
#include "cache/capture.h"
#include "cache/ledger.h"
#include "tests/commit/world.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"
#include "tests/lib/unit.h"

#define BLOCK (64u << 10)

static char *scratch;
static char *directory;
static struct world world;
static struct outbox *outbox;
static struct name_find *names;
static struct commit_body body;
static struct commit_body ledger;
static struct capture capture;

static void setup(void)
{
	struct world_conf conf = { .url = "mem://capture",
				   .upload_delay_ns = 3600 * NS_PER_SECOND };

	scratch = scratch_make();
	directory = xasprintf("%s/cache", scratch);
	conf.directory = directory;
	world_open(&world, &conf);
	world_wait(&world);
	ck_assert_int_eq(outbox_open(directory, &outbox), 0);
	names = name_find_new();
}

static void teardown(void)
{
	name_find_free(names);
	outbox_close(outbox);
	world_kill(&world);
	store_mem_forget("capture");
	scratch_remove(scratch);
	free(directory);
}

static void take(uint64_t content_bytes)
{
	const struct wanted_set wanted = { 0 };
	struct capture_conf conf = {
		.cache = &world.cache,
		.body = &body,
		.ledger = &ledger,
		.names = names,
		.choose = { .content_bytes = content_bytes,
			    .total_bytes = UINT64_MAX,
			    .contents_max = 1000,
			    .quantum_ns = 1 },
		.wanted = &wanted,
	};
	int result;

	commit_body_init(&body, &world.cache, outbox, 99, PART_BODY);
	commit_body_init(&ledger, &world.cache, outbox, 99, PART_LEDGER);
	result = capture_take(&conf, &capture);
	ck_assert_msg(!result, "%s", err_message(result));
	ck_assert(!capture.missed);
}

static void let_go(void)
{
	capture_release(&capture);
	commit_body_release(&body);
	commit_body_release(&ledger);
}

/* How the body tells a row: 1 a value, -1 removed, 0 not at all. */
static int in_body(const struct row_key *key)
{
	struct row_run_reader reader;
	struct row_run_row row;

	row_run_reader_init(&reader, body.run.bytes.data, body.run.bytes.length, "body");
	while (row_run_reader_next(&reader, &row) > 0)
		if (row.key_length == key->length && !memcmp(row.key, key->bytes, key->length))
			return row.removed ? -1 : 1;
	return 0;
}

static int inode_in_body(uint64_t ino)
{
	struct row_key key;

	key_inode(&key, ino);
	return in_body(&key);
}

static const struct captured_content *content_of(uint64_t ino)
{
	size_t i;

	for (i = 0; i < capture.contents_count; i++)
		if (capture.contents[i].ino == ino)
			return &capture.contents[i];
	return NULL;
}

static void assert_bytes(const struct captured_content *content, size_t number, uint64_t seed)
{
	CLEANUP_FREE uint8_t *want = xmalloc(BLOCK);
	CLEANUP_FREE uint8_t *got = xmalloc(BLOCK);
	const struct captured_extent *extent = &capture.extents[content->extents_first + number];
	struct segment_tag tag = { SEGMENT_CLASS_WRITTEN, content->ino,
				   extent->end - extent->length - extent->delta };

	noise_fill(seed, want, extent->length);
	ck_assert_int_eq(segments_read(world.cache.segments, extent->segment, extent->record, &tag,
				       extent->delta, extent->length, got),
			 0);
	ck_assert_mem_eq(got, want, extent->length);
}

/* Right after the cut everything changes, and what was there is reclaimed. */
static void change_all(enum crash_point point, void *arg)
{
	(void)point;
	(void)arg;
	world_write(&world, 1, 3000, 0, 1000);
	world_unlink(&world, 2);
	world_create(&world, 3);
	world_chmod(&world, 1, 0111);
	ck_assert_int_eq(segments_seal(world.cache.segments, SEGMENT_CLASS_WRITTEN), 0);
	world_write(&world, 3, 6000, 0, 10);
}

START_TEST(a_capture_is_exact_as_of_its_cut)
{
	const struct captured_content *content;
	uint64_t one;
	uint64_t two;

	setup();
	world_create(&world, 1);
	world_create(&world, 2);
	world_write(&world, 1, 300, 0, 1000);
	world_write(&world, 2, 600, 0, 2000);
	one = world_ino(&world, 1);
	two = world_ino(&world, 2);
	crash_arm(CRASH_capture_cut, 1, change_all, NULL);
	take(UINT64_MAX);
	crash_disarm();
	ck_assert_int_eq(inode_in_body(one), 1);
	ck_assert_int_eq(inode_in_body(two), 1);
	ck_assert_uint_eq(capture.contents_count, 2);
	content = content_of(one);
	ck_assert_uint_eq(content->row.size, 1000);
	assert_bytes(content, 0, 300);
	content = content_of(two);
	ck_assert_uint_eq(content->unstored_bytes, 2000);
	assert_bytes(content, 0, 600);
	let_go();
	/* What came behind the cut is taken by the next one. */
	take(UINT64_MAX);
	ck_assert_int_eq(inode_in_body(two), -1);
	ck_assert_int_eq(inode_in_body(world_ino(&world, 3)), 1);
	assert_bytes(content_of(one), 0, 3000);
	let_go();
	teardown();
}
END_TEST

START_TEST(an_inode_without_a_name_is_not_in_the_cloud_until_it_is_reaped)
{
	struct row_key xattr;
	uint64_t ino;

	setup();
	world_create(&world, 1);
	world_write(&world, 1, 300, 0, 1000);
	world_set_xattr(&world, 1, 5);
	ino = world_ino(&world, 1);
	key_xattr(&xattr, ino, "user.x", 6);
	world_unlink_open(&world, 1);
	take(UINT64_MAX);
	ck_assert_int_eq(inode_in_body(ino), -1);
	ck_assert_int_eq(in_body(&xattr), 0);
	ck_assert_ptr_null(content_of(ino));
	ck_assert_uint_eq(capture.pending, 0);
	let_go();
	world_reap(&world);
	take(UINT64_MAX);
	ck_assert_int_eq(inode_in_body(ino), -1);
	ck_assert_int_eq(in_body(&xattr), -1);
	ck_assert(content_of(ino)->row_gone);
	ck_assert(content_of(ino)->carried);
	ck_assert_uint_eq(content_of(ino)->unstored_bytes, 0);
	let_go();
	teardown();
}
END_TEST

START_TEST(extents_of_old_generations_are_not_uploaded)
{
	const struct captured_content *content;

	setup();
	world_create(&world, 1);
	world_truncate(&world, 1); /* generation 1 */
	world_write(&world, 1, 300, 0, BLOCK);
	world_truncate(&world, 1); /* 2: the extents of 1 are still there */
	world_write(&world, 1, 600, BLOCK, BLOCK);
	take(UINT64_MAX);
	content = content_of(world_ino(&world, 1));
	ck_assert_uint_eq(content->extents_count, 1);
	ck_assert_uint_eq(content->unstored_bytes, BLOCK);
	ck_assert_uint_eq(capture.extents[content->extents_first].generation, 2);
	let_go();
	teardown();
}
END_TEST

/* file-0 moves below two directories made here. */
static void move_below_directories(void)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct inode_row outer = { .mode = S_IFDIR | 0755, .nlink = 2, .parent = ROOT_INO };
	struct inode_row inner = { .mode = S_IFDIR | 0755, .nlink = 2 };
	uint64_t outer_ino = index_new_ino(world.cache.index);
	uint64_t inner_ino = index_new_ino(world.cache.index);
	struct dirent_row row = {
		.ino = outer_ino, .type = 4, .name = (const uint8_t *)"outer", .name_length = 5
	};
	struct batch batch;
	struct row_key key;

	batch_init(&batch, BATCH_ROWS, 0);
	inner.parent = outer_ino;
	batch_put_inode(&batch, outer_ino, &outer);
	batch_put_inode(&batch, inner_ino, &inner);
	key_dirent(&key, ROOT_INO, 17);
	row_put_dirent(&value, &row);
	batch_put(&batch, &key, &value, ROW_CLOUD);
	row.ino = inner_ino;
	row.name = (const uint8_t *)"inner";
	key_dirent(&key, outer_ino, 18);
	buffer_clear(&value);
	row_put_dirent(&value, &row);
	batch_put(&batch, &key, &value, ROW_CLOUD);
	row.ino = world_ino(&world, 0);
	key_dirent(&key, ROOT_INO, WORLD_COOKIE(0));
	batch_delete(&batch, &key, ROW_CLOUD);
	row.name = (const uint8_t *)"large";
	key_dirent(&key, inner_ino, 19);
	buffer_clear(&value);
	row_put_dirent(&value, &row);
	batch_put(&batch, &key, &value, ROW_CLOUD);
	ck_assert_int_eq(index_commit(world.cache.index, &batch, NULL), 0);
	batch_release(&batch);
}

static void assert_ledger(const char *path, uint64_t size)
{
	struct row_run_reader reader;
	struct ledger_row row;

	row_run_reader_init(&reader, ledger.run.bytes.data, ledger.run.bytes.length, "ledger");
	ck_assert_int_eq(ledger_next(&reader, &row), 1);
	ck_assert_uint_eq(row.path_length, strlen(path));
	ck_assert_mem_eq(row.path, path, row.path_length);
	ck_assert_uint_eq(row.size, size);
	ck_assert_int_eq(ledger_next(&reader, &row), 0);
}

START_TEST(what_is_not_carried_is_named_in_the_ledger)
{
	setup();
	world_create(&world, 0);
	world_create(&world, 1);
	world_write(&world, 0, 300, 0, 4 * BLOCK);
	world_write(&world, 1, 300, 0, 1000);
	move_below_directories();
	take(2 * BLOCK);
	ck_assert_uint_eq(capture.pending, 1);
	ck_assert_int_ne(capture.oldest_pending_ns, 0);
	assert_ledger("/outer/inner/large", 4 * BLOCK);
	let_go();
	/* Found again although nothing of the way is dirty any more. */
	take(2 * BLOCK);
	assert_ledger("/outer/inner/large", 4 * BLOCK);
	let_go();
	teardown();
}
END_TEST

START_TEST(a_barrier_is_carried_whatever_its_size)
{
	setup();
	world_create(&world, 1);
	world_write(&world, 1, 300, 0, 4 * BLOCK);
	take(BLOCK);
	ck_assert(!content_of(world_ino(&world, 1))->carried);
	let_go();
	world_fsync(&world, 1);
	take(BLOCK);
	ck_assert(content_of(world_ino(&world, 1))->barrier);
	ck_assert(content_of(world_ino(&world, 1))->carried);
	let_go();
	teardown();
}
END_TEST

/* Attaching. */

static struct extent_row get_extent(uint64_t ino, uint64_t end)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row row;
	struct row_key key;

	key_extent(&key, ino, 0, end);
	ck_assert_int_eq(index_get(world.cache.index, &key, &value), 0);
	ck_assert_int_eq(row_get_extent(value.data, value.length, &row), 0);
	return row;
}

/* Puts [from, end) of an extent as a row of its own, as an overwrite of the
 * rest would have left it. */
static void put_slice(uint64_t ino, const struct extent_row *whole, uint64_t start, uint64_t from,
		      uint64_t end)
{
	CLEANUP_BUFFER struct buffer value = BUFFER_INIT;
	struct extent_row row = *whole;
	struct batch batch;
	struct row_key key;

	row.length = (uint32_t)(end - from);
	row.delta += (uint32_t)(from - start);
	key_extent(&key, ino, 0, end);
	row_put_extent(&value, &row);
	batch_init(&batch, BATCH_CONTENT, ino);
	batch_put(&batch, &key, &value, ROW_CLOUD);
	ck_assert_int_eq(index_commit(world.cache.index, &batch, NULL), 0);
	batch_release(&batch);
}

static struct attach_item item_of(uint64_t ino, uint64_t offset, const struct extent_row *row,
				  const struct extent_ref *refs, unsigned int count)
{
	return (struct attach_item){ .ino = ino,
				     .offset = offset,
				     .length = row->length,
				     .segment = row->segment,
				     .record = row->record,
				     .delta = row->delta,
				     .refs = refs,
				     .refs_count = count };
}

START_TEST(an_extent_that_was_cut_in_pieces_gets_the_references_of_each_piece)
{
	const struct extent_ref refs[] = { { 7, 100, 40000 }, { 8, 0, BLOCK - 40000 } };
	struct extent_row whole;
	struct extent_row front;
	struct extent_row back;
	struct attach_item item;
	uint64_t stored = 0;
	uint64_t ino;

	setup();
	world_create(&world, 1);
	world_write(&world, 1, 300, 0, 2 * BLOCK);
	ino = world_ino(&world, 1);
	whole = get_extent(ino, BLOCK);
	item = item_of(ino, 0, &whole, refs, 2);
	/* [30000, 50000) was overwritten. */
	put_slice(ino, &whole, 0, 0, 30000);
	put_slice(ino, &whole, 0, 50000, BLOCK);
	ck_assert_int_eq(attach_refs(&world.cache, &item, 1, &stored), 0);
	ck_assert_uint_eq(stored, 30000 + BLOCK - 50000);
	front = get_extent(ino, 30000);
	ck_assert_uint_eq(front.refs_count, 1);
	ck_assert_uint_eq(front.refs[0].chunk, 7);
	ck_assert_uint_eq(front.refs[0].chunk_offset, 100);
	ck_assert_uint_eq(front.refs[0].length, 30000);
	back = get_extent(ino, BLOCK);
	ck_assert_uint_eq(back.refs_count, 1);
	ck_assert_uint_eq(back.refs[0].chunk, 8);
	ck_assert_uint_eq(back.refs[0].chunk_offset, 10000);
	/* The block behind has nothing to do with it. */
	ck_assert_uint_eq(get_extent(ino, 2 * BLOCK).refs_count, 0);
	teardown();
}
END_TEST

START_TEST(bytes_that_were_overwritten_do_not_get_the_references_of_the_old_ones)
{
	const struct extent_ref ref = { 7, 0, BLOCK };
	struct extent_row old;
	struct attach_item item;
	uint64_t stored = 0;
	uint64_t ino;

	setup();
	world_create(&world, 1);
	world_write(&world, 1, 300, 0, BLOCK);
	ino = world_ino(&world, 1);
	old = get_extent(ino, BLOCK);
	item = item_of(ino, 0, &old, &ref, 1);
	world_write(&world, 1, 600, 0, BLOCK);
	ck_assert_int_eq(attach_refs(&world.cache, &item, 1, &stored), 0);
	ck_assert_uint_eq(stored, 0);
	ck_assert_uint_eq(get_extent(ino, BLOCK).refs_count, 0);
	teardown();
}
END_TEST

START_TEST(an_extent_whose_front_was_uploaded_is_split_there)
{
	const struct extent_ref ref = { 7, 0, 1000 };
	struct extent_row whole;
	struct extent_row front;
	struct extent_row back;
	struct segments_stats stats;
	struct attach_item item;
	uint64_t stored = 0;
	uint64_t ino;

	setup();
	world_create(&world, 1);
	world_write(&world, 1, 300, 0, BLOCK);
	ino = world_ino(&world, 1);
	whole = get_extent(ino, BLOCK);
	item = item_of(ino, 0, &whole, &ref, 1);
	item.length = 1000;
	ck_assert_int_eq(attach_refs(&world.cache, &item, 1, &stored), 0);
	ck_assert_uint_eq(stored, 1000);
	front = get_extent(ino, 1000);
	back = get_extent(ino, BLOCK);
	ck_assert_uint_eq(front.length, 1000);
	ck_assert_uint_eq(front.refs_count, 1);
	ck_assert_uint_eq(back.length, BLOCK - 1000);
	ck_assert_uint_eq(back.delta, 1000);
	ck_assert_uint_eq(back.refs_count, 0);
	segments_stats_get(world.cache.segments, &stats);
	ck_assert_uint_eq(stats.dirty_bytes, BLOCK - 1000);
	ck_assert_uint_eq(stats.live_bytes, BLOCK);
	/* The cloud hears of the new keys. */
	take(UINT64_MAX);
	ck_assert_uint_eq(content_of(ino)->extents_count, 2);
	let_go();
	teardown();
}
END_TEST

UNIT_MAIN("capture", a_capture_is_exact_as_of_its_cut,
	  an_inode_without_a_name_is_not_in_the_cloud_until_it_is_reaped,
	  extents_of_old_generations_are_not_uploaded, what_is_not_carried_is_named_in_the_ledger,
	  a_barrier_is_carried_whatever_its_size,
	  an_extent_that_was_cut_in_pieces_gets_the_references_of_each_piece,
	  bytes_that_were_overwritten_do_not_get_the_references_of_the_old_ones,
	  an_extent_whose_front_was_uploaded_is_split_there)
