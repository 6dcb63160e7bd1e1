/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/run.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/attr.h"
#include "cache/cache_local.h"
#include "cache/ns.h"
#include "tests/lib/noise.h"

#define MODEL_EPOCH 7

void run_trace(struct run *run, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(run->trace[run->traced++ % RUN_TRACE_LINES], RUN_TRACE_WIDTH, format, arguments);
	va_end(arguments);
}

void run_fail(struct run *run, const char *format, ...)
{
	unsigned int i = run->traced > RUN_TRACE_LINES ? run->traced - RUN_TRACE_LINES : 0;
	va_list arguments;

	for (; i < run->traced; i++)
		fprintf(stderr, "    %s\n", run->trace[i % RUN_TRACE_LINES]);
	fprintf(stderr, "seed %llu, operation %u: ", (unsigned long long)run->seed, run->operation);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nrepeat: model --seed %llu --operations %u\n",
		(unsigned long long)run->seed, run->operations);
	exit(EXIT_FAILURE);
}

uint64_t run_random(struct run *run, uint64_t limit)
{
	return (noise_next(&run->random) >> 11) % limit;
}

static void check(struct run *run, int result, const char *what)
{
	if (result)
		run_fail(run, "%s: %s", what, err_message(result));
}

static int remove_path(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void make_directory(const char *path)
{
	char part[4096];

	nftw(path, remove_path, 16, FTW_DEPTH | FTW_PHYS);
	mkdir(path, 0700);
	snprintf(part, sizeof(part), "%s/segments", path);
	mkdir(part, 0700);
	snprintf(part, sizeof(part), "%s/index", path);
	mkdir(part, 0700);
	snprintf(part, sizeof(part), "%s/journal", path);
	mkdir(part, 0700);
}

static void open_cache(struct run *run)
{
	struct cache *cache = xcalloc(1, sizeof(*cache));

	cache->directory = xstrdup(run->directory);
	cache->conf.cache_bytes = 1u << 30;
	lock_init(&cache->lifecycle, LOCK_RANK_LIFECYCLE);
	atomic_store(&cache->epoch, MODEL_EPOCH);
	check(run, cache_local_open(cache, false), "open");
	atomic_store(&cache->state, CACHE_STATE_SERVING);
	run->cache = cache;
	check(run, ns_make_root(cache, 0, 0), "make the root");
	check(run, ns_reap_orphans(cache), "reap");
}

static void end_cache(struct run *run, void (*end)(struct cache *cache))
{
	end(run->cache);
	lock_destroy(&run->cache->lifecycle);
	free(run->cache->directory);
	free(run->cache);
	run->cache = NULL;
}

/* Whoever held files is gone with the gateway; unnamed ones are reaped at open. */
static void reopen(struct run *run, bool killed)
{
	struct tree_file *file;

	run_trace(run, killed ? "kill -9" : "close");
	end_cache(run, killed ? cache_local_abandon : cache_local_close);
	open_cache(run);
	for (file = run->tree.files; file; file = file->next)
		file->open = false;
	run_collect(run);
	run_compare(run);
	run_check_rows(run);
}

static void adopt_root(struct run *run)
{
	struct attributes attributes;

	check(run, attr_get(run->cache, ROOT_INO, &attributes), "the root");
	run->tree.root->ino = ROOT_INO;
	run->tree.root->atime = attributes.atime;
	run->tree.root->mtime = attributes.mtime;
	run->tree.root->ctime = attributes.ctime;
}

static void step(struct run *run)
{
	run->before_ns = clock_real_ns();
	run_operation(run);
	run_check_touched(run);
	run_collect(run);
	switch (run_random(run, 200)) {
	case 0:
		reopen(run, true);
		break;
	case 1:
		if (!run_random(run, 4))
			reopen(run, false);
		break;
	case 2:
	case 3:
		run_trace(run, "checkpoint");
		check(run, index_checkpoint(run->cache->index), "checkpoint");
		break;
	case 4:
		run_compare(run);
		run_check_rows(run);
		break;
	}
}

void run_seed(uint64_t seed, unsigned int operations, const char *directory, bool verbose)
{
	struct run run = {
		.seed = seed,
		.operations = operations,
		.random = seed * 2654435761u + 1,
		.directory = directory,
	};

	make_directory(directory);
	tree_init(&run.tree);
	open_cache(&run);
	adopt_root(&run);
	for (run.operation = 1; run.operation <= operations; run.operation++) {
		step(&run);
		if (verbose)
			printf("%u %s\n", run.operation,
			       run.trace[(run.traced - 1) % RUN_TRACE_LINES]);
	}
	reopen(&run, true);
	end_cache(&run, cache_local_close);
	tree_release(&run.tree);
	nftw(directory, remove_path, 16, FTW_DEPTH | FTW_PHYS);
}
