/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two files against arrays, with everything that moves bytes: writes, holes,
 * truncation, copies, upload, eviction, flushes, restarts and kills.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "cache/clean_segment.h"
#include "cache/evict_segment.h"
#include "cache/fetch.h"
#include "cache/flusher.h"
#include "tests/lib/fake_cloud.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/noise.h"
#include "tests/lib/segment_sums.h"
#include "tests/lib/unit.h"

#define FILES	   2
#define FILE_BYTES (192 * 1024)
#define STEPS	   250

#ifdef __SANITIZE_THREAD__
#define SEEDS 4
#else
#define SEEDS 12
#endif

static struct local_cache local;
static uint8_t got[2 * FILE_BYTES];

struct model_file {
	uint64_t ino;
	uint64_t size;
	uint8_t bytes[FILE_BYTES];
	bool mapped[FILE_BYTES];
};

struct model {
	uint64_t state;
	struct model_file files[FILES];
};

static uint64_t draw(struct model *model, uint64_t below)
{
	return noise_next(&model->state) % below;
}

static void write_at(uint64_t ino, uint64_t offset, const void *bytes, size_t length)
{
	ck_assert_int_eq(io_write(local.cache, ino, offset, bytes, length), 0);
}

static void truncate_to(uint64_t ino, uint64_t size)
{
	struct attributes in = { .size = size };

	ck_assert_int_eq(attr_set(local.cache, ino, ATTR_SIZE, &in, NULL), 0);
}

static size_t read_at(uint64_t ino, uint64_t offset, size_t length)
{
	size_t count;

	ck_assert_int_eq(io_read(local.cache, ino, NULL, offset, length, 0, got, &count), 0);
	return count;
}

static void check_file(struct model_file *file)
{
	struct content_row content;
	uint64_t mapped = 0;
	uint64_t i, at;

	ck_assert_uint_eq(read_at(file->ino, 0, sizeof(got)), file->size);
	ck_assert(!memcmp(got, file->bytes, file->size));
	for (i = 0; i < FILE_BYTES; i++)
		mapped += file->mapped[i];
	ck_assert_int_eq(extent_content_get(local.cache->index, file->ino, &content), 0);
	ck_assert_uint_eq(content.mapped, mapped);
	if (!file->size)
		return;
	for (i = 0; i < file->size && !file->mapped[i]; i++)
		;
	ck_assert_int_eq(io_seek(local.cache, file->ino, 0, SEEK_DATA, &at),
			 i < file->size ? 0 : -ENXIO);
	if (i < file->size)
		ck_assert_uint_eq(at, i);
	for (i = 0; i < file->size && file->mapped[i]; i++)
		;
	ck_assert_int_eq(io_seek(local.cache, file->ino, 0, SEEK_HOLE, &at), 0);
	ck_assert_uint_eq(at, i);
}

static void read_some(struct model *model, struct model_file *file)
{
	uint64_t offset = draw(model, FILE_BYTES);
	uint64_t length = 1 + draw(model, 30000);
	uint64_t count = offset < file->size ? file->size - offset : 0;

	if (count > length)
		count = length;
	ck_assert_uint_eq(read_at(file->ino, offset, length), count);
	ck_assert(!memcmp(got, file->bytes + offset, count));
}

static void clear(struct model_file *file, uint64_t from, uint64_t until)
{
	memset(file->bytes + from, 0, until - from);
	memset(file->mapped + from, 0, until - from);
}

static void step_write(struct model *model, struct model_file *file, uint64_t from, uint64_t length)
{
	noise_fill(model->state, file->bytes + from, length);
	memset(file->mapped + from, 1, length);
	if (from + length > file->size)
		file->size = from + length;
	write_at(file->ino, from, file->bytes + from, length);
}

static void step_zero(struct model_file *file, uint64_t from, uint64_t length, int mode)
{
	uint64_t end = from + length;

	clear(file, from, end);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > file->size)
		file->size = end;
	ck_assert_int_eq(io_fallocate(local.cache, file->ino, mode, from, length), 0);
}

static void step_truncate(struct model_file *file, uint64_t size)
{
	if (size < file->size)
		clear(file, size, FILE_BYTES);
	file->size = size;
	truncate_to(file->ino, size);
}

static void step_copy(struct model *model, struct model_file *from, struct model_file *to)
{
	uint64_t length = 1 + draw(model, 40000);
	uint64_t from_offset = draw(model, FILE_BYTES - length);
	uint64_t to_offset = draw(model, FILE_BYTES - length);
	uint64_t count = from_offset < from->size ? from->size - from_offset : 0;
	bool overlap;
	uint64_t copied;

	if (count > length)
		count = length;
	overlap = from == to && from_offset < to_offset + count && to_offset < from_offset + count;
	ck_assert_int_eq(io_copy_range(local.cache, from->ino, from_offset, to->ino, to_offset,
				       length, &copied),
			 overlap ? -EINVAL : 0);
	if (overlap || !count)
		return;
	ck_assert_uint_eq(copied, count);
	memmove(to->bytes + to_offset, from->bytes + from_offset, count);
	memmove(to->mapped + to_offset, from->mapped + from_offset, count);
	if (to_offset + count > to->size)
		to->size = to_offset + count;
}

static void step_store(struct model *model, struct model_file *file)
{
	if (draw(model, 2))
		fake_cloud_store_next(local.cache, file->ino, draw(model, FILE_BYTES));
	else
		fake_cloud_store_file(local.cache, file->ino);
}

static void step_evict(struct model *model, struct model_file *file)
{
	uint64_t from = draw(model, FILE_BYTES);
	uint64_t bytes;

	ck_assert_int_eq(
		evict_extents(local.cache, file->ino, from, from + draw(model, 100000), 0, &bytes),
		0);
}

/* All segments; what moves while they are walked is not walked again. */
static void step_clean(struct model *model)
{
	struct clean_stats stats = { 0 };
	struct segment_info *list;
	size_t count;
	size_t i;

	ck_assert_int_eq(segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN), 0);
	count = segments_list(local.cache->segments, &list);
	for (i = 0; i < count; i++)
		if (list[i].class == SEGMENT_CLASS_WRITTEN)
			ck_assert_int_eq(
				clean_segment(local.cache, list[i].number, draw(model, 2), &stats),
				0);
	ck_assert_uint_eq(stats.rotten_bytes, 0);
	free(list);
}

static void restart(bool kill)
{
	fetch_stop(local.cache->fetch);
	local_cache_end(&local, kill ? cache_local_abandon : cache_local_close);
	local_cache_open(&local);
	local.cache->fetch = fetch_start(local.cache, 1);
}

static void step(struct model *model)
{
	struct model_file *file = &model->files[draw(model, FILES)];
	uint64_t length = 1 + draw(model, draw(model, 2) ? 300 : 20000);
	uint64_t from = draw(model, FILE_BYTES - length);

	switch (draw(model, 17)) {
	case 0:
		step_zero(file, from, length, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		break;
	case 1:
		step_zero(file, from, length, FALLOC_FL_ZERO_RANGE);
		break;
	case 2:
		step_truncate(file, draw(model, 3) ? from : 0);
		break;
	case 3:
	case 4:
		step_copy(model, file, &model->files[draw(model, FILES)]);
		break;
	case 5:
	case 6:
		step_store(model, file);
		break;
	case 7:
		step_evict(model, file);
		break;
	case 8:
		ck_assert_int_eq(io_fsync(local.cache, file->ino), 0);
		break;
	case 9:
		ck_assert_int_eq(flusher_flush(local.cache), 0);
		break;
	case 10:
		if (!draw(model, 4))
			restart(draw(model, 2));
		break;
	case 11:
		step_clean(model);
		break;
	default:
		step_write(model, file, from, length);
	}
	read_some(model, file);
}

static void run(uint64_t seed)
{
	const struct local_cache conf = { .cache_bytes = 32u << 20 }; /* segments of 1 MiB */
	struct model *model = xcalloc(1, sizeof(*model));
	int i;

	local_cache_init_as(&local, &conf);
	local.cache->fetch = fetch_start(local.cache, 1);
	model->state = seed;
	model->files[0].ino = local_cache_make_file(&local, "a");
	model->files[1].ino = local_cache_make_file(&local, "b");
	for (i = 0; i < STEPS; i++) {
		step(model);
		if (i % 16 == 0)
			segment_sums_check(local.cache);
		check_file(&model->files[0]);
		check_file(&model->files[1]);
	}
	restart(true);
	segment_sums_check(local.cache);
	check_file(&model->files[0]);
	check_file(&model->files[1]);
	free(model);
	fetch_stop(local.cache->fetch);
	local_cache_release(&local);
}

START_TEST(random_operations_agree_with_arrays)
{
	uint64_t seed;

	for (seed = 1; seed <= SEEDS; seed++) {
		printf("seed %d\n", (int)seed);
		fflush(stdout);
		run(seed);
	}
}
END_TEST

UNIT_MAIN("io_random", random_operations_agree_with_arrays)
