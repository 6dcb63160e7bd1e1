/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One workload on one directory, timed: bench_workload DIR WORKLOAD [COUNT]
 * prints "WORKLOAD UNIT VALUE" (MB/s or operations a second). local.py runs
 * it on several mounts in turn and compares.
 *
 *	seqwrite   COUNT MiB in 1 MiB writes, then fsync
 *	seqread    reads that file from start to end (cold: the caches dropped)
 *	randread   COUNT reads of 4 KiB at random offsets of it
 *	randwrite  COUNT writes of 4 KiB at random offsets of it, then fsync
 *	fsync      COUNT appends of 4 KiB, each followed by fsync
 *	fsync16    COUNT of these in all, by 16 threads, each on a file of its own
 *	create     COUNT files of 4 KiB: create, write, close
 *	stat, smallread, rename, unlink: COUNT of these on them
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB	    (1024L * 1024)
#define BLOCK	    4096L
#define DIRECTORIES 100
#define THREADS	    16

static uint8_t block[1024 * 1024];

static void die(const char *what, const char *path)
{
	fprintf(stderr, "bench_workload: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* xorshift64*: the same offsets on every mount. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL;
}

static int open_file(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0)
		die("open", name);
	return fd;
}

static void small_name(long i, char *text, size_t size)
{
	snprintf(text, size, "d%02ld/f%06ld", i % DIRECTORIES, i);
}

static void run_seqwrite(long count)
{
	int fd = open_file("big", O_CREAT | O_TRUNC | O_WRONLY);
	long i;

	for (i = 0; i < count; i++)
		if (write(fd, block, MIB) != MIB)
			die("write", "big");
	if (fsync(fd) || close(fd))
		die("fsync", "big");
}

static void run_seqread(long count)
{
	int fd = open_file("big", O_RDONLY);
	long i;

	for (i = 0; i < count; i++)
		if (read(fd, block, MIB) != MIB)
			die("read", "big");
	close(fd);
}

static void run_random(long count, int writing)
{
	int fd = open_file("big", writing ? O_RDWR : O_RDONLY);
	uint64_t state = 88172645463325252ULL;
	struct stat st;
	long i;

	if (fstat(fd, &st))
		die("stat", "big");
	for (i = 0; i < count; i++) {
		off_t offset =
			(off_t)(next_random(&state) % (uint64_t)(st.st_size / BLOCK)) * BLOCK;
		ssize_t done = writing ? pwrite(fd, block, BLOCK, offset)
				       : pread(fd, block, BLOCK, offset);

		if (done != BLOCK)
			die(writing ? "pwrite" : "pread", "big");
	}
	if (writing && fsync(fd))
		die("fsync", "big");
	close(fd);
}

static void append_synced(const char *name, long count)
{
	int fd = open_file(name, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND);
	long i;

	for (i = 0; i < count; i++)
		if (write(fd, block, BLOCK) != BLOCK || fsync(fd))
			die("append", name);
	close(fd);
}

struct appender {
	pthread_t thread;
	char name[32];
	long count;
};

static void *run_appender(void *arg)
{
	struct appender *appender = arg;

	append_synced(appender->name, appender->count);
	return NULL;
}

static void run_fsync_threads(long count)
{
	struct appender appenders[THREADS];
	long i;

	for (i = 0; i < THREADS; i++) {
		snprintf(appenders[i].name, sizeof(appenders[i].name), "log%ld", i);
		appenders[i].count = count / THREADS + (i < count % THREADS);
		if (pthread_create(&appenders[i].thread, NULL, run_appender, &appenders[i]))
			die("start a thread for", appenders[i].name);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(appenders[i].thread, NULL);
}

static void make_directories(void)
{
	char name[32];
	long i;

	for (i = 0; i < DIRECTORIES; i++) {
		snprintf(name, sizeof(name), "d%02ld", i);
		if (mkdir(name, 0755) && errno != EEXIST)
			die("mkdir", name);
	}
}

static void run_create(long count)
{
	char name[64];
	long i;
	int fd;

	for (i = 0; i < count; i++) {
		small_name(i, name, sizeof(name));
		fd = open_file(name, O_CREAT | O_EXCL | O_WRONLY);
		if (write(fd, block, BLOCK) != BLOCK || close(fd))
			die("write", name);
	}
}

static void small_stat(const char *name)
{
	struct stat st;

	if (stat(name, &st) || st.st_size != BLOCK)
		die("stat", name);
}

static void small_read(const char *name)
{
	int fd = open_file(name, O_RDONLY);

	if (read(fd, block, BLOCK) != BLOCK)
		die("read", name);
	close(fd);
}

static void small_rename(const char *name)
{
	char renamed[80];

	snprintf(renamed, sizeof(renamed), "%s.r", name);
	if (rename(name, renamed))
		die("rename", name);
}

static void small_unlink(const char *name)
{
	char renamed[80];

	snprintf(renamed, sizeof(renamed), "%s.r", name);
	if (unlink(renamed))
		die("unlink", renamed);
}

static void run_small(long count, void (*act)(const char *name))
{
	char name[64];
	long i;

	for (i = 0; i < count; i++) {
		small_name(i, name, sizeof(name));
		act(name);
	}
}

static const char *run(const char *workload, long count)
{
	if (!strcmp(workload, "seqwrite"))
		return run_seqwrite(count), "MB/s";
	if (!strcmp(workload, "seqread"))
		return run_seqread(count), "MB/s";
	if (!strcmp(workload, "randread"))
		return run_random(count, 0), "op/s";
	if (!strcmp(workload, "randwrite"))
		return run_random(count, 1), "op/s";
	if (!strcmp(workload, "fsync"))
		return append_synced("log", count), "op/s";
	if (!strcmp(workload, "fsync16"))
		return run_fsync_threads(count), "op/s";
	if (!strcmp(workload, "create"))
		return run_create(count), "op/s";
	if (!strcmp(workload, "stat"))
		return run_small(count, small_stat), "op/s";
	if (!strcmp(workload, "smallread"))
		return run_small(count, small_read), "op/s";
	if (!strcmp(workload, "rename"))
		return run_small(count, small_rename), "op/s";
	if (!strcmp(workload, "unlink"))
		return run_small(count, small_unlink), "op/s";
	fprintf(stderr, "bench_workload: unknown workload %s\n", workload);
	exit(2);
}

int main(int argc, char **argv)
{
	uint64_t state = 1;
	const char *unit;
	double start;
	double seconds;
	double amount;
	long count;
	size_t i;

	if (argc != 4) {
		fprintf(stderr, "usage: bench_workload DIR WORKLOAD COUNT\n");
		return 2;
	}
	count = strtol(argv[3], NULL, 10);
	if (chdir(argv[1]))
		die("chdir", argv[1]);
	for (i = 0; i < sizeof(block); i += 8) {
		uint64_t word = next_random(&state);

		memcpy(block + i, &word, 8);
	}
	if (!strcmp(argv[2], "create"))
		make_directories();
	start = now();
	unit = run(argv[2], count);
	seconds = now() - start;
	amount = strcmp(unit, "MB/s") ? (double)count : (double)count * MIB / 1e6;
	printf("%s %s %.1f\n", argv[2], unit, amount / seconds);
	return 0;
}
