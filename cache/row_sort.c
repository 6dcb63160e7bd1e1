/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/row_sort.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

/* Open runs in one merge. */
#define RUNS_MAX 128
/* Written at once. */
#define WRITE_BYTES (1u << 20)

/* A row in memory; its bytes are key, then value. */
struct held_row {
	size_t at; /* in `bytes`; grows with the order of adding */
	uint32_t value_length;
	uint16_t key_length;
	bool removed;
};

/* One file, mapped. */
struct sorted_run {
	char *path;
	void *bytes;
	size_t length;
	struct row_run_reader reader;
	struct row_run_row row; /* the next one of this run */
	bool ended;
};

struct row_sort {
	char *directory;
	size_t memory_bytes;

	struct buffer bytes;
	struct held_row *held;
	size_t held_count;
	size_t held_capacity;

	/* oldest first */
	struct sorted_run *runs;
	size_t runs_count;
	size_t runs_capacity;
	unsigned int next_number;
	uint64_t rows;

	/* a heap of run indices by (key, newest first) while merging */
	size_t *heap;
	size_t heap_count;
	uint8_t last_key[ROW_RUN_KEY_MAX];
	size_t last_key_length;
	bool finished;
};

static int local_error(const char *what, const char *path)
{
	return err_set_errno(errno == ENOSPC ? -ERR_cache_full : -ERR_local_io, errno,
			     "cannot %s %s", what, path);
}

static void remove_files(const char *directory)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;

	if (!stream)
		return;
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(stream), entry->d_name, 0);
	closedir(stream);
}

int row_sort_new(const char *directory, size_t memory_bytes, struct row_sort **out)
{
	struct row_sort *sort;

	if (mkdir(directory, 0700) && errno != EEXIST)
		return local_error("make", directory);
	remove_files(directory);
	sort = xcalloc(1, sizeof(*sort));
	sort->directory = xstrdup(directory);
	sort->memory_bytes = memory_bytes ? memory_bytes : ROW_SORT_MEMORY_DEFAULT;
	*out = sort;
	return 0;
}

static void run_close(struct sorted_run *run)
{
	if (run->length)
		munmap(run->bytes, run->length);
	unlink(run->path);
	free(run->path);
}

void row_sort_free(struct row_sort *sort)
{
	size_t i;

	if (!sort)
		return;
	for (i = 0; i < sort->runs_count; i++)
		run_close(&sort->runs[i]);
	rmdir(sort->directory);
	buffer_release(&sort->bytes);
	free(sort->held);
	free(sort->runs);
	free(sort->heap);
	free(sort->directory);
	free(sort);
}

uint64_t row_sort_count(const struct row_sort *sort)
{
	return sort->rows;
}

static int compare_keys(const void *a, size_t a_length, const void *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	if (order)
		return order;
	return a_length < b_length ? -1 : a_length > b_length;
}

/* Writing a run: begin, put ..., end. */

struct run_file {
	struct row_sort *sort;
	struct row_run_writer writer;
	char *path;
	int fd;
	size_t length;
	int result; /* the first error */
};

static void run_file_begin(struct run_file *file, struct row_sort *sort)
{
	file->sort = sort;
	file->length = 0;
	file->result = 0;
	file->path = xasprintf("%s/%08u.rows", sort->directory, sort->next_number++);
	file->fd = open(file->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file->fd < 0)
		file->result = local_error("make", file->path);
	row_run_writer_init(&file->writer);
}

/* Writes what the writer holds; its last key stays, so the run goes on. */
static void run_file_flush(struct run_file *file)
{
	const struct buffer *bytes = &file->writer.bytes;
	size_t done = 0;

	while (!file->result && done < bytes->length) {
		ssize_t wrote = write(file->fd, bytes->data + done, bytes->length - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			file->result = local_error("write", file->path);
		else
			done += (size_t)wrote;
	}
	file->length += done;
	buffer_clear(&file->writer.bytes);
}

static void run_file_put(struct run_file *file, const struct row_run_row *row)
{
	if (row->removed)
		row_run_writer_remove(&file->writer, row->key, row->key_length);
	else
		row_run_writer_put(&file->writer, row->key, row->key_length, row->value,
				   row->value_length);
	if (file->writer.bytes.length >= WRITE_BYTES)
		run_file_flush(file);
}

/* Adds the run to the sort, whether it is whole or not. */
static int run_file_end(struct run_file *file)
{
	struct row_sort *sort = file->sort;
	struct sorted_run *run;

	run_file_flush(file);
	if (sort->runs_count == sort->runs_capacity) {
		sort->runs_capacity = sort->runs_capacity * 2 + 16;
		sort->runs = xrealloc(sort->runs, sort->runs_capacity * sizeof(*sort->runs));
	}
	run = &sort->runs[sort->runs_count++];
	memset(run, 0, sizeof(*run));
	run->path = file->path;
	if (!file->result && file->length) {
		run->bytes = mmap(NULL, file->length, PROT_READ, MAP_PRIVATE, file->fd, 0);
		if (run->bytes == MAP_FAILED)
			file->result = local_error("map", file->path);
		else
			run->length = file->length;
	}
	if (file->fd >= 0)
		close(file->fd);
	sort->rows += file->writer.rows;
	row_run_writer_release(&file->writer);
	return file->result;
}

/* qsort() takes no argument. */
static _Thread_local const uint8_t *compare_bytes;

static int compare_held(const void *a, const void *b)
{
	const struct held_row *x = a;
	const struct held_row *y = b;
	int order = compare_keys(compare_bytes + x->at, x->key_length, compare_bytes + y->at,
				 y->key_length);

	if (order)
		return order;
	return x->at < y->at ? -1 : 1;
}

static bool same_key(const struct row_sort *sort, const struct held_row *a,
		     const struct held_row *b)
{
	return a->key_length == b->key_length &&
	       !memcmp(sort->bytes.data + a->at, sort->bytes.data + b->at, a->key_length);
}

static int spill(struct row_sort *sort)
{
	struct run_file file;
	size_t i;

	if (!sort->held_count)
		return 0;
	compare_bytes = sort->bytes.data;
	qsort(sort->held, sort->held_count, sizeof(*sort->held), compare_held);
	run_file_begin(&file, sort);
	for (i = 0; i < sort->held_count; i++) {
		const struct held_row *held = &sort->held[i];
		const uint8_t *key = sort->bytes.data + held->at;
		struct row_run_row row = {
			.key = key,
			.key_length = held->key_length,
			.value = key + held->key_length,
			.value_length = held->value_length,
			.removed = held->removed,
		};

		if (i + 1 == sort->held_count || !same_key(sort, held, held + 1))
			run_file_put(&file, &row);
	}
	sort->held_count = 0;
	buffer_clear(&sort->bytes);
	return run_file_end(&file);
}

/* Merging. */

/* Does run a come before run b? */
static bool heap_before(const struct row_sort *sort, size_t a, size_t b)
{
	const struct row_run_row *x = &sort->runs[a].row;
	const struct row_run_row *y = &sort->runs[b].row;
	int order = compare_keys(x->key, x->key_length, y->key, y->key_length);

	return order ? order < 0 : a > b;
}

static void heap_sink(struct row_sort *sort, size_t at)
{
	size_t *heap = sort->heap;

	for (;;) {
		size_t least = at;
		size_t child = 2 * at + 1;
		size_t swap;

		if (child < sort->heap_count && heap_before(sort, heap[child], heap[least]))
			least = child;
		if (child + 1 < sort->heap_count && heap_before(sort, heap[child + 1], heap[least]))
			least = child + 1;
		if (least == at)
			return;
		swap = heap[at];
		heap[at] = heap[least];
		heap[least] = swap;
		at = least;
	}
}

static int run_advance(struct sorted_run *run)
{
	int result = row_run_reader_next(&run->reader, &run->row);

	run->ended = result == 0;
	return result < 0 ? result : 0;
}

static int merge_begin(struct row_sort *sort)
{
	size_t i;
	int result;

	sort->heap = xrealloc(sort->heap, (sort->runs_count + 1) * sizeof(*sort->heap));
	sort->heap_count = 0;
	sort->last_key_length = 0;
	for (i = 0; i < sort->runs_count; i++) {
		struct sorted_run *run = &sort->runs[i];

		row_run_reader_init(&run->reader, run->bytes, run->length, run->path);
		result = run_advance(run);
		if (result)
			return result;
		if (!run->ended)
			sort->heap[sort->heap_count++] = i;
	}
	for (i = sort->heap_count / 2; i-- > 0;)
		heap_sink(sort, i);
	return 0;
}

/* Moves the run at the top of the heap to its next row. */
static int merge_pop(struct row_sort *sort)
{
	int result = run_advance(&sort->runs[sort->heap[0]]);

	if (result)
		return result;
	if (sort->runs[sort->heap[0]].ended)
		sort->heap[0] = sort->heap[--sort->heap_count];
	heap_sink(sort, 0);
	return 0;
}

/* The newest row of the next key, deleted or not. The row stays at the top
 * until the next call, so that its bytes stay. */
static int merge_next(struct row_sort *sort, struct row_run_row *row_out)
{
	while (sort->heap_count) {
		const struct row_run_row *top = &sort->runs[sort->heap[0]].row;
		int result;

		if (!sort->last_key_length || compare_keys(top->key, top->key_length,
							   sort->last_key, sort->last_key_length)) {
			*row_out = *top;
			memcpy(sort->last_key, top->key, top->key_length);
			sort->last_key_length = top->key_length;
			return 1;
		}
		result = merge_pop(sort);
		if (result)
			return result;
	}
	return 0;
}

/* Replaces all runs by one, which keeps what is deleted. */
static int merge_all(struct row_sort *sort)
{
	size_t old = sort->runs_count;
	struct run_file file;
	struct row_run_row row;
	size_t i;
	int written;
	int result = merge_begin(sort);

	sort->rows = 0;
	run_file_begin(&file, sort);
	while (!result && (result = merge_next(sort, &row)) > 0) {
		run_file_put(&file, &row);
		result = 0;
	}
	written = run_file_end(&file);
	if (result || written)
		return result ? result : written;
	for (i = 0; i < old; i++)
		run_close(&sort->runs[i]);
	sort->runs[0] = sort->runs[old];
	sort->runs_count = 1;
	return 0;
}

int row_sort_add(struct row_sort *sort, const struct row_run_row *row)
{
	struct held_row *held;

	assert(!sort->finished);
	if (sort->bytes.length + sort->held_count * sizeof(*held) >= sort->memory_bytes) {
		int result = spill(sort);

		if (!result && sort->runs_count >= RUNS_MAX)
			result = merge_all(sort);
		if (result)
			return result;
	}
	if (sort->held_count == sort->held_capacity) {
		sort->held_capacity = sort->held_capacity * 2 + 1024;
		sort->held = xrealloc(sort->held, sort->held_capacity * sizeof(*held));
	}
	held = &sort->held[sort->held_count++];
	held->at = sort->bytes.length;
	held->key_length = (uint16_t)row->key_length;
	held->value_length = row->removed ? 0 : (uint32_t)row->value_length;
	held->removed = row->removed;
	buffer_append(&sort->bytes, row->key, row->key_length);
	buffer_append(&sort->bytes, row->value, held->value_length);
	return 0;
}

int row_sort_finish(struct row_sort *sort)
{
	int result = spill(sort);

	assert(!sort->finished);
	sort->finished = true;
	buffer_release(&sort->bytes);
	free(sort->held);
	sort->held = NULL;
	sort->held_capacity = 0;
	return result ? result : merge_begin(sort);
}

int row_sort_next_change(struct row_sort *sort, struct row_run_row *row_out)
{
	assert(sort->finished);
	return merge_next(sort, row_out);
}

int row_sort_next(struct row_sort *sort, struct row_run_row *row_out)
{
	int result;

	do
		result = row_sort_next_change(sort, row_out);
	while (result > 0 && row_out->removed);
	return result;
}
