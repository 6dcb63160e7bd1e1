/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model test: random operations on the cache, without FUSE, against a tree
 * in memory; the cache is killed, checkpointed and opened again at random
 * moments.
 *
 *	model [--cloud] [--prefixes] [--crashes [--all-points]] [--troubles] [--seed N]
 *	      [--seeds COUNT] [--operations N] [--directory DIR] [--verbose]
 *
 * With --cloud the cache has a store, and now and then the machine is lost: its
 * directory is removed, and what is restored from the bucket has to be what
 * was, or, without a wait before, a state that was (history.h). The committer
 * works beside the operations, so such a run is not the same each time.
 *
 * With --crashes the disk stands still at a crash point (crash.c), also during
 * recovery, and what is left is opened again, or first loses a random part of
 * what was not durable (disk.h); recover.c judges what is found. --all-points
 * fails when no run ended at some point. With --troubles the disk fails.
 *
 * With --prefixes the store loses replies, fails and delays; in the end every
 * state that the bucket went through is restored and judged (prefixes.c).
 *
 * Without --seed the first seed is random. It is printed, and a run with one
 * seed is the same each time. Without --directory the cache is in memory, if
 * the machine has a place for that: nothing here depends on a disk.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/base/id.h"
#include "tests/model/run.h"

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "seeds", required_argument, NULL, 'n' },
	{ "operations", required_argument, NULL, 'o' },
	{ "directory", required_argument, NULL, 'd' },
	{ "cloud", no_argument, NULL, 'c' },
	{ "crashes", no_argument, NULL, 'k' },
	{ "prefixes", no_argument, NULL, 'p' },
	{ "all-points", no_argument, NULL, 'a' },
	{ "troubles", no_argument, NULL, 't' },
	{ "verbose", no_argument, NULL, 'v' },
	{ 0 },
};

static bool all_points;

static bool parse(int argc, char **argv, struct run_conf *conf, uint64_t *seeds)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			conf->seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			*seeds = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			conf->operations = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'd':
			conf->directory = optarg;
			break;
		case 'c':
			conf->cloud = true;
			break;
		case 'k':
			conf->crashes = true;
			break;
		case 'a':
			all_points = true;
			break;
		case 'p':
			conf->prefixes = true;
			conf->cloud = true;
			break;
		case 't':
			conf->troubles = true;
			break;
		case 'v':
			conf->verbose = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	char directory[64];
	struct run_conf conf = {
		.seed = random_u64() >> 32,
		.operations = 2000,
		.directory = directory,
	};
	uint64_t seeds = 1;

	snprintf(directory, sizeof(directory), "%s/dray-model-%d",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (int)getpid());
	if (!parse(argc, argv, &conf, &seeds))
		return 2;
	for (; seeds; seeds--, conf.seed++) {
		printf("seed %llu, %u operations\n", (unsigned long long)conf.seed,
		       conf.operations);
		fflush(stdout);
		run_seed(&conf);
	}
	if (conf.crashes && !run_report_crashes(conf.cloud) && all_points)
		return 1;
	return 0;
}
