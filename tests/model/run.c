/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "cache/attr.h"
#include "tests/lib/noise.h"

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
	fprintf(stderr, "\nrepeat: model%s --seed %llu --operations %u\n",
		run->cloud ? " --cloud" : "", (unsigned long long)run->seed, run->operations);
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

/* Whoever held files is gone with the gateway; unnamed ones are reaped at open. */
static void close_all(struct run *run)
{
	struct tree_file *file;

	for (file = run->tree.files; file; file = file->next)
		file->open = false;
	run_collect(run);
}

static void reopen(struct run *run, bool killed)
{
	run_trace(run, killed ? "kill -9" : "close");
	if (killed)
		run_kill(run, false);
	else
		run_close(run);
	run_open(run);
	close_all(run);
	run_compare(run);
	run_check_rows(run);
}

/* All that was done is in the bucket, and comes back from there. */
static void wait_and_lose(struct run *run)
{
	run_trace(run, "wait, and lose the machine");
	check(run, cache_wait(run->cache, INT64_MAX, NULL, NULL), "wait");
	run_kill(run, true);
	run_open(run);
	close_all(run);
	run_compare(run);
	run_check_rows(run);
	history_begin(run->history, run->operation, &run->tree);
}

/* What comes back is a state there was; the model goes on from it. */
static void lose(struct run *run)
{
	struct tree restored;
	char why[256];

	run_trace(run, "lose the machine");
	run_kill(run, true);
	run_open(run);
	run_load(run, &restored);
	if (!history_explains(run->history, &restored, why))
		run_fail(run, "restored: %s", why);
	tree_release(&run->tree);
	run->tree = restored;
	run_compare(run);
	run_check_rows(run);
	history_begin(run->history, run->operation, &run->tree);
}

static void adopt_root(struct run *run)
{
	struct attributes attributes;

	check(run, attr_get(run->cache, ROOT_INO, &attributes), "the root");
	run->tree.root->ino = ROOT_INO;
	run->tree.root->atime = attributes.atime;
	run->tree.root->mtime = attributes.mtime;
	run->tree.root->ctime = attributes.ctime;
	run->tree.root->uid = attributes.uid;
	run->tree.root->gid = attributes.gid;
	run->tree.root->generation = attributes.generation;
}

static void step(struct run *run)
{
	run->before_ns = clock_real_ns();
	run_operation(run);
	run_check_touched(run);
	run_collect(run);
	if (run->cloud)
		history_add(run->history, run->operation, &run->tree);
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
	case 5:
		if (run->cloud)
			wait_and_lose(run);
		break;
	case 6:
		if (run->cloud)
			lose(run);
		break;
	}
}

void run_seed(const struct run_conf *conf)
{
	struct run run = {
		.seed = conf->seed,
		.operations = conf->operations,
		.random = conf->seed * 2654435761u + 1,
		.directory = conf->directory,
		.cloud = conf->cloud,
	};

	run_place_init(&run);
	tree_init(&run.tree);
	run_open(&run);
	adopt_root(&run);
	if (run.cloud) {
		/* Without a commit, a lost volume begins anew. */
		check(&run, cache_wait(run.cache, INT64_MAX, NULL, NULL), "wait");
		history_begin(run.history, 0, &run.tree);
	}
	for (run.operation = 1; run.operation <= run.operations; run.operation++) {
		step(&run);
		if (conf->verbose)
			printf("%u %s\n", run.operation,
			       run.trace[(run.traced - 1) % RUN_TRACE_LINES]);
	}
	if (run.cloud)
		wait_and_lose(&run);
	reopen(&run, true);
	run_close(&run);
	tree_release(&run.tree);
	run_place_release(&run);
}
