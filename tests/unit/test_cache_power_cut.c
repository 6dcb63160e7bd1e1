/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power cuts: the journal is on the disk, segment bytes above the last flush
 * are not, or in part. Each file has to be exactly as it was at some instant,
 * and not before the last fsync of it.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "cache/clean_segment.h"
#include "cache/evict_segment.h"
#include "cache/fetch.h"
#include "cache/flusher.h"
#include "cache/segment_int.h"
#include "tests/lib/fake_cloud.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/noise.h"
#include "tests/lib/segment_sums.h"
#include "tests/lib/unit.h"

#define SEGMENTS_MAX 4096

static struct local_cache local;
static struct id boot_id;
static uint64_t noise = 1;
/* Of each WRITTEN segment: the bytes that cannot be lost any more. */
static uint64_t durable[SEGMENTS_MAX];
static uint8_t data[200000];
static uint8_t got[1 << 20];

static void start_threads(void)
{
	local.cache->fetch = fetch_start(local.cache, 1);
}

static void begin(void)
{
	const struct local_cache conf = {
		.boot_id = &boot_id, .cache_bytes = 32u << 20, /* segments of 1 MiB */
	};

	boot_id = id_new_uuid();
	memset(durable, 0, sizeof(durable));
	local_cache_init_as(&local, &conf);
	start_threads();
	noise_fill(1, data, sizeof(data));
}

static void end(void)
{
	fetch_stop(local.cache->fetch);
	local_cache_release(&local);
}

static void write_at(uint64_t ino, uint64_t offset, const void *bytes, size_t length)
{
	ck_assert_int_eq(io_write(local.cache, ino, offset, bytes, length), 0);
}

static size_t read_all(uint64_t ino)
{
	size_t count;
	int result = io_read(local.cache, ino, NULL, 0, sizeof(got), 0, got, &count);

	ck_assert_msg(!result, "%s", err_message(result));
	return count;
}

/* Called after each step, as long as one thread does all. */
static void note_durable(void)
{
	struct segments *segments = local.cache->segments;
	size_t i;

	for (i = 0; i < segments->count; i++) {
		const struct segment *segment = segments->table[i];

		ck_assert_uint_lt(segment->number, SEGMENTS_MAX);
		if (segment->state != SEGMENT_LOST && segment->flushed == segment->appended)
			durable[segment->number] = segment->size;
	}
}

/* Loses of the file's bytes from `from` on what the dice say. */
static void damage(int fd, uint64_t from, uint64_t size, bool all)
{
	static const uint8_t zeros[4096];
	uint64_t at;

	if (!all && noise_next(&noise) % 3 == 0)
		size = from + noise_next(&noise) % (size - from + 1);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	for (at = from; at < size; at += 4096 - at % 4096) {
		uint64_t end = at + 4096 - at % 4096;

		if (end > size)
			end = size;
		if (all || noise_next(&noise) % 2)
			ck_assert_int_eq(pwrite(fd, zeros, end - at, (off_t)at),
					 (ssize_t)(end - at));
	}
}

static void damage_segments(const uint64_t *numbers, const uint64_t *sizes, size_t count, bool all)
{
	char name[SEGMENT_NAME_BYTES];
	size_t i;

	for (i = 0; i < count; i++) {
		char *path;
		int fd;

		segment_file_name(numbers[i], name);
		path = xasprintf("%s/segments/%s", local.directory, name);
		fd = open(path, O_RDWR);
		ck_assert_int_ge(fd, 0);
		if (durable[numbers[i]] < sizes[i])
			damage(fd, durable[numbers[i]], sizes[i], all);
		close(fd);
		free(path);
	}
}

/* all: every byte that was not flushed is lost. */
static void power_cut(bool all)
{
	struct segments *segments = local.cache->segments;
	static uint64_t numbers[SEGMENTS_MAX];
	static uint64_t sizes[SEGMENTS_MAX];
	size_t count = 0;
	size_t i;

	note_durable();
	for (i = 0; i < segments->count; i++) {
		const struct segment *segment = segments->table[i];

		if (segment->class != SEGMENT_CLASS_WRITTEN || segment->state == SEGMENT_LOST)
			continue;
		numbers[count] = segment->number;
		sizes[count++] = segment->size;
	}
	fetch_stop(local.cache->fetch);
	local_cache_end(&local, cache_local_abandon);
	damage_segments(numbers, sizes, count, all);
	boot_id = id_new_uuid();
	local_cache_open(&local);
	start_threads();
	segment_sums_check(local.cache);
}

static void kill_and_open(void)
{
	note_durable();
	fetch_stop(local.cache->fetch);
	local_cache_kill(&local);
	start_threads();
	segment_sums_check(local.cache);
}

START_TEST(a_small_fsync_survives_the_loss_of_all_segment_bytes)
{
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 5000);
	write_at(ino, 3000, data, 7000);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), 10000);
	ck_assert_mem_eq(got, data, 3000);
	ck_assert_mem_eq(got + 3000, data, 7000);
	end();
}
END_TEST

START_TEST(a_large_fsync_survives_as_well)
{
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, sizeof(data));
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), sizeof(data));
	ck_assert_mem_eq(got, data, sizeof(data));
	end();
}
END_TEST

static void move_synced_bytes(bool sync_again)
{
	struct clean_stats stats = { 0 };
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 100000);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_int_eq(segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN), 0);
	ck_assert_int_eq(clean_segment(local.cache, 1, false, &stats), 0);
	ck_assert_uint_eq(stats.moved_bytes, 100000);
	if (sync_again) {
		write_at(ino, 100000, data, 100);
		ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	}
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), sync_again ? 100100 : 100000);
	ck_assert_mem_eq(got, data, 100000);
	end();
}

START_TEST(synced_bytes_that_the_cleaner_moved_survive)
{
	move_synced_bytes(false);
}
END_TEST

/* The next fsync answers for the new place, too. */
START_TEST(synced_bytes_that_the_cleaner_moved_survive_the_next_fsync)
{
	move_synced_bytes(true);
}
END_TEST

START_TEST(what_was_not_synced_is_dropped_as_a_whole)
{
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 5000);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	write_at(ino, 1000, data + 50000, 1000);
	write_at(ino, 8000, data + 60000, 1000);
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), 5000);
	ck_assert_mem_eq(got, data, 5000);
	end();
}
END_TEST

static void rewrite(uint64_t ino, const void *bytes, size_t length)
{
	const struct attributes none = { .size = 0 };
	struct attributes out;

	ck_assert_int_eq(attr_set(local.cache, ino, ATTR_SIZE, &none, &out), 0);
	write_at(ino, 0, bytes, length);
	ck_assert_int_eq(io_flush(local.cache, ino), 0);
	note_durable();
}

/* The journal is made durable by others, the segments are not. */
static void sync_another_file(void)
{
	uint64_t other = local_cache_make_file(&local, "other");

	write_at(other, 0, data, 100);
	ck_assert_int_eq(io_fsync(local.cache, other), 0);
}

static void truncate_is_not_durable_before(size_t length)
{
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 5000);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	rewrite(ino, data + 1000, length);
	sync_another_file();
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), length);
	ck_assert_mem_eq(got, data + 1000, length);
	end();
}

START_TEST(a_truncate_is_not_durable_before_the_few_bytes_that_were_written_then)
{
	truncate_is_not_durable_before(3000);
}
END_TEST

START_TEST(a_truncate_is_not_durable_before_the_many_bytes_that_were_written_then)
{
	truncate_is_not_durable_before(150000);
}
END_TEST

START_TEST(a_truncate_behind_a_flush_is_known_at_close)
{
	const struct attributes none = { .size = 0 };
	struct attributes out;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 5000);
	ck_assert_int_eq(attr_set(local.cache, ino, ATTR_SIZE, &none, &out), 0);
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	note_durable();
	write_at(ino, 0, data + 1000, 3000);
	ck_assert_int_eq(io_flush(local.cache, ino), 0);
	sync_another_file();
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), 3000);
	end();
}
END_TEST

START_TEST(close_copies_nothing_into_the_journal_otherwise)
{
	uint64_t before;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 5000);
	before = index_lsn(local.cache->index);
	ck_assert_int_eq(io_flush(local.cache, ino), 0);
	ck_assert_uint_eq(index_lsn(local.cache->index), before);
	rewrite(ino, data, 5000);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	write_at(ino, 5000, data, 5000);
	before = index_lsn(local.cache->index);
	ck_assert_int_eq(io_flush(local.cache, ino), 0);
	ck_assert_uint_eq(index_lsn(local.cache->index), before);
	end();
}
END_TEST

START_TEST(a_mere_kill_loses_nothing)
{
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, sizeof(data));
	kill_and_open();
	ck_assert_uint_eq(read_all(ino), sizeof(data));
	ck_assert_mem_eq(got, data, sizeof(data));
	/* The killed process never flushed: it is done now. */
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), sizeof(data));
	ck_assert_mem_eq(got, data, sizeof(data));
	end();
}
END_TEST

START_TEST(a_record_whose_segment_was_reclaimed_is_not_missed)
{
	uint64_t ino, other;

	begin();
	ino = local_cache_make_file(&local, "a");
	other = local_cache_make_file(&local, "b");
	write_at(ino, 0, data, 100000);
	segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN);
	write_at(ino, 0, data + 50000, 100000);
	write_at(other, 0, data, 10);
	ck_assert(segments_have_doomed(local.cache->segments));
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	ck_assert(!segments_have_doomed(local.cache->segments));
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), 100000);
	ck_assert_mem_eq(got, data + 50000, 100000);
	end();
}
END_TEST

START_TEST(a_doomed_segment_is_not_unlinked_before_its_death_is_durable)
{
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 100000);
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	note_durable();
	segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN);
	write_at(ino, 0, data + 50000, 100000);
	ck_assert(segments_have_doomed(local.cache->segments));
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), 100000);
	ck_assert_mem_eq(got, data, 100000);
	end();
}
END_TEST

START_TEST(an_eviction_behind_a_lost_write_hides_nothing)
{
	uint64_t bytes = 0;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 100000);
	fake_cloud_store_file(local.cache, ino);
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	note_durable();
	write_at(ino, 50000, data, 1000);
	ck_assert_int_eq(evict_extents(local.cache, ino, 0, UINT64_MAX, 0, &bytes), 0);
	ck_assert_uint_eq(bytes, 99000);
	power_cut(true);
	ck_assert_uint_eq(read_all(ino), 100000);
	ck_assert_mem_eq(got, data, 100000);
	end();
}
END_TEST

/* The random test. */

#define FILES	     3
#define FILE_BYTES   (64 * 1024)
#define VERSIONS_MAX 400
#define STEPS	     200

struct version {
	uint64_t size;
	uint8_t bytes[];
};

/* What the file was after each change; versions[0] can be lost no more. */
struct model_file {
	uint64_t ino;
	size_t count;
	struct version *versions[VERSIONS_MAX];
};

static struct model_file files[FILES];

static uint64_t draw(uint64_t below)
{
	return noise_next(&noise) % below;
}

/* The file's version now becomes another one. */
static struct version *new_version(struct model_file *file)
{
	struct version *version = xcalloc(1, sizeof(*version) + FILE_BYTES);

	if (file->count)
		memcpy(version, file->versions[file->count - 1], sizeof(*version) + FILE_BYTES);
	ck_assert_uint_lt(file->count, VERSIONS_MAX);
	file->versions[file->count++] = version;
	return version;
}

/* The versions before `first` and from `end` on are none that may be seen. */
static void keep_versions(struct model_file *file, size_t first, size_t end_count)
{
	size_t i;

	for (i = 0; i < file->count; i++)
		if (i < first || i >= end_count)
			free(file->versions[i]);
	memmove(file->versions, file->versions + first,
		(end_count - first) * sizeof(file->versions[0]));
	file->count = end_count - first;
}

static bool is_version(const struct version *version, uint64_t size)
{
	return version->size == size && !memcmp(version->bytes, got, size);
}

/* Finds which version the file is in; older ones than versions[0] are wrong.
 * latest: after a kill, which makes no older one impossible for later. */
static void settle_version(struct model_file *file, bool latest)
{
	uint64_t size = read_all(file->ino);
	size_t i = file->count;

	while (i > 0 && !is_version(file->versions[i - 1], size))
		i--;
	ck_assert_msg(i > 0, "inode %d is in no version it ever had since its last sync",
		      (int)file->ino);
	ck_assert(!latest || i == file->count);
	if (!latest)
		keep_versions(file, i - 1, i);
}

static void settle_all(bool latest)
{
	int i;

	for (i = 0; i < FILES; i++)
		settle_version(&files[i], latest);
}

/* All that was done can be lost no more. */
static void forget_all(void)
{
	int i;

	for (i = 0; i < FILES; i++)
		keep_versions(&files[i], files[i].count - 1, files[i].count);
}

static void step_write(struct model_file *file)
{
	struct version *version = new_version(file);
	uint64_t length = 1 + draw(draw(2) ? 500 : 30000);
	uint64_t offset = draw(FILE_BYTES - length);

	noise_fill(noise, version->bytes + offset, length);
	if (offset + length > version->size)
		version->size = offset + length;
	write_at(file->ino, offset, version->bytes + offset, length);
}

static void step_truncate(struct model_file *file)
{
	struct version *version = new_version(file);
	struct attributes in = { .size = draw(2) ? 0 : draw(FILE_BYTES) };

	if (in.size < version->size)
		memset(version->bytes + in.size, 0, FILE_BYTES - in.size);
	version->size = in.size;
	ck_assert_int_eq(attr_set(local.cache, file->ino, ATTR_SIZE, &in, NULL), 0);
}

static void step_punch(struct model_file *file)
{
	struct version *version = new_version(file);
	uint64_t length = 1 + draw(20000);
	uint64_t offset = draw(FILE_BYTES - length);

	memset(version->bytes + offset, 0, length);
	ck_assert_int_eq(io_fallocate(local.cache, file->ino,
				      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length),
			 0);
}

static void step_fsync(struct model_file *file)
{
	ck_assert_int_eq(io_fsync(local.cache, file->ino), 0);
	keep_versions(file, file->count - 1, file->count);
}

static void step_evict(struct model_file *file)
{
	uint64_t bytes;

	fake_cloud_store_next(local.cache, file->ino, draw(FILE_BYTES));
	if (draw(2))
		fake_cloud_store_file(local.cache, file->ino);
	ck_assert_int_eq(
		evict_extents(local.cache, file->ino, draw(FILE_BYTES), UINT64_MAX, 0, &bytes), 0);
}

static void step_clean(void)
{
	struct clean_stats stats = { 0 };
	struct segment_info *list;
	size_t count = segments_list(local.cache->segments, &list);
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i].class == SEGMENT_CLASS_WRITTEN && !list[i].open && !draw(2))
			ck_assert_int_eq(
				clean_segment(local.cache, list[i].number, draw(2), &stats), 0);
	free(list);
}

static void step(void)
{
	struct model_file *file = &files[draw(FILES)];

	switch (draw(17)) {
	case 0:
		step_truncate(file);
		break;
	case 1:
		step_punch(file);
		break;
	case 2:
	case 3:
		step_fsync(file);
		break;
	case 4:
		step_evict(file);
		break;
	case 5:
		segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN);
		break;
	case 6:
		if (draw(2))
			break;
		ck_assert_int_eq(flusher_flush(local.cache), 0);
		forget_all();
		break;
	case 7:
		if (draw(4))
			break;
		ck_assert_int_eq(index_checkpoint(local.cache->index), 0);
		forget_all();
		break;
	case 8:
		if (draw(4))
			break;
		kill_and_open();
		break;
	case 9:
		step_clean();
		break;
	case 10:
		if (draw(2))
			break;
		power_cut(draw(3) == 0);
		settle_all(false);
		break;
	default:
		step_write(file);
	}
	note_durable();
}

static void run(uint64_t seed)
{
	char name[2] = "a";
	int i;

	noise = seed;
	begin();
	for (i = 0; i < FILES; i++, name[0]++) {
		files[i].ino = local_cache_make_file(&local, name);
		files[i].count = 0;
		new_version(&files[i]);
	}
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	for (i = 0; i < STEPS; i++)
		step();
	kill_and_open();
	settle_all(true);
	power_cut(false);
	settle_all(false);
	for (i = 0; i < FILES; i++)
		keep_versions(&files[i], 0, 0);
	end();
}

#ifdef __SANITIZE_THREAD__
#define SEEDS 4
#else
#define SEEDS 20
#endif

START_TEST(random_power_cuts_leave_each_file_as_it_was_at_an_instant)
{
	uint64_t seed;

	for (seed = 1; seed <= SEEDS; seed++) {
		printf("seed %d\n", (int)seed);
		fflush(stdout);
		run(seed);
	}
}
END_TEST

UNIT_MAIN("power_cut", a_small_fsync_survives_the_loss_of_all_segment_bytes,
	  a_large_fsync_survives_as_well, synced_bytes_that_the_cleaner_moved_survive,
	  synced_bytes_that_the_cleaner_moved_survive_the_next_fsync,
	  what_was_not_synced_is_dropped_as_a_whole,
	  a_truncate_is_not_durable_before_the_few_bytes_that_were_written_then,
	  a_truncate_is_not_durable_before_the_many_bytes_that_were_written_then,
	  a_truncate_behind_a_flush_is_known_at_close,
	  close_copies_nothing_into_the_journal_otherwise, a_mere_kill_loses_nothing,
	  a_record_whose_segment_was_reclaimed_is_not_missed,
	  a_doomed_segment_is_not_unlinked_before_its_death_is_durable,
	  an_eviction_behind_a_lost_write_hides_nothing,
	  random_power_cuts_leave_each_file_as_it_was_at_an_instant)
