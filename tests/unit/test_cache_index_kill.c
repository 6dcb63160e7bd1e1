/* SPDX-License-Identifier: Apache-2.0 */
/* A process that is killed at any moment loses nothing that it was told. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/lib/index_box.h"
#include "tests/lib/noise.h"
#include "tests/lib/unit.h"

#define KILLS	12
#define THREADS 3

/* What a child reports once index_commit() returned. */
struct report {
	uint64_t ino;
	uint64_t lsn;
};

struct child {
	struct index_box *box;
	int pipe;
};

static void *create_and_report(void *arg)
{
	struct child *child = arg;
	struct report report;
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	for (;;) {
		struct inode_row row = { .mode = S_IFREG | 0644, .nlink = 1 };

		report.ino = index_new_ino(child->box->index);
		row.generation = (uint32_t)report.ino;
		batch_reset(&batch, BATCH_ROWS, 0);
		batch_put_inode(&batch, report.ino, &row);
		if (index_commit(child->box->index, &batch, &report.lsn))
			_exit(1);
		if (write(child->pipe, &report, sizeof(report)) != sizeof(report))
			_exit(2);
	}
}

static _Noreturn void run_child(struct index_box *box, int pipe_end)
{
	struct child child = { .box = box, .pipe = pipe_end };
	pthread_t threads[THREADS];
	unsigned int i;

	if (index_box_try_open(box))
		_exit(3);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, create_and_report, &child);
	for (;;)
		pause();
}

struct reports {
	struct report *list;
	size_t count;
	size_t capacity;
};

/* Takes up to `limit` reports, or all that are left (limit 0). */
static void collect(int pipe_end, struct reports *reports, size_t limit)
{
	struct report report;
	size_t i;

	for (i = 0; !limit || i < limit; i++) {
		if (read(pipe_end, &report, sizeof(report)) != sizeof(report))
			return;
		if (reports->count == reports->capacity) {
			reports->capacity = reports->capacity * 2 + 1024;
			reports->list =
				xrealloc(reports->list, reports->capacity * sizeof(*reports->list));
		}
		reports->list[reports->count++] = report;
	}
}

static void run_and_kill(struct index_box *box, struct reports *reports, size_t kill_after)
{
	int ends[2];
	int status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		close(ends[0]);
		run_child(box, ends[1]);
	}
	close(ends[1]);
	collect(ends[0], reports, kill_after);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "the child ended with status %d", WEXITSTATUS(status));
	collect(ends[0], reports, 0);
	close(ends[0]);
}

static void check_reports(struct index_box *box, const struct reports *reports)
{
	size_t i;

	for (i = 0; i < reports->count; i++) {
		struct buffer value = BUFFER_INIT;
		struct inode_row row;
		struct row_key key;

		ck_assert_uint_le(reports->list[i].lsn, index_lsn(box->index));
		key_inode(&key, reports->list[i].ino);
		ck_assert_int_eq(index_get(box->index, &key, &value), 0);
		ck_assert_int_eq(row_get_inode(value.data, value.length, &row), 0);
		ck_assert_uint_eq(row.generation, reports->list[i].ino);
		buffer_release(&value);
	}
}

START_TEST(whatever_was_reported_is_there_after_a_kill)
{
	struct reports reports = { 0 };
	uint64_t random = 5;
	struct index_box box;
	unsigned int i;

	index_box_init(&box);
	box.conf.memtable_bytes = 256 * 1024;
	for (i = 0; i < KILLS; i++) {
		run_and_kill(&box, &reports, 1 + noise_next(&random) % 3000);
		index_box_open(&box);
		check_reports(&box, &reports);
		if (i % 2)
			index_box_kill(&box);
		else
			index_box_close(&box);
	}
	/* Were an inode number given twice, one of the two would be gone. */
	index_box_open(&box);
	check_reports(&box, &reports);
	free(reports.list);
	index_box_release(&box);
}
END_TEST

UNIT_MAIN("cache/index_kill", whatever_was_reported_is_there_after_a_kill)
