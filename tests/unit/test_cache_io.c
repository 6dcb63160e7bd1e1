/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "backend/store.h"
#include "cache/evict_segment.h"
#include "cache/fetch.h"
#include "cache/flusher.h"
#include "cache/inode.h"
#include "cache/segment_int.h"
#include "tests/lib/fake_cloud.h"
#include "tests/lib/local_cache.h"
#include "tests/lib/noise.h"
#include "tests/lib/segment_sums.h"
#include "tests/lib/unit.h"

#define KIB (1ull << 10)
#define MIB (1ull << 20)

static struct local_cache local;
static uint8_t data[4 << 20];
static uint8_t got[4 << 20];

static void begin(void)
{
	const struct local_cache conf = { .cache_bytes = 32 * MIB }; /* segments of 1 MiB */

	local_cache_init_as(&local, &conf);
	local.cache->fetch = fetch_start(local.cache, 1);
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

static struct content_row content_of(uint64_t ino)
{
	struct content_row content;

	ck_assert_int_eq(extent_content_get(local.cache->index, ino, &content), 0);
	return content;
}

/* The extents of the file: how many, and the first one. */
static unsigned int extents_of(uint64_t ino, struct extent *first)
{
	struct extent_cursor cursor;
	struct extent extent;
	unsigned int count = 0;

	ck_assert_int_eq(
		extent_cursor_open(&cursor, local.cache->index, ino, content_of(ino).generation, 0),
		0);
	while (extent_cursor_next(&cursor, &extent) > 0)
		if (!count++ && first)
			*first = extent;
	extent_cursor_close(&cursor);
	return count;
}

static struct segments_stats segment_stats(void)
{
	struct segments_stats stats;

	segments_stats_get(local.cache->segments, &stats);
	return stats;
}

static struct index_stats index_stats(void)
{
	struct index_stats stats;

	index_stats_get(local.cache->index, &stats);
	return stats;
}

START_TEST(a_write_is_one_extent_and_a_large_one_a_few)
{
	struct extent extent;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 5000, data, 10000);
	ck_assert_uint_eq(extents_of(ino, &extent), 1);
	ck_assert_uint_eq(extent.offset, 5000);
	ck_assert_uint_eq(extent.end, 15000);
	ck_assert_uint_eq(read_at(ino, 0, 20000), 15000);
	ck_assert_mem_eq(got + 5000, data, 10000);
	ck_assert(got[0] == 0 && !memcmp(got, got + 1, 4999));
	write_at(ino, 100, data, sizeof(data));
	ck_assert_uint_eq(extents_of(ino, NULL), 4);
	ck_assert_uint_eq(read_at(ino, 100, sizeof(got)), sizeof(data));
	ck_assert_mem_eq(got, data, sizeof(data));
	segment_sums_check(local.cache);
	end();
}
END_TEST

START_TEST(offsets_beyond_the_largest_file_are_refused)
{
	size_t count;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	ck_assert_int_eq(io_write(local.cache, ino, INT64_MAX, data, 1), -EFBIG);
	ck_assert_int_eq(io_write(local.cache, ino, UINT64_MAX, data, 2), -EFBIG);
	write_at(ino, INT64_MAX - 1, data, 1);
	ck_assert_int_eq(io_read(local.cache, ino, NULL, INT64_MAX - 1, 4096, 0, got, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(got[0], data[0]);
	ck_assert_int_eq(io_read(local.cache, ino, NULL, UINT64_MAX - 5, 4096, 0, got, &count), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(io_fallocate(local.cache, ino, 0, INT64_MAX, 1), -EFBIG);
	end();
}
END_TEST

START_TEST(a_write_to_no_inode_leaves_nothing_behind)
{
	begin();
	ck_assert_int_eq(io_write(local.cache, 12345, 0, data, 5000), -ENOENT);
	segments_seal(local.cache->segments, SEGMENT_CLASS_WRITTEN);
	ck_assert_uint_eq(segment_stats().written_bytes, 0);
	end();
}
END_TEST

START_TEST(allocation_changes_what_its_mode_says)
{
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	ck_assert_int_eq(io_fallocate(local.cache, ino, 0, 1000, 9000), 0);
	ck_assert_uint_eq(content_of(ino).size, 10000);
	write_at(ino, 0, data, 10000);
	ck_assert_int_eq(io_fallocate(local.cache, ino, 0, 0, 5000), 0);
	ck_assert_uint_eq(content_of(ino).size, 10000);
	ck_assert_int_eq(io_fallocate(local.cache, ino, FALLOC_FL_KEEP_SIZE, 0, 50000), 0);
	ck_assert_uint_eq(content_of(ino).size, 10000);
	ck_assert_int_eq(
		io_fallocate(local.cache, ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 50),
		0);
	ck_assert_int_eq(io_fallocate(local.cache, ino, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
				      9900, 5000),
			 0);
	ck_assert_uint_eq(content_of(ino).size, 10000);
	ck_assert_uint_eq(content_of(ino).mapped, 9850);
	ck_assert_int_eq(io_fallocate(local.cache, ino, FALLOC_FL_ZERO_RANGE, 9990, 1000), 0);
	ck_assert_uint_eq(content_of(ino).size, 10990);
	memset(data + 100, 0, 50);
	memset(data + 9900, 0, 1090);
	ck_assert_uint_eq(read_at(ino, 0, 20000), 10990);
	ck_assert_mem_eq(got, data, 10990);
	ck_assert_int_eq(io_fallocate(local.cache, ino, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(io_fallocate(local.cache, ino, FALLOC_FL_COLLAPSE_RANGE, 0, 4096),
			 -EOPNOTSUPP);
	end();
}
END_TEST

START_TEST(a_hole_in_many_extents_is_made_batch_by_batch)
{
	uint64_t ino, lsn;
	unsigned int i;

	begin();
	ino = local_cache_make_file(&local, "a");
	for (i = 0; i < 2500; i++)
		write_at(ino, i * 100, data, 60);
	lsn = index_lsn(local.cache->index);
	ck_assert_int_eq(io_fallocate(local.cache, ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      30, 249900),
			 0);
	ck_assert_uint_eq(index_lsn(local.cache->index), lsn + 3);
	ck_assert_uint_eq(content_of(ino).mapped, 60);
	ck_assert_uint_eq(extents_of(ino, NULL), 2);
	segment_sums_check(local.cache);
	/* Nothing to do: no record. */
	ck_assert_int_eq(io_fallocate(local.cache, ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      30, 200000),
			 0);
	ck_assert_uint_eq(index_lsn(local.cache->index), lsn + 3);
	end();
}
END_TEST

START_TEST(truncation_to_nothing_takes_all_extents_away)
{
	struct extent extent;
	uint64_t ino;
	unsigned int i;

	begin();
	ino = local_cache_make_file(&local, "a");
	for (i = 0; i < 3000; i++)
		write_at(ino, i * 10, data, 10);
	truncate_to(ino, 0);
	ck_assert_uint_eq(content_of(ino).mapped, 0);
	ck_assert_uint_eq(segments_dirty_bytes(local.cache->segments), 0);
	truncate_to(ino, 30000);
	ck_assert_uint_eq(read_at(ino, 0, 40000), 30000);
	memset(data, 0, 30000);
	ck_assert_mem_eq(got, data, 30000);
	ck_assert_uint_eq(extents_of(ino, &extent), 0);
	segment_sums_check(local.cache);
	end();
}
END_TEST

START_TEST(bytes_in_chunks_are_read_with_and_without_their_local_place)
{
	uint64_t bytes = 0;
	struct extent extent;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 1000, data, 300000);
	fake_cloud_store_file(local.cache, ino);
	ck_assert_uint_eq(segments_dirty_bytes(local.cache->segments), 0);
	write_at(ino, 50000, data + 400000, 1000);
	ck_assert_int_eq(evict_extents(local.cache, ino, 0, UINT64_MAX, 0, &bytes), 0);
	ck_assert_uint_eq(bytes, 299000);
	ck_assert_uint_eq(extents_of(ino, &extent), 3);
	ck_assert_uint_eq(extent.row.segment, 0);
	ck_assert_uint_eq(read_at(ino, 1000, 300000), 300000);
	memcpy(data + 49000, data + 400000, 1000);
	ck_assert_mem_eq(got, data, 300000);
	ck_assert_uint_eq(read_at(ino, 151000 - 10, 20), 20);
	ck_assert_mem_eq(got, data + 150000 - 10, 20);
	segment_sums_check(local.cache);
	end();
}
END_TEST

/* Changes a byte of the extent's record on the disk. */
static void rot(const struct extent *extent, uint32_t at)
{
	uint32_t head =
		segment_record_bytes(extent->offset, extent->row.length) - extent->row.length;
	char name[SEGMENT_NAME_BYTES];
	uint64_t place = extent->row.record + head + at;
	uint8_t byte;
	char *path;
	int fd;

	segment_file_name(extent->row.segment, name);
	path = xasprintf("%s/segments/%s", local.directory, name);
	fd = open(path, O_RDWR);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)place), 1);
	byte ^= 0x40;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)place), 1);
	close(fd);
	free(path);
}

START_TEST(rotten_bytes_that_the_cloud_has_are_read_from_there)
{
	struct extent extent;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 20000);
	fake_cloud_store_file(local.cache, ino);
	extents_of(ino, &extent);
	rot(&extent, 9000);
	ck_assert_uint_eq(read_at(ino, 0, 20000), 20000);
	ck_assert_mem_eq(got, data, 20000);
	/* The local place is forgotten. */
	extents_of(ino, &extent);
	ck_assert_uint_eq(extent.row.segment, 0);
	segment_sums_check(local.cache);
	end();
}
END_TEST

START_TEST(rotten_bytes_that_are_nowhere_else_are_an_error)
{
	struct extent extent;
	size_t count = 1;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 20000);
	extents_of(ino, &extent);
	rot(&extent, 9000);
	ck_assert_int_eq(io_read(local.cache, ino, NULL, 0, 20000, 0, got, &count),
			 -ERR_segment_corrupt);
	ck_assert_uint_eq(count, 0);
	/* The other pieces are good. */
	ck_assert_uint_eq(read_at(ino, 12288, 20000), 20000 - 12288);
	ck_assert_mem_eq(got, data + 12288, 20000 - 12288);
	end();
}
END_TEST

START_TEST(a_miss_does_not_wait_when_told_so)
{
	struct extent extent;
	struct store *store;
	uint64_t bytes = 0;
	size_t count;
	uint64_t ino;

	begin();
	ck_assert_int_eq(store_open("mem://io", true, &store), 0);
	local.cache->store = store;
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 20000);
	fake_cloud_store_file(local.cache, ino);
	ck_assert_int_eq(evict_extents(local.cache, ino, 0, UINT64_MAX, 0, &bytes), 0);
	extents_of(ino, &extent);
	/* In a FETCHED segment: no need to wait. */
	ck_assert_int_eq(io_read(local.cache, ino, NULL, 0, 20000, IO_NO_WAIT, got, &count), 0);
	ck_assert_mem_eq(got, data, 20000);
	ck_assert_int_eq(evict_chunk(local.cache, extent.row.refs[1].chunk, NULL, &bytes), 0);
	ck_assert_int_eq(io_read(local.cache, ino, NULL, 0, 20000, IO_NO_WAIT, got, &count),
			 -EAGAIN);
	ck_assert_int_eq(io_read(local.cache, ino, NULL, 0, 10000, IO_NO_WAIT, got, &count), 0);
	/* There is no such pack. */
	ck_assert_int_eq(io_read(local.cache, ino, NULL, 0, 20000, 0, got, &count),
			 -ERR_object_missing);
	fetch_stop(local.cache->fetch);
	local.cache->fetch = NULL;
	store_free(store);
	local_cache_release(&local);
}
END_TEST

START_TEST(holes_and_data_are_found)
{
	uint64_t at;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	ck_assert_int_eq(io_seek(local.cache, ino, 0, SEEK_DATA, &at), -ENXIO);
	write_at(ino, 1000, data, 500);
	write_at(ino, 1500, data, 500);
	truncate_to(ino, 5000);
	ck_assert_int_eq(io_seek(local.cache, ino, 0, SEEK_DATA, &at), 0);
	ck_assert_uint_eq(at, 1000);
	ck_assert_int_eq(io_seek(local.cache, ino, 1200, SEEK_DATA, &at), 0);
	ck_assert_uint_eq(at, 1200);
	ck_assert_int_eq(io_seek(local.cache, ino, 2000, SEEK_DATA, &at), -ENXIO);
	ck_assert_int_eq(io_seek(local.cache, ino, 0, SEEK_HOLE, &at), 0);
	ck_assert_uint_eq(at, 0);
	ck_assert_int_eq(io_seek(local.cache, ino, 1000, SEEK_HOLE, &at), 0);
	ck_assert_uint_eq(at, 2000);
	truncate_to(ino, 1800);
	ck_assert_int_eq(io_seek(local.cache, ino, 1000, SEEK_HOLE, &at), 0);
	ck_assert_uint_eq(at, 1800);
	ck_assert_int_eq(io_seek(local.cache, ino, 1800, SEEK_HOLE, &at), -ENXIO);
	ck_assert_int_eq(io_seek(local.cache, ino, 0, SEEK_SET, &at), -EINVAL);
	end();
}
END_TEST

START_TEST(a_copy_shares_chunks_and_copies_what_is_in_none)
{
	struct extent source, target;
	uint64_t from, to, copied, written;

	begin();
	from = local_cache_make_file(&local, "from");
	to = local_cache_make_file(&local, "to");
	write_at(from, 10000, data, 100000);
	fake_cloud_store_file(local.cache, from);
	written = segment_stats().written_bytes;
	write_at(to, 0, data + 200000, 50000);
	written = segment_stats().written_bytes - written;
	ck_assert_int_eq(io_copy_range(local.cache, from, 5000, to, 7000, 80000, &copied), 0);
	ck_assert_uint_eq(copied, 80000);
	/* Nothing but the 50,000 bytes was written. */
	ck_assert_uint_lt(segment_stats().written_bytes, 100000 + 50000 + 2000);
	ck_assert_uint_eq(content_of(to).size, 87000);
	ck_assert_uint_eq(content_of(to).mapped, 7000 + 75000);
	ck_assert_uint_eq(read_at(to, 0, 100000), 87000);
	ck_assert_mem_eq(got, data + 200000, 7000);
	ck_assert(got[7000] == 0 && !memcmp(got + 7000, got + 7001, 4999));
	ck_assert_mem_eq(got + 12000, data, 75000);
	extents_of(from, &source);
	ck_assert_uint_eq(extents_of(to, &target), 2);
	/* The dirty part of a source is copied, into a segment. */
	write_at(from, 20000, data + 300000, 4096);
	ck_assert_int_eq(io_copy_range(local.cache, from, 19000, to, 200000, 10000, &copied), 0);
	ck_assert_uint_eq(copied, 10000);
	ck_assert_uint_eq(read_at(to, 200000, 20000), 10000);
	ck_assert_mem_eq(got, data + 9000, 1000);
	ck_assert_mem_eq(got + 1000, data + 300000, 4096);
	ck_assert_mem_eq(got + 5096, data + 14096, 4904);
	segment_sums_check(local.cache);
	end();
}
END_TEST

START_TEST(a_copy_ends_where_its_source_ends)
{
	uint64_t ino, copied;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 10000);
	ck_assert_int_eq(io_copy_range(local.cache, ino, 10000, ino, 20000, 5, &copied), 0);
	ck_assert_uint_eq(copied, 0);
	ck_assert_int_eq(io_copy_range(local.cache, ino, 6000, ino, 10000, MIB, &copied), 0);
	ck_assert_uint_eq(copied, 4000);
	ck_assert_uint_eq(content_of(ino).size, 14000);
	ck_assert_int_eq(io_copy_range(local.cache, ino, 0, ino, 500, 1000, &copied), -EINVAL);
	ck_assert_int_eq(io_copy_range(local.cache, ino, 0, ino, INT64_MAX, 5, &copied), -EFBIG);
	end();
}
END_TEST

START_TEST(a_small_fsync_flushes_the_journal_once_and_no_segment)
{
	struct index_stats before;
	uint64_t flushes;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 4096);
	before = index_stats();
	flushes = segment_stats().flushes_total;
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_uint_eq(index_stats().flushes_total, before.flushes_total + 1);
	ck_assert_uint_eq(segment_stats().flushes_total, flushes);
	ck_assert_uint_eq(index_stats().lsn_durable, index_lsn(local.cache->index));
	/* Again, with nothing new: neither a record nor a flush. */
	before = index_stats();
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_uint_eq(index_stats().lsn, before.lsn);
	ck_assert_uint_eq(index_stats().flushes_total, before.flushes_total);
	end();
}
END_TEST

START_TEST(a_large_fsync_flushes_segments_before_the_journal)
{
	uint64_t flushes;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, sizeof(data));
	flushes = segment_stats().flushes_total;
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_uint_gt(segment_stats().flushes_total, flushes);
	ck_assert_uint_eq(index_stats().lsn_durable, index_lsn(local.cache->index));
	/* What follows is small again. */
	write_at(ino, 0, data, 4096);
	flushes = segment_stats().flushes_total;
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_uint_eq(segment_stats().flushes_total, flushes);
	end();
}
END_TEST

START_TEST(what_the_flusher_made_durable_is_not_flushed_again)
{
	uint64_t flushes;
	uint64_t ino;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, sizeof(data));
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	write_at(ino, 0, data, 4096);
	flushes = segment_stats().flushes_total;
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_uint_eq(segment_stats().flushes_total, flushes);
	end();
}
END_TEST

static unsigned int barrier_flags(uint64_t ino)
{
	struct dirty_row dirty;
	struct row_key key;

	key_content(&key, ino);
	ck_assert_int_eq(inode_load_dirty(local.cache, &key, &dirty), 0);
	return dirty.flags;
}

START_TEST(an_fsync_makes_dirty_content_a_barrier)
{
	struct row_key key;
	uint64_t ino, lsn;

	begin();
	ino = local_cache_make_file(&local, "a");
	write_at(ino, 0, data, 4096);
	ck_assert_uint_eq(barrier_flags(ino), 0);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_uint_eq(barrier_flags(ino), DIRTY_BARRIER);
	/* The barrier stays with content written later. */
	write_at(ino, 0, data, 4096);
	ck_assert_uint_eq(barrier_flags(ino), DIRTY_BARRIER);
	/* Content that the cloud has needs none. */
	key_content(&key, ino);
	lsn = index_lsn(local.cache->index);
	ck_assert_int_eq(index_mark_clean(local.cache->index, &key, 1, lsn, 0), 0);
	ck_assert_int_eq(flusher_flush(local.cache), 0);
	lsn = index_lsn(local.cache->index);
	ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	ck_assert_uint_eq(index_lsn(local.cache->index), lsn);
	end();
}
END_TEST

static atomic_bool stop;

static void *write_all_the_time(void *arg)
{
	uint64_t ino = *(uint64_t *)arg;
	uint64_t i;

	for (i = 0; !atomic_load(&stop); i++)
		if (io_write(local.cache, ino, i % 64 * 128 * KIB, data, 128 * KIB))
			abort();
	return NULL;
}

START_TEST(an_fsync_ends_although_another_thread_keeps_writing)
{
	pthread_t writer;
	uint64_t ino;
	int i;

	begin();
	ino = local_cache_make_file(&local, "a");
	pthread_create(&writer, NULL, write_all_the_time, &ino);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(io_fsync(local.cache, ino), 0);
	atomic_store(&stop, true);
	pthread_join(writer, NULL);
	end();
}
END_TEST

#define BLOCK	 16384
#define VERSIONS 300

static void *write_versions(void *arg)
{
	uint64_t ino = *(uint64_t *)arg;
	uint8_t block[BLOCK];
	int i;

	for (i = 0; i < VERSIONS; i++) {
		memset(block, i, sizeof(block));
		if (io_write(local.cache, ino, BLOCK * (uint64_t)(i % 3), block, sizeof(block)))
			abort();
	}
	atomic_store(&stop, true);
	return NULL;
}

static void *read_versions(void *arg)
{
	uint64_t ino = *(uint64_t *)arg;
	uint8_t block[BLOCK];
	size_t count;
	uint64_t i;

	for (i = 0; !atomic_load(&stop); i++) {
		if (io_read(local.cache, ino, NULL, BLOCK * (i % 3), BLOCK, 0, block, &count))
			abort();
		/* One write's bytes, never parts of two. */
		if (count && (count != BLOCK || memcmp(block, block + 1, BLOCK - 1)))
			abort();
	}
	return NULL;
}

static void *flush_all_the_time(void *arg)
{
	while (!atomic_load(&stop))
		if (flusher_flush(local.cache))
			abort();
	return arg;
}

START_TEST(readers_see_whole_writes)
{
	pthread_t writers[2], readers[2], flusher;
	uint64_t ino;
	int i;

	begin();
	ino = local_cache_make_file(&local, "a");
	for (i = 0; i < 2; i++)
		pthread_create(&readers[i], NULL, read_versions, &ino);
	pthread_create(&flusher, NULL, flush_all_the_time, NULL);
	for (i = 0; i < 2; i++)
		pthread_create(&writers[i], NULL, write_versions, &ino);
	for (i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	for (i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	pthread_join(flusher, NULL);
	segment_sums_check(local.cache);
	end();
}
END_TEST

UNIT_MAIN("io", a_write_is_one_extent_and_a_large_one_a_few,
	  offsets_beyond_the_largest_file_are_refused, a_write_to_no_inode_leaves_nothing_behind,
	  allocation_changes_what_its_mode_says, a_hole_in_many_extents_is_made_batch_by_batch,
	  truncation_to_nothing_takes_all_extents_away,
	  bytes_in_chunks_are_read_with_and_without_their_local_place,
	  rotten_bytes_that_the_cloud_has_are_read_from_there,
	  rotten_bytes_that_are_nowhere_else_are_an_error, a_miss_does_not_wait_when_told_so,
	  holes_and_data_are_found, a_copy_shares_chunks_and_copies_what_is_in_none,
	  a_copy_ends_where_its_source_ends, a_small_fsync_flushes_the_journal_once_and_no_segment,
	  a_large_fsync_flushes_segments_before_the_journal,
	  what_the_flusher_made_durable_is_not_flushed_again,
	  an_fsync_makes_dirty_content_a_barrier,
	  an_fsync_ends_although_another_thread_keeps_writing, readers_see_whole_writes)
