/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model test: random operations on the cache, without FUSE and without a
 * store, against a tree in memory; the cache is killed, checkpointed and
 * opened again at random moments.
 *
 *	model [--seed N] [--seeds COUNT] [--operations N] [--directory DIR] [--verbose]
 *
 * Without --seed the first seed is random. It is printed, and a run with one
 * seed is the same each time.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/base/id.h"
#include "tests/model/run.h"

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "operations", required_argument, NULL, 'o' },
		{ "directory", required_argument, NULL, 'd' },
		{ "verbose", no_argument, NULL, 'v' },
		{ 0 },
	};
	char directory[64] = "";
	const char *given = NULL;
	uint64_t seed = random_u64() >> 32;
	uint64_t seeds = 1;
	unsigned int operations = 2000;
	bool verbose = false;
	uint64_t i;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			seeds = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			operations = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'd':
			given = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	}
	snprintf(directory, sizeof(directory), "/tmp/dray-model-%d", (int)getpid());
	for (i = 0; i < seeds; i++) {
		printf("seed %llu, %u operations\n", (unsigned long long)(seed + i), operations);
		fflush(stdout);
		run_seed(seed + i, operations, given ? given : directory, verbose);
	}
	return 0;
}
