/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by store_file.c (objects) and store_file_list.c (the listing). */
#ifndef DRAY_STORE_FILE_INT_H
#define DRAY_STORE_FILE_INT_H

#include "backend/base/lock.h"
#include "backend/store.h"

struct file_store {
	struct store base;
	/* immutable after open */
	char *root;
	int root_fd;

	struct lock lock;
	/* guarded by lock */
	void *durable; /* tree (tsearch) of directories whose own entries are flushed */
};

/*
 * Records "cannot <failed> <root>/<name>: <errnum>" and returns the code of
 * its class: what a free disk or a healed mount may cure is transient.
 */
int file_error(const struct file_store *file, int errnum, const char *failed, const char *name);

/*
 * 0, or -ERR_store_no_bucket when the root directory was removed: then the
 * store is gone, which must not look as if its objects were absent.
 */
int file_check_root(const struct file_store *file);

/* The list slot of the vtable. */
int file_list(struct store *store, const char *prefix, const char *after, store_list_fn *fn,
	      void *arg);

#endif
