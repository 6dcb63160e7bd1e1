/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every state that the bucket went through, restored on a new machine: each
 * has to be a state that the volume had, not older than what had been waited
 * for by then (history.h says what a state is). Reading all files proves that
 * what the newest commit names is there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/error.h"
#include "backend/store_mem.h"
#include "tests/model/run.h"

struct prefixes {
	struct run *run;
	struct run fresh; /* the new machine */
	char name[40];	  /* of the bucket as it was */
	unsigned int from;
};

static void check_one(struct prefixes *prefixes, size_t change)
{
	struct run *run = prefixes->run;
	struct run *fresh = &prefixes->fresh;
	struct tree found;
	char why[256];

	if (run_try_open(fresh))
		run_fail(run, "the bucket after change %zu (%s) cannot be restored: %s", change,
			 bucket_key(run->bucket, change), err_message(fresh->open_code));
	run_load(fresh, &found);
	if (!history_explains(run->history, &found, prefixes->from, why))
		run_fail(run, "the bucket after change %zu (%s): %s", change,
			 bucket_key(run->bucket, change), why);
	tree_release(&found);
	run_kill(fresh, true);
}

/* The bucket as of this change; a restore adds to it, so it is made anew. */
static void rebuild(struct prefixes *prefixes, size_t change)
{
	struct store *store;
	size_t i;

	store_mem_forget(prefixes->name);
	store = store_mem_open(prefixes->name);
	for (i = 0; i <= change; i++)
		bucket_repeat(prefixes->run->bucket, i, store);
	store_free(store);
}

void run_check_prefixes(struct run *run)
{
	struct prefixes *prefixes = xcalloc(1, sizeof(*prefixes));
	char directory[512];
	size_t wait = 0;
	size_t count = bucket_changes(run->bucket);
	size_t change;

	snprintf(prefixes->name, sizeof(prefixes->name), "prefix-%llu",
		 (unsigned long long)run->seed);
	snprintf(directory, sizeof(directory), "%s.restored", run->directory);
	prefixes->run = run;
	prefixes->fresh = (struct run){ .seed = run->seed,
					.operations = run->operations,
					.directory = directory,
					.cloud = true,
					.prefixes = true,
					.boot_id = run->boot_id,
					.volume = run->volume };
	snprintf(prefixes->fresh.url, sizeof(prefixes->fresh.url), "mem://%s", prefixes->name);
	run_lose_directory(&prefixes->fresh);
	for (change = run->waits[0].changes; change < count; change++) {
		while (wait < run->waits_count && run->waits[wait].changes <= change + 1)
			prefixes->from = run->waits[wait++].operation;
		rebuild(prefixes, change);
		check_one(prefixes, change);
	}
	store_mem_forget(prefixes->name);
	printf("%zu states of the bucket restored\n", count - run->waits[0].changes);
	free(prefixes);
}
