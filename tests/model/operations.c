/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/operations.h"

#include <string.h>

#include "backend/base/error.h"
#include "cache/ns.h"

void run_expect(struct run *run, int got, int want)
{
	if (got != want && run_may_fail(run)) {
		run->unsure = true;
		return;
	}
	if (got != want)
		run_fail(run, "the cache returned %d (%s), the model %d (%s)", got,
			 got < 0 ? err_message(got) : "ok", want,
			 want < 0 ? strerror(-want) : "ok");
}

static const struct {
	void (*fn)(struct run *run);
	unsigned int weight;
	bool cloud; /* only with a store; these are the last */
} operations[] = {
	{ op_create, 20, false },  { op_create_unnamed, 2, false }, { op_link, 6, false },
	{ op_unlink, 10, false },  { op_rmdir, 5, false },	    { op_rename, 16, false },
	{ op_lookup, 4, false },   { op_open, 6, false },	    { op_setattr, 8, false },
	{ op_write, 24, false },   { op_truncate, 6, false },	    { op_fallocate, 8, false },
	{ op_copy, 6, false },	   { op_read, 8, false },	    { op_sync, 4, false },
	{ op_sync_all, 2, false }, { op_xattr_set, 6, false },	    { op_xattr_remove, 3, false },
	{ op_readlink, 2, false }, { op_clean, 2, false },	    { op_evict, 4, true },
	{ op_warm, 1, true },	   { op_rewrite, 2, true },
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

void run_operation(struct run *run)
{
	uint64_t total = 0;
	uint64_t chosen;
	size_t i;

	for (i = 0; i < OPERATIONS && (run->cloud || !operations[i].cloud); i++)
		total += operations[i].weight;
	chosen = run_random(run, total);
	for (i = 0; chosen >= operations[i].weight; i++)
		chosen -= operations[i].weight;
	operations[i].fn(run);
}

static void forget(uint64_t ino, void *arg)
{
	ns_forget(arg, ino);
}

void run_collect(struct run *run)
{
	tree_collect(&run->tree, forget, run->cache);
}
