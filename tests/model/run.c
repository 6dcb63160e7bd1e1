/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
	fprintf(stderr, "\nrepeat: model%s%s%s%s --seed %llu --operations %u\n",
		run->cloud ? " --cloud" : "", run->crashes ? " --crashes" : "",
		run->troubles ? " --troubles" : "", run->prefixes ? " --prefixes" : "",
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

/* The end was not planned: what is left may be several things. */
static bool is_rough(const struct run *run)
{
	return run->crashes || run->troubles;
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
	if (!killed) {
		run_trace(run, "close");
		run_close(run);
	}
	if (is_rough(run)) {
		run_recover(run, run_end_kind(run));
		return;
	}
	if (killed) {
		run_trace(run, "kill -9");
		run_kill(run, false);
	}
	run_open(run);
	close_all(run);
	run_compare(run);
	run_check_rows(run);
}

/* All that was done is in the bucket, and comes back from there. */
static void wait_and_lose(struct run *run)
{
	run_trace(run, "wait, and lose the machine");
	if (run_wait(run))
		run_disarm();
	if (is_rough(run) && run_may_fail(run)) {
		run_recover(run, END_LOST);
		return;
	}
	run_kill(run, false);
	run_lose_directory(run);
	run_open(run);
	close_all(run);
	run_compare(run);
	run_check_rows(run);
	history_begin(run->history, run->operation, &run->tree);
	run->durable_operation = run->operation;
}

/* All that was done is in the bucket. */
static void note_wait(struct run *run)
{
	run_trace(run, "wait");
	check(run, cache_wait(run->cache, INT64_MAX, NULL, NULL), "wait");
	if (run->waits_count < RUN_WAITS_MAX)
		run->waits[run->waits_count++] =
			(struct run_wait){ bucket_changes(run->bucket), run->operation };
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

/* A crash, or a disk that begins to fail. */
static void plan_trouble(struct run *run)
{
	if (run->crashes && !run_random(run, 6) && !run_is_armed())
		run_arm(run, CRASH_IN_OPERATIONS);
	if (run->troubles && run->trouble == TROUBLE_NONE && !run_random(run, 20)) {
		run->trouble = (enum disk_trouble)(1 + run_random(run, TROUBLES - 1));
		run_trace(run, "the disk has trouble %d", run->trouble);
		model_disk_trouble(run->trouble, run_random(run, UINT64_MAX >> 12));
	}
}

static void checkpoint(struct run *run)
{
	int result;

	run_trace(run, "checkpoint");
	result = index_checkpoint(run->cache->index);
	if (result && run_may_fail(run))
		run->unsure = true;
	else
		check(run, result, "checkpoint");
	if (!result && is_rough(run) && !atomic_load(&run->crashed))
		run->durable_operation = run->operation;
}

/* What the operation did is in the model, the cache and the history. */
static void note(struct run *run)
{
	run_check_touched(run);
	run_collect(run);
	if (run->history)
		history_add(run->history, run->operation, &run->tree);
}

static bool must_recover(struct run *run)
{
	return run->unsure || atomic_load(&run->crashed) ||
	       (run->trouble != TROUBLE_NONE && !run_random(run, 60));
}

/* Operations alone are so fast that a commit would hold hundreds. */
static void let_committer_work(void)
{
	const struct timespec pause = clock_to_timespec(5 * NS_PER_MS);

	nanosleep(&pause, NULL);
}

static void step(struct run *run)
{
	run->before_ns = clock_real_ns();
	run->mixed_ino = 0;
	plan_trouble(run);
	if (run->prefixes && !run_random(run, 3))
		let_committer_work();
	run_operation(run);
	if (!run->unsure)
		note(run);
	if (!run->unsure && run_armed_at_checkpoint())
		checkpoint(run);
	if (must_recover(run)) {
		run_recover(run, run_end_kind(run));
		return;
	}
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
		checkpoint(run);
		break;
	case 4:
		if (is_rough(run)) {
			run_recover(run, run_end_kind(run));
			break;
		}
		run_compare(run);
		run_check_rows(run);
		break;
	case 5:
		if (run->prefixes)
			note_wait(run);
		else if (run->cloud)
			wait_and_lose(run);
		break;
	case 6:
		if (run->cloud && !run->prefixes)
			run_recover(run, END_LOST);
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
		.crashes = conf->crashes,
		.troubles = conf->troubles,
		.prefixes = conf->prefixes,
	};

	run_place_init(&run);
	tree_init(&run.tree);
	run_open(&run);
	adopt_root(&run);
	if (run.cloud) {
		/* Without a commit, a lost volume begins anew. */
		check(&run, cache_wait(run.cache, INT64_MAX, NULL, NULL), "wait");
	}
	if (run.history) {
		check(&run, index_flush_all(run.cache->index), "flush");
		history_begin(run.history, 0, &run.tree);
		if (run.prefixes)
			note_wait(&run);
	}
	for (run.operation = 1; run.operation <= run.operations; run.operation++) {
		step(&run);
		if (conf->verbose)
			printf("%u %s\n", run.operation,
			       run.trace[(run.traced - 1) % RUN_TRACE_LINES]);
	}
	run.operation = run.operations;
	if (run.prefixes)
		note_wait(&run);
	else if (run.cloud)
		wait_and_lose(&run);
	reopen(&run, true);
	run_close(&run);
	if (run.prefixes)
		run_check_prefixes(&run);
	tree_release(&run.tree);
	run_place_release(&run);
}
