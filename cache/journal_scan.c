/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/journal_scan.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/disk.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "cache/journal_format.h"

#define NAME_DIGITS 16
#define ADVICE                                                                                 \
	"Nothing was changed. Check the disk, keep a copy of the cache directory, then mount " \
	"with "                                                                                \
	"another --cache to go on from the bucket"

/* What lies behind a place where no valid record is. */
struct evidence {
	bool found;	      /* valid records or files */
	uint64_t durable_lsn; /* the greatest that one of them knew of */
};

static bool name_parse(const char *name, uint64_t *sequence_out)
{
	uint8_t bytes[8];
	char digits[NAME_DIGITS + 1];

	if (strlen(name) != NAME_DIGITS + strlen(JOURNAL_SUFFIX) ||
	    strcmp(name + NAME_DIGITS, JOURNAL_SUFFIX))
		return false;
	memcpy(digits, name, NAME_DIGITS);
	digits[NAME_DIGITS] = '\0';
	if (!hex_decode(digits, bytes, sizeof(bytes)))
		return false;
	*sequence_out = load_be64(bytes);
	return true;
}

/* Reads up to `limit` bytes from the start of the file. */
static int read_file(const char *path, size_t limit, struct buffer *out)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat_of;
	size_t wanted;

	buffer_clear(out);
	if (fd < 0 || fstat(fd, &stat_of))
		return err_set_errno(-ERR_local_io, errno, "cannot open journal file %s", path);
	wanted = (size_t)stat_of.st_size < limit ? (size_t)stat_of.st_size : limit;
	buffer_reserve(out, wanted);
	while (out->length < wanted) {
		ssize_t done = disk_pread(fd, out->data + out->length, wanted - out->length,
					  (off_t)out->length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set_errno(-ERR_local_io, errno, "cannot read journal file %s",
					     path);
		if (!done)
			break;
		out->length += (size_t)done;
	}
	return 0;
}

static int check_header(struct journal_scan_file *file, const struct buffer *page)
{
	switch (journal_header_decode(page->data, page->length, &file->header, &file->header_crc)) {
	case JOURNAL_HEADER_GOOD:
		file->has_header = true;
		return 0;
	case JOURNAL_HEADER_ABSENT:
		return 0;
	case JOURNAL_HEADER_NEWER:
		return err_set(
			-ERR_format_newer,
			"journal file %s has a newer format version than %d; use a newer drayfs",
			file->path, JOURNAL_VERSION);
	case JOURNAL_HEADER_BAD:
		break;
	}
	return err_set(-ERR_journal_corrupt,
		       "the header of journal file %s (offset 0) is damaged. " ADVICE, file->path);
}

static int add_file(struct journal_scan *scan, const char *directory, const char *name,
		    uint64_t sequence)
{
	CLEANUP_BUFFER struct buffer page = BUFFER_INIT;
	struct journal_scan_file *file;
	struct stat stat_of;
	int result;

	scan->files = xrealloc(scan->files, (scan->files_count + 1) * sizeof(*scan->files));
	file = &scan->files[scan->files_count++];
	memset(file, 0, sizeof(*file));
	file->path = xasprintf("%s/%s", directory, name);
	result = read_file(file->path, JOURNAL_PAGE_BYTES, &page);
	if (!result)
		result = check_header(file, &page);
	if (result)
		return result;
	if (stat(file->path, &stat_of))
		return err_set_errno(-ERR_local_io, errno, "cannot inspect journal file %s",
				     file->path);
	file->bytes = (uint64_t)stat_of.st_size;
	if (file->has_header && file->header.sequence > sequence)
		sequence = file->header.sequence;
	if (sequence >= scan->next_sequence)
		scan->next_sequence = sequence + 1;
	return 0;
}

static int compare_sequence(const void *a, const void *b)
{
	uint64_t left = ((const struct journal_scan_file *)a)->header.sequence;
	uint64_t right = ((const struct journal_scan_file *)b)->header.sequence;

	return left < right ? -1 : left > right;
}

static int list_files(struct journal_scan *scan, const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	uint64_t sequence;
	int result = 0;

	if (!dir)
		return err_set_errno(-ERR_local_io, errno, "cannot open journal directory %s",
				     directory);
	while (!result && (errno = 0, entry = readdir(dir)))
		if (name_parse(entry->d_name, &sequence))
			result = add_file(scan, directory, entry->d_name, sequence);
	if (!result && errno)
		result = err_set_errno(-ERR_local_io, errno, "cannot read journal directory %s",
				       directory);
	closedir(dir);
	if (!result && scan->files_count)
		qsort(scan->files, scan->files_count, sizeof(*scan->files), compare_sequence);
	return result;
}

/* The LSN where a later file takes over. */
static uint64_t file_end(const struct journal_scan *scan, size_t index)
{
	uint64_t end = UINT64_MAX;
	size_t i;

	for (i = index + 1; i < scan->files_count; i++)
		if (scan->files[i].has_header && scan->files[i].header.first_lsn < end)
			end = scan->files[i].header.first_lsn;
	return end;
}

static void choose_live(struct journal_scan *scan, const struct id *boot_id)
{
	size_t i;

	for (i = 0; i < scan->files_count; i++) {
		struct journal_scan_file *file = &scan->files[i];
		uint64_t end = file_end(scan, i);

		file->last_lsn = file->header.first_lsn - 1;
		file->live = file->has_header && file->header.first_lsn < end &&
			     end > scan->applied_lsn + 1;
		if (file->live)
			scan->power_cut = !id_equal(&file->header.boot_id, boot_id);
	}
}

/*
 * Looks at every place behind `offset` where a record may begin. The cheap
 * tests come first: most of what is there is zeros or older records.
 */
static void gather_from_file(const struct buffer *contents, size_t offset,
			     const struct journal_scan_file *file, uint64_t hole_lsn,
			     struct evidence *evidence)
{
	uint32_t seed = journal_record_seed(file->header.generation);
	struct journal_record record;

	for (; offset + JOURNAL_RECORD_HEAD <= contents->length;
	     offset += JOURNAL_RECORD_ALIGNMENT) {
		const uint8_t *place = contents->data + offset;
		uint64_t lsn = load_le64(place + 16);

		if (lsn <= hole_lsn || lsn - hole_lsn > contents->length)
			continue;
		if (!journal_record_decode(place, contents->length - offset, seed, &record))
			continue;
		evidence->found = true;
		if (record.durable_lsn > evidence->durable_lsn)
			evidence->durable_lsn = record.durable_lsn;
	}
}

/* From here on no file counts; what do they say about the hole before? */
static int gather_from_later(struct journal_scan *scan, size_t index, uint64_t hole_lsn,
			     struct evidence *evidence)
{
	CLEANUP_BUFFER struct buffer contents = BUFFER_INIT;
	int result;

	for (; index < scan->files_count; index++) {
		struct journal_scan_file *file = &scan->files[index];

		if (!file->live)
			continue;
		file->live = false;
		evidence->found = true;
		if (file->header.durable_lsn > evidence->durable_lsn)
			evidence->durable_lsn = file->header.durable_lsn;
		result = read_file(file->path, SIZE_MAX, &contents);
		if (result)
			return result;
		gather_from_file(&contents, JOURNAL_PAGE_BYTES, file, hole_lsn, evidence);
	}
	return 0;
}

/*
 * Is the journal damaged at hole_lsn, or does it end there? The record is
 * missing at `offset` of the file, or (offset 0) all before the file is.
 */
static int judge(struct journal_scan *scan, size_t index, size_t offset, uint64_t hole_lsn)
{
	struct evidence evidence = { .durable_lsn = scan->applied_lsn };
	const char *path = scan->files[index].path;
	bool was_durable;
	int result;

	if (offset)
		gather_from_file(&scan->contents, offset, &scan->files[index], hole_lsn, &evidence);
	result = gather_from_later(scan, offset ? index + 1 : index, hole_lsn, &evidence);
	if (result)
		return result;
	was_durable = evidence.durable_lsn >= hole_lsn;
	if (was_durable || (evidence.found && !scan->power_cut))
		return err_set(-ERR_journal_corrupt,
			       "journal file %s is damaged at offset %zu: record %llu is missing, "
			       "%s. " ADVICE,
			       path, offset, (unsigned long long)hole_lsn,
			       was_durable ? "which had been made durable"
					   : "but valid records follow");
	if (evidence.found)
		log_warn("the journal ends with record %llu: later ones were not durable when the "
			 "power was cut",
			 (unsigned long long)hole_lsn - 1);
	return 0;
}

/* The record at *offset, when it is the one that must follow. */
static bool record_at(const struct journal_scan *scan, const struct journal_scan_file *file,
		      size_t offset, uint64_t lsn, uint32_t previous_crc,
		      struct journal_record *record)
{
	if (offset > scan->contents.length)
		return false;
	return journal_record_decode(scan->contents.data + offset, scan->contents.length - offset,
				     journal_record_seed(file->header.generation), record) &&
	       record->lsn == lsn && record->previous_crc == previous_crc;
}

/*
 * Checks the records of one file up to `end`. *complete_out: they reach it.
 * Otherwise *offset_out is where the record last_lsn + 1 should be.
 */
static int check_file(struct journal_scan *scan, size_t index, uint64_t end, bool *complete_out,
		      size_t *offset_out)
{
	struct journal_scan_file *file = &scan->files[index];
	uint32_t previous_crc = file->header_crc;
	size_t offset = JOURNAL_PAGE_BYTES;
	struct journal_record record;
	int result = read_file(file->path, SIZE_MAX, &scan->contents);

	if (result)
		return result;
	while (file->last_lsn + 1 < end &&
	       record_at(scan, file, offset, file->last_lsn + 1, previous_crc, &record)) {
		offset += record.bytes;
		previous_crc = record.crc;
		file->last_lsn = record.lsn;
		if (record.content_lsn > scan->content_lsn)
			scan->content_lsn = record.content_lsn;
	}
	*complete_out = file->last_lsn + 1 == end;
	*offset_out = offset;
	return 0;
}

static int check_live(struct journal_scan *scan)
{
	bool complete;
	size_t offset;
	size_t i;
	int result;

	for (i = 0; i < scan->files_count; i++) {
		struct journal_scan_file *file = &scan->files[i];

		if (!file->live)
			continue;
		if (file->header.first_lsn > scan->last_lsn + 1)
			return judge(scan, i, 0, scan->last_lsn + 1);
		result = check_file(scan, i, file_end(scan, i), &complete, &offset);
		if (result)
			return result;
		if (file->last_lsn > scan->last_lsn)
			scan->last_lsn = file->last_lsn;
		if (!complete)
			return judge(scan, i, offset, file->last_lsn + 1);
	}
	return 0;
}

int journal_scan_open(const char *directory, uint64_t applied_lsn, const struct id *boot_id,
		      struct journal_scan *scan)
{
	int result;

	memset(scan, 0, sizeof(*scan));
	scan->applied_lsn = applied_lsn;
	scan->last_lsn = applied_lsn;
	scan->next_sequence = 1;
	result = list_files(scan, directory);
	if (!result) {
		choose_live(scan, boot_id);
		result = check_live(scan);
	}
	if (result) {
		journal_scan_release(scan);
		return result;
	}
	journal_scan_rewind(scan);
	return 0;
}

void journal_scan_release(struct journal_scan *scan)
{
	size_t i;

	for (i = 0; i < scan->files_count; i++)
		free(scan->files[i].path);
	free(scan->files);
	buffer_release(&scan->contents);
	memset(scan, 0, sizeof(*scan));
}

void journal_scan_rewind(struct journal_scan *scan)
{
	scan->file_index = 0;
	scan->offset = 0;
	scan->next_lsn = scan->applied_lsn + 1;
	buffer_clear(&scan->contents);
}

int journal_scan_next(struct journal_scan *scan, struct journal_record *record)
{
	while (scan->next_lsn <= scan->last_lsn) {
		struct journal_scan_file *file = &scan->files[scan->file_index];
		int result;

		assert(scan->file_index < scan->files_count);
		if (!file->live || file->last_lsn < scan->next_lsn) {
			scan->file_index++;
			scan->offset = 0;
			continue;
		}
		if (!scan->offset) {
			result = read_file(file->path, SIZE_MAX, &scan->contents);
			if (result)
				return result;
			scan->offset = JOURNAL_PAGE_BYTES;
		}
		if (!journal_record_decode(scan->contents.data + scan->offset,
					   scan->contents.length - scan->offset,
					   journal_record_seed(file->header.generation), record))
			return err_set(
				-ERR_journal_corrupt,
				"journal file %s changed while it was read (offset %zu). " ADVICE,
				file->path, scan->offset);
		scan->offset += record->bytes;
		if (record->lsn < scan->next_lsn)
			continue;
		scan->next_lsn = record->lsn + 1;
		return 1;
	}
	buffer_release(&scan->contents);
	return 0;
}
