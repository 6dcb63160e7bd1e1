/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few threads for requests that must wait: for a download, or for the
 * kernel's own dirty pages. The threads that read from the kernel hand such a
 * request over and go on, so that a hundred reads that wait for the network
 * delay no other operation.
 *
 * Jobs are begun in the order of their submission. Locks: SESSION; none is
 * held while a job runs.
 */
#ifndef DRAY_FS_WORKER_POOL_H
#define DRAY_FS_WORKER_POOL_H

#include <stdbool.h>

struct worker_pool;

/* The first member of the submitter's struct, which run() frees. cancelled:
 * the pool stops; answer without doing the work. */
struct worker_job {
	struct worker_job *next;
	void (*run)(struct worker_job *job, bool cancelled);
};

struct worker_pool *worker_pool_start(unsigned int threads);
void worker_pool_submit(struct worker_pool *pool, struct worker_job *job);
/* Waits for the jobs under way, cancels the others, ends the threads. */
void worker_pool_stop(struct worker_pool *pool);

#endif
