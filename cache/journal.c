/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/journal.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/crash.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "backend/base/lock.h"
#include "backend/base/log.h"
#include "cache/journal_format.h"

#define FILE_BYTES_DEFAULT (64u << 20)
#define FREE_FILES_MAX	   4
/* A write buffer that grew beyond this is not kept. */
#define SPARE_BYTES_MAX (4u << 20)

/* A file that holds, or will hold, records that count. */
struct journal_log {
	struct journal_log *newer;
	/* immutable */
	struct journal_header header;
	uint32_t seed;
	/* guarded by the journal's lock */
	uint64_t last_lsn;
	uint64_t written_lsn;
	uint64_t synced_lsn;
	bool header_durable;
	uint64_t bytes; /* on disk */
	uint32_t last_crc;
	uint64_t pending_offset; /* where in the file `pending` belongs */
	struct buffer pending;	 /* records that nobody writes yet */
	/* owned by the writer role; fd also by the flusher role */
	struct journal_file file;
};

struct free_file {
	char *path;
	uint64_t bytes;
};

struct journal {
	/* immutable */
	char *directory;
	uint64_t file_bytes;
	struct id boot_id;
	const struct journal_io *io;
	/* guarded by lock */
	struct lock lock;
	struct condition written; /* written_lsn, writing or failure changed */
	struct condition flushed; /* durable_lsn, flushing or failure changed */
	bool writing;
	bool flushing;
	unsigned int write_waiters;
	struct journal_log *oldest;
	struct journal_log *current; /* NULL: none begun since the start */
	uint64_t next_sequence;
	uint64_t appended_lsn;
	uint64_t written_lsn;
	uint64_t durable_lsn;
	uint64_t flushes_total;
	struct buffer spare;
	struct free_file free_files[FREE_FILES_MAX];
	size_t free_files_count;
	int failure;
	char failure_text[600];
};

static int fail_locked(struct journal *journal, int code)
{
	lock_assert_held(&journal->lock);
	if (!journal->failure) {
		snprintf(journal->failure_text, sizeof(journal->failure_text), "%s",
			 err_message(code));
		journal->failure = code;
		log_error("journal: %s", journal->failure_text);
	}
	condition_broadcast(&journal->written);
	condition_broadcast(&journal->flushed);
	return err_set(journal->failure, "%s", journal->failure_text);
}

static int check_failure_locked(struct journal *journal)
{
	if (!journal->failure)
		return 0;
	return err_set(journal->failure, "%s", journal->failure_text);
}

/* Starting. */

static struct journal_log *log_new(struct journal *journal)
{
	struct journal_log *log = xcalloc(1, sizeof(*log));

	journal_file_init(&log->file, journal->io);
	return log;
}

static void log_free(struct journal_log *log)
{
	journal_file_release(&log->file);
	buffer_release(&log->pending);
	free(log);
}

static void link_newest(struct journal *journal, struct journal_log *log)
{
	struct journal_log **place = &journal->oldest;

	while (*place)
		place = &(*place)->newer;
	*place = log;
}

/*
 * What a killed process wrote may still be in the page cache only. It has to
 * be durable before the records that follow can be.
 */
static int adopt_live(struct journal *journal, const struct journal_scan_file *found)
{
	struct journal_log *log = log_new(journal);
	int result;

	link_newest(journal, log);
	log->header = found->header;
	log->last_lsn = found->last_lsn;
	log->written_lsn = found->last_lsn;
	log->synced_lsn = found->last_lsn;
	log->file.path = xstrdup(found->path);
	log->bytes = found->bytes;
	log->file.fd = open(found->path, O_RDWR | O_CLOEXEC);
	if (log->file.fd < 0)
		return err_set_errno(-ERR_local_io, errno, "cannot open journal file %s",
				     found->path);
	result = journal_file_sync(&log->file);
	log->header_durable = !result;
	return result;
}

/* Keeps the path (taken over) for later use, or unlinks it. */
static void retire_path(struct journal *journal, char *path, uint64_t bytes)
{
	bool keep;

	lock_acquire(&journal->lock);
	keep = journal->free_files_count < FREE_FILES_MAX && bytes <= 2 * journal->file_bytes;
	if (keep)
		journal->free_files[journal->free_files_count++] =
			(struct free_file){ path, bytes };
	lock_release(&journal->lock);
	if (keep)
		return;
	if (disk_unlink(AT_FDCWD, path))
		log_warn("cannot unlink journal file %s: %m", path);
	free(path);
}

int journal_start(const struct journal_conf *conf, const struct journal_scan *scan,
		  struct journal **out)
{
	struct journal *journal = xcalloc(1, sizeof(*journal));
	size_t i;
	int result = 0;

	journal->directory = xstrdup(conf->directory);
	journal->file_bytes = conf->file_bytes ? conf->file_bytes : FILE_BYTES_DEFAULT;
	journal->boot_id = conf->boot_id;
	journal->io = conf->io ? conf->io : &journal_io_system;
	lock_init(&journal->lock, LOCK_RANK_JOURNAL);
	condition_init(&journal->written);
	condition_init(&journal->flushed);
	journal->next_sequence = scan->next_sequence;
	journal->appended_lsn = scan->last_lsn;
	journal->written_lsn = scan->last_lsn;
	journal->durable_lsn = scan->last_lsn;
	for (i = 0; i < scan->files_count && !result; i++) {
		const struct journal_scan_file *found = &scan->files[i];

		if (found->live)
			result = adopt_live(journal, found);
		else
			retire_path(journal, xstrdup(found->path), found->bytes);
	}
	if (result) {
		journal_close(journal);
		return result;
	}
	*out = journal;
	return 0;
}

void journal_close(struct journal *journal)
{
	struct journal_log *log;

	while ((log = journal->oldest)) {
		journal->oldest = log->newer;
		log_free(log);
	}
	while (journal->free_files_count)
		free(journal->free_files[--journal->free_files_count].path);
	buffer_release(&journal->spare);
	condition_destroy(&journal->written);
	condition_destroy(&journal->flushed);
	lock_destroy(&journal->lock);
	free(journal->directory);
	free(journal);
}

/* Appending. */

static void begin_log_locked(struct journal *journal, uint64_t first_lsn)
{
	struct journal_log *log = log_new(journal);
	uint8_t page[JOURNAL_PAGE_BYTES];

	lock_assert_held(&journal->lock);
	log->header.sequence = journal->next_sequence++;
	log->header.generation = random_u64();
	log->header.first_lsn = first_lsn;
	log->header.durable_lsn = journal->durable_lsn;
	log->header.boot_id = journal->boot_id;
	log->seed = journal_record_seed(log->header.generation);
	log->last_crc = journal_header_encode(&log->header, page);
	log->pending_offset = JOURNAL_PAGE_BYTES;
	log->last_lsn = first_lsn - 1;
	log->written_lsn = log->last_lsn;
	log->synced_lsn = log->last_lsn;
	link_newest(journal, log);
	journal->current = log;
}

static bool fits(const struct journal *journal, size_t bytes)
{
	const struct journal_log *log = journal->current;

	return log && (log->last_lsn < log->header.first_lsn ||
		       log->pending_offset + log->pending.length + bytes <= journal->file_bytes);
}

int journal_append(struct journal *journal, struct journal_record *record)
{
	struct journal_log *log;
	int result;

	if (record->body_length > JOURNAL_RECORD_MAX - JOURNAL_RECORD_HEAD)
		return err_set(-ERR_journal_corrupt, "a journal record of %zu bytes is too large",
			       record->body_length);
	lock_acquire(&journal->lock);
	result = check_failure_locked(journal);
	if (!result) {
		assert(record->lsn == journal->appended_lsn + 1);
		if (!fits(journal, journal_record_bytes(record->body_length)))
			begin_log_locked(journal, record->lsn);
		log = journal->current;
		record->durable_lsn = journal->durable_lsn;
		record->previous_crc = log->last_crc;
		journal_record_encode(&log->pending, log->seed, record);
		log->last_crc = record->crc;
		log->last_lsn = record->lsn;
		journal->appended_lsn = record->lsn;
	}
	lock_release(&journal->lock);
	return result;
}

/* Writing. */

static struct journal_log *first_unwritten(struct journal *journal)
{
	struct journal_log *log = journal->oldest;

	while (log->written_lsn == log->last_lsn)
		log = log->newer;
	return log;
}

static void take_pending_locked(struct journal *journal, struct journal_log *log,
				struct buffer *out)
{
	lock_assert_held(&journal->lock);
	*out = log->pending;
	log->pending_offset += out->length;
	log->pending = journal->spare;
	journal->spare = (struct buffer)BUFFER_INIT;
	buffer_clear(&log->pending);
}

static void keep_spare_locked(struct journal *journal, struct buffer *buffer)
{
	lock_assert_held(&journal->lock);
	if (journal->spare.capacity || buffer->capacity > SPARE_BYTES_MAX)
		buffer_release(buffer);
	else
		journal->spare = *buffer;
}

static int begin_file(struct journal *journal, struct journal_log *log, struct free_file *recycled)
{
	char *path = journal_file_path(journal->directory, log->header.sequence);

	return journal_file_begin(&log->file, path, recycled->path, journal->file_bytes,
				  &log->header);
}

/* One write by the writer; drops the lock meanwhile. */
static int write_step_locked(struct journal *journal)
{
	struct journal_log *log = first_unwritten(journal);
	struct free_file recycled = { NULL, 0 };
	uint64_t offset = log->pending_offset;
	uint64_t lsn = log->last_lsn;
	struct buffer bytes;
	int result = 0;

	lock_assert_held(&journal->lock);
	journal->writing = true;
	take_pending_locked(journal, log, &bytes);
	if (log->file.fd < 0 && journal->free_files_count)
		recycled = journal->free_files[--journal->free_files_count];
	lock_release(&journal->lock);

	if (log->file.fd < 0)
		result = begin_file(journal, log, &recycled);
	free(recycled.path);
	if (!result)
		result = journal_file_append(&log->file, &bytes, offset);
	CRASH_POINT(journal_written);

	lock_acquire(&journal->lock);
	keep_spare_locked(journal, &bytes);
	journal->writing = false;
	if (result)
		return fail_locked(journal, result);
	log->bytes = log->file.size;
	log->written_lsn = lsn;
	journal->written_lsn = lsn;
	if (journal->write_waiters)
		condition_broadcast(&journal->written);
	return 0;
}

static int write_locked(struct journal *journal, uint64_t lsn)
{
	int result = 0;

	lock_assert_held(&journal->lock);
	assert(lsn <= journal->appended_lsn);
	while (!result && journal->written_lsn < lsn) {
		result = check_failure_locked(journal);
		if (result)
			break;
		if (!journal->writing) {
			result = write_step_locked(journal);
			continue;
		}
		journal->write_waiters++;
		condition_wait(&journal->written, &journal->lock);
		journal->write_waiters--;
	}
	return result;
}

int journal_write(struct journal *journal, uint64_t lsn)
{
	int result;

	lock_acquire(&journal->lock);
	result = write_locked(journal, lsn);
	lock_release(&journal->lock);
	return result;
}

/* Flushing. */

/*
 * Flushes what is written, oldest file first; drops the lock meanwhile. When
 * records came to a file during its flush it stops there, since nothing in a
 * newer file is durable before them; the caller comes again.
 */
static int flush_step_locked(struct journal *journal)
{
	struct journal_log *log;
	int result;

	lock_assert_held(&journal->lock);
	for (log = journal->oldest; log; log = log->newer) {
		uint64_t target = log->written_lsn;

		if (log->synced_lsn == target)
			continue;
		lock_release(&journal->lock);
		result = journal_file_sync(&log->file);
		CRASH_POINT(journal_flushed);
		lock_acquire(&journal->lock);
		if (result)
			return fail_locked(journal, result);
		log->header_durable = true;
		log->synced_lsn = target;
		journal->durable_lsn = target;
		journal->flushes_total++;
		if (log->written_lsn != target)
			break;
	}
	return 0;
}

int journal_flush(struct journal *journal, uint64_t lsn)
{
	int result = 0;

	lock_acquire(&journal->lock);
	assert(lsn <= journal->appended_lsn);
	while (!result) {
		result = check_failure_locked(journal);
		if (result || journal->durable_lsn >= lsn)
			break;
		if (journal->flushing) {
			condition_wait(&journal->flushed, &journal->lock);
			continue;
		}
		journal->flushing = true;
		/* All that was appended: the others who wait share this flush. */
		result = write_locked(journal, journal->appended_lsn);
		if (!result)
			result = flush_step_locked(journal);
		journal->flushing = false;
		condition_broadcast(&journal->flushed);
	}
	lock_release(&journal->lock);
	return result;
}

/* Recycling. */

static struct journal_log *take_recyclable(struct journal *journal, uint64_t applied_lsn)
{
	struct journal_log *log;
	struct journal_log *newer;

	lock_acquire(&journal->lock);
	log = journal->oldest;
	newer = log ? log->newer : NULL;
	if (newer && newer->header_durable && log->synced_lsn == log->last_lsn &&
	    log->last_lsn <= applied_lsn)
		journal->oldest = newer;
	else
		log = NULL;
	lock_release(&journal->lock);
	return log;
}

void journal_recycle(struct journal *journal, uint64_t applied_lsn)
{
	struct journal_log *log;

	while ((log = take_recyclable(journal, applied_lsn))) {
		CRASH_POINT(journal_retired);
		retire_path(journal, log->file.path, log->bytes);
		log->file.path = NULL;
		log_free(log);
	}
}

int journal_health(struct journal *journal)
{
	int result;

	lock_acquire(&journal->lock);
	result = check_failure_locked(journal);
	lock_release(&journal->lock);
	return result;
}

void journal_stats_get(struct journal *journal, struct journal_stats *out)
{
	const struct journal_log *log;
	size_t i;

	memset(out, 0, sizeof(*out));
	lock_acquire(&journal->lock);
	out->appended_lsn = journal->appended_lsn;
	out->written_lsn = journal->written_lsn;
	out->durable_lsn = journal->durable_lsn;
	out->flushes_total = journal->flushes_total;
	for (log = journal->oldest; log; log = log->newer)
		out->bytes += log->bytes;
	for (i = 0; i < journal->free_files_count; i++)
		out->bytes += journal->free_files[i].bytes;
	lock_release(&journal->lock);
}
