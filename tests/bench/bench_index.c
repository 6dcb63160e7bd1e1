/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index without FUSE: creates a second, what a checkpoint does to the
 * commits meanwhile, and replay.
 *
 *	bench_index [DIRECTORY [CREATES [REPLAYED [THREADS [FILES]]]]]
 *
 * A create is what a real one commits: a new INODE row, a DIRENT row and the
 * parent's INODE row, all for the cloud (so three DIRTY rows on top), with
 * its journal record written before the next one begins. A directory gets FILES
 * files (1,000), then the next one begins.
 *
 * "CPU each" is that of the creating threads, then of the whole process with
 * the checkpointer: what the rate would be on cores that nobody else uses.
 */
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/index.h"

#define THREADS_MAX 8

static char *index_directory;
static char *journal_directory;

struct worker {
	pthread_t thread;
	struct index *index;
	uint64_t parent;
	size_t count;
	size_t files; /* in a directory */
	uint32_t *latency_ns;
	double cpu_seconds; /* of its thread */
};

static void check(int result, const char *what)
{
	if (!result)
		return;
	fprintf(stderr, "%s: %s\n", what, err_message(result));
	exit(EXIT_FAILURE);
}

static struct index *open_index(void)
{
	struct index_conf conf = {
		.index_directory = index_directory,
		.journal_directory = journal_directory,
	};
	struct index *index;

	check(index_open(&conf, &index), "open");
	check(index_open_replay(index), "replay");
	return index;
}

static void fill_create(struct batch *batch, uint64_t ino, uint64_t parent, uint64_t number)
{
	struct timespec now = clock_to_timespec(clock_real_ns());
	struct inode_row inode = { .mode = S_IFREG | 0644,
				   .uid = 1000,
				   .gid = 1000,
				   .nlink = 1,
				   .atime = now,
				   .mtime = now,
				   .ctime = now,
				   .btime = now };
	struct inode_row directory = inode;
	struct buffer value = BUFFER_INIT;
	char name[32];
	struct dirent_row dirent = { .ino = ino, .type = 8, .name = (const uint8_t *)name };
	struct row_key key;

	batch_reset(batch, BATCH_ROWS, 0);
	batch_put_inode(batch, ino, &inode);
	dirent.name_length = (uint16_t)snprintf(name, sizeof(name), "file-%08llu.csv",
						(unsigned long long)number);
	key_dirent(&key, parent, (number * 0x9e3779b97f4a7c15u) >> 1);
	row_put_dirent(&value, &dirent);
	batch_put(batch, &key, &value, ROW_CLOUD);
	directory.mode = S_IFDIR | 0755;
	directory.children = number;
	batch_put_inode(batch, parent, &directory);
	buffer_release(&value);
}

static double cpu_seconds_of(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void *create_files(void *arg)
{
	struct worker *worker = arg;
	struct batch batch;
	size_t i;

	batch_init(&batch, BATCH_ROWS, 0);
	for (i = 0; i < worker->count; i++) {
		int64_t start = clock_boot_ns();

		if (i % worker->files == 0)
			worker->parent = index_new_ino(worker->index);
		fill_create(&batch, index_new_ino(worker->index), worker->parent, i);
		check(index_commit(worker->index, &batch, NULL), "commit");
		worker->latency_ns[i] = (uint32_t)(clock_boot_ns() - start);
	}
	batch_release(&batch);
	worker->cpu_seconds = cpu_seconds_of(RUSAGE_THREAD);
	return NULL;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static void print_latency(uint32_t *latency_ns, size_t count)
{
	qsort(latency_ns, count, sizeof(*latency_ns), compare_u32);
	printf("    latency us: p50 %.1f  p99 %.1f  p99.9 %.1f  p99.99 %.1f  max %.1f\n",
	       latency_ns[count / 2] / 1e3, latency_ns[count / 100 * 99] / 1e3,
	       latency_ns[count / 1000 * 999] / 1e3, latency_ns[count / 10000 * 9999] / 1e3,
	       latency_ns[count - 1] / 1e3);
}

static void bench_creates(struct index *index, unsigned int threads, size_t count, size_t files)
{
	struct worker workers[THREADS_MAX];
	uint32_t *latency_ns = xcalloc(count, sizeof(*latency_ns));
	int64_t start = clock_boot_ns();
	double all_cpu_seconds = cpu_seconds_of(RUSAGE_SELF);
	double cpu_seconds = 0;
	double seconds;
	unsigned int i;

	count -= count % threads;
	for (i = 0; i < threads; i++) {
		workers[i] = (struct worker){ .index = index,
					      .count = count / threads,
					      .files = files,
					      .latency_ns = latency_ns + i * (count / threads) };
		pthread_create(&workers[i].thread, NULL, create_files, &workers[i]);
	}
	for (i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		cpu_seconds += workers[i].cpu_seconds;
	}
	seconds = (double)(clock_boot_ns() - start) / 1e9;
	all_cpu_seconds = cpu_seconds_of(RUSAGE_SELF) - all_cpu_seconds;
	printf("%u thread%s: %zu creates in %.2f s: %.0f/s; CPU each %.1f us, in all %.1f us\n",
	       threads, threads > 1 ? "s" : "", count, seconds, (double)count / seconds,
	       cpu_seconds / (double)count * 1e6, all_cpu_seconds / (double)count * 1e6);
	print_latency(latency_ns, count);
	free(latency_ns);
}

static void print_stats(struct index *index)
{
	struct index_stats stats;

	index_stats_get(index, &stats);
	printf("    lsn %llu, in LMDB %llu, %llu checkpoints, journal %.0f MB, LMDB %.0f MB\n",
	       (unsigned long long)stats.lsn, (unsigned long long)stats.lsn_applied,
	       (unsigned long long)stats.checkpoints_total, (double)stats.journal_bytes / 1e6,
	       (double)stats.lmdb_bytes / 1e6);
}

/* Few keys, so that the memtable keeps them all and nothing is applied. */
static void bench_replay(size_t count)
{
	struct index_stats stats;
	struct index *index = open_index();
	struct batch batch;
	int64_t start;
	double seconds;
	size_t i;

	check(index_checkpoint(index), "checkpoint");
	index_abandon(index);
	{
		struct index_conf conf = { .index_directory = index_directory,
					   .journal_directory = journal_directory,
					   .memtable_bytes = (size_t)16 << 30 };

		check(index_open(&conf, &index), "open");
		check(index_open_replay(index), "replay");
	}
	batch_init(&batch, BATCH_ROWS, 0);
	for (i = 0; i < count; i++) {
		uint64_t lsn;

		fill_create(&batch, 100000000 + i, 1, i);
		check(index_commit_begin(index, &batch, &lsn), "commit");
	}
	check(index_flush(index, index_lsn(index)), "flush");
	batch_release(&batch);
	index_abandon(index);
	start = clock_boot_ns();
	index = open_index();
	seconds = (double)(clock_boot_ns() - start) / 1e9;
	index_stats_get(index, &stats);
	printf("replay: %llu create records in %.2f s: %.0f/s\n",
	       (unsigned long long)stats.replayed_records, seconds,
	       (double)stats.replayed_records / seconds);
	index_close(index);
}

static int remove_one(const char *path, const struct stat *stat_of, int type, struct FTW *ftw)
{
	(void)stat_of;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	char *directory = xasprintf("%s/bench-index-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
	size_t replayed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000;
	unsigned int threads_max = argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 4;
	size_t files = argc > 5 ? strtoul(argv[5], NULL, 10) : 1000;
	struct index *index;
	unsigned int threads;

	if (!files) {
		fprintf(stderr, "bench_index: FILES must be a number above 0\n");
		return 2;
	}
	if (threads_max > THREADS_MAX)
		threads_max = THREADS_MAX;
	if (!mkdtemp(directory)) {
		perror(directory);
		return EXIT_FAILURE;
	}
	index_directory = xasprintf("%s/index", directory);
	journal_directory = xasprintf("%s/journal", directory);
	index = open_index();
	for (threads = 1; threads <= threads_max; threads *= 2) {
		bench_creates(index, threads, count, files);
		print_stats(index);
	}
	index_close(index);
	bench_replay(replayed);
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(directory);
	free(index_directory);
	free(journal_directory);
	return EXIT_SUCCESS;
}
