/* SPDX-License-Identifier: Apache-2.0 */
/* A journal in a scratch directory, for tests. */
#ifndef DRAY_TESTS_JOURNAL_BOX_H
#define DRAY_TESTS_JOURNAL_BOX_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/error.h"
#include "cache/journal.h"
#include "cache/journal_format.h"
#include "tests/lib/noise.h"
#include "tests/lib/scratch.h"

#define BODY_BYTES_MAX 3000

struct journal_box {
	char *directory;
	uint64_t file_bytes;
	struct id boot_id;
	const struct journal_io *io;
	struct journal *journal; /* NULL: closed */
	uint64_t lsn;
};

static inline void box_init(struct journal_box *box, uint64_t file_bytes)
{
	memset(box, 0, sizeof(*box));
	box->directory = scratch_make();
	box->file_bytes = file_bytes;
	box->boot_id.bytes[0] = 1;
}

static inline void box_close(struct journal_box *box)
{
	if (box->journal)
		journal_close(box->journal);
	box->journal = NULL;
}

static inline void box_release(struct journal_box *box)
{
	box_close(box);
	scratch_remove(box->directory);
}

/* The machine is another one from here on: nothing unflushed is sure. */
static inline void box_power_cut(struct journal_box *box)
{
	box_close(box);
	box->boot_id.bytes[0]++;
}

/* Recovers; the result of the scan. */
static inline int box_open(struct journal_box *box, uint64_t applied_lsn)
{
	struct journal_conf conf = {
		.directory = box->directory,
		.file_bytes = box->file_bytes,
		.boot_id = box->boot_id,
		.io = box->io,
	};
	struct journal_scan scan;
	int result = journal_scan_open(box->directory, applied_lsn, &box->boot_id, &scan);

	if (result)
		return result;
	box->lsn = scan.last_lsn;
	ck_assert_int_eq(journal_start(&conf, &scan, &box->journal), 0);
	journal_scan_release(&scan);
	return 0;
}

/* What a record with this LSN and salt holds. */
static inline size_t box_body(uint64_t lsn, uint64_t salt, uint8_t *body)
{
	uint64_t state = lsn * 2 + 1;
	size_t length = noise_next(&state) % BODY_BYTES_MAX;

	noise_fill(lsn * 1000 + salt, body, length);
	return length;
}

static inline int box_append(struct journal_box *box, uint64_t salt)
{
	uint8_t body[BODY_BYTES_MAX];
	struct journal_record record = {
		.kind = BATCH_ROWS,
		.lsn = box->lsn + 1,
		.time_ns = (int64_t)salt,
		.body = body,
	};
	int result;

	record.body_length = box_body(record.lsn, salt, body);
	result = journal_append(box->journal, &record);
	if (!result)
		box->lsn++;
	return result;
}

static inline void box_append_many(struct journal_box *box, size_t count)
{
	while (count--) {
		ck_assert_int_eq(box_append(box, 0), 0);
		ck_assert_int_eq(journal_write(box->journal, box->lsn), 0);
	}
}

/* Scans, and checks that the records are whole; the last one's LSN. */
static inline uint64_t box_check(const struct journal_box *box, uint64_t applied_lsn)
{
	uint8_t body[BODY_BYTES_MAX];
	struct journal_record record;
	struct journal_scan scan;
	uint64_t lsn = applied_lsn;
	int result = journal_scan_open(box->directory, applied_lsn, &box->boot_id, &scan);

	if (result)
		ck_abort_msg("%s", err_message(result));
	while ((result = journal_scan_next(&scan, &record)) == 1) {
		ck_assert_uint_eq(record.lsn, ++lsn);
		ck_assert_uint_eq(record.body_length,
				  box_body(lsn, (uint64_t)record.time_ns, body));
		ck_assert(!memcmp(record.body, body, record.body_length));
	}
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(lsn, scan.last_lsn);
	journal_scan_release(&scan);
	return lsn;
}

static inline int box_scan(const struct journal_box *box, uint64_t applied_lsn)
{
	struct journal_scan scan;
	int result = journal_scan_open(box->directory, applied_lsn, &box->boot_id, &scan);

	if (!result)
		journal_scan_release(&scan);
	return result;
}

/* The path of the file with this sequence by name; the caller frees it. */
static inline char *box_path(const struct journal_box *box, uint64_t sequence)
{
	return journal_file_path(box->directory, sequence);
}

static inline size_t box_count_files(const struct journal_box *box)
{
	DIR *dir = opendir(box->directory);
	struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* The first `length` bytes of a file (zeros behind its end). */
static inline uint8_t *box_load(const char *path, size_t length)
{
	uint8_t *bytes = xcalloc(length, 1);
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(pread(fd, bytes, length, 0), 0);
	close(fd);
	return bytes;
}

static inline void box_store(const char *path, const void *bytes, size_t length, off_t offset)
{
	int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, length, offset), (ssize_t)length);
	close(fd);
}

/* Where the record with this LSN lies in the file of this sequence. */
static inline size_t box_find(const struct journal_box *box, uint64_t sequence, uint64_t lsn,
			      size_t *bytes_out)
{
	size_t limit = (size_t)box->file_bytes;
	char *path = box_path(box, sequence);
	uint8_t *bytes = box_load(path, limit);
	size_t offset = JOURNAL_PAGE_BYTES;

	while (load_le64(bytes + offset + 16) != lsn) {
		ck_assert_uint_ne(load_le32(bytes + offset), 0);
		offset += journal_record_bytes(load_le32(bytes + offset) - JOURNAL_RECORD_HEAD);
	}
	*bytes_out = load_le32(bytes + offset);
	free(bytes);
	free(path);
	return offset;
}

#endif
