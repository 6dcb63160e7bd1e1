/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a journal that a kill, a power cut or a bad disk left behind. */
#include "tests/lib/journal_box.h"
#include "tests/lib/unit.h"

#define FILE_BYTES (64 * 1024)

/* A closed journal of `count` records in one file, flushed up to `durable`. */
static void make(struct journal_box *box, size_t count, size_t durable)
{
	box_init(box, FILE_BYTES);
	ck_assert_int_eq(box_open(box, 0), 0);
	box_append_many(box, durable);
	if (durable)
		ck_assert_int_eq(journal_flush(box->journal, durable), 0);
	box_append_many(box, count - durable);
	box_close(box);
}

static void damage(const struct journal_box *box, uint64_t lsn, size_t at)
{
	char *path = box_path(box, 1);
	size_t bytes;
	size_t offset = box_find(box, 1, lsn, &bytes) + at;
	uint8_t *file = box_load(path, FILE_BYTES);

	file[offset] ^= 0x40;
	box_store(path, file + offset, 1, (off_t)offset);
	free(file);
	free(path);
}

/* Cut after any number of its bytes, with zeros, old bytes or nothing behind. */
START_TEST(a_tail_torn_at_any_byte_is_cut)
{
	uint8_t *noise = xmalloc(FILE_BYTES);
	uint8_t *zeros = xcalloc(1, FILE_BYTES);
	struct journal_box box;
	uint8_t *file;
	size_t offset;
	size_t bytes;
	size_t cut;
	char *path;

	make(&box, 12, 0);
	noise_fill(7, noise, FILE_BYTES);
	path = box_path(&box, 1);
	offset = box_find(&box, 1, 12, &bytes);
	file = box_load(path, FILE_BYTES);
	for (cut = offset; cut < offset + bytes; cut++) {
		box_store(path, zeros + cut, offset + bytes - cut, (off_t)cut);
		/* A cut right behind a byte that was 0 changes nothing. */
		ck_assert_uint_ge(box_check(&box, 0), 11);
		if (memcmp(file + cut, zeros + cut, offset + bytes - cut))
			ck_assert_uint_eq(box_check(&box, 0), 11);
		box_store(path, noise + cut, offset + bytes - cut, (off_t)cut);
		ck_assert_uint_eq(box_check(&box, 0), 11);
		box_store(path, file + cut, offset + bytes - cut, (off_t)cut);
	}
	for (cut = offset + bytes; cut-- > offset;) {
		ck_assert_int_eq(truncate(path, (off_t)cut), 0);
		ck_assert_uint_eq(box_check(&box, 0), 11);
	}
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_uint_eq(box_check(&box, 0), 0);
	free(path);
	free(file);
	free(noise);
	free(zeros);
	box_release(&box);
}
END_TEST

START_TEST(damage_before_valid_records_is_refused)
{
	struct journal_box box;
	uint8_t *file;
	size_t bytes;
	size_t at;
	char *path;

	make(&box, 12, 0);
	path = box_path(&box, 1);
	file = box_load(path, FILE_BYTES);
	box_find(&box, 1, 7, &bytes);
	for (at = 0; at < bytes; at++) {
		damage(&box, 7, at);
		ck_assert_int_eq(box_scan(&box, 0), -ERR_journal_corrupt);
		if (at >= 24) {
			const char *text = err_message(-ERR_journal_corrupt);

			ck_assert_ptr_nonnull(strstr(text, "0000000000000001.wal"));
			ck_assert_ptr_nonnull(strstr(text, "record 7"));
			ck_assert_ptr_nonnull(strstr(text, "offset"));
			ck_assert_ptr_nonnull(strstr(text, "--cache"));
		}
		box_store(path, file, FILE_BYTES, 0);
	}
	free(file);
	free(path);
	box_release(&box);
}
END_TEST

/* The same bytes, but the machine restarted: pages were lost, nothing more. */
START_TEST(a_hole_among_unflushed_records_is_where_a_power_cut_ends_the_journal)
{
	struct journal_box box;

	make(&box, 12, 4);
	damage(&box, 7, 40);
	box_power_cut(&box);
	ck_assert_uint_eq(box_check(&box, 0), 6);
	box_release(&box);
}
END_TEST

START_TEST(a_hole_among_flushed_records_is_corruption_whatever_happened)
{
	struct journal_box box;

	make(&box, 12, 7);
	damage(&box, 7, 40);
	box_power_cut(&box);
	ck_assert_int_eq(box_scan(&box, 0), -ERR_journal_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_journal_corrupt), "made durable"));
	box_release(&box);
}
END_TEST

/* Record 10 is torn, 11 and 12 behind it are whole. The next session writes
 * another record 10 of the same length. */
START_TEST(records_behind_a_cut_never_come_back)
{
	struct journal_box box;
	char *second;

	make(&box, 12, 4);
	damage(&box, 10, 40);
	box_power_cut(&box);
	ck_assert_int_eq(box_open(&box, 0), 0);
	ck_assert_uint_eq(box.lsn, 9);
	ck_assert_int_eq(box_append(&box, 77), 0);
	ck_assert_int_eq(journal_flush(box.journal, 10), 0);
	ck_assert_uint_eq(box_check(&box, 0), 10);
	box_power_cut(&box);
	ck_assert_uint_eq(box_check(&box, 0), 10);
	second = box_path(&box, 2);
	ck_assert_int_eq(unlink(second), 0);
	ck_assert_uint_eq(box_check(&box, 0), 9);
	free(second);
	box_release(&box);
}
END_TEST

static void fill_file(struct journal_box *box, size_t files)
{
	while (box_count_files(box) < files)
		box_append_many(box, 1);
}

/* Of two unflushed files, the disk got the second and not the first's end. */
START_TEST(a_power_cut_may_take_the_end_of_the_file_before_the_last)
{
	struct journal_box box;

	box_init(&box, 64 * 1024);
	ck_assert_int_eq(box_open(&box, 0), 0);
	box_append_many(&box, 5);
	ck_assert_int_eq(journal_flush(box.journal, 5), 0);
	fill_file(&box, 3);
	box_close(&box);
	damage(&box, 9, 40);
	ck_assert_int_eq(box_scan(&box, 0), -ERR_journal_corrupt);
	box_power_cut(&box);
	ck_assert_uint_eq(box_check(&box, 0), 8);
	/* Files 2 and 3 are worth nothing; they are written over. */
	ck_assert_int_eq(box_open(&box, 0), 0);
	ck_assert_uint_eq(box.lsn, 8);
	box_append_many(&box, 100);
	ck_assert_int_eq(journal_flush(box.journal, box.lsn), 0);
	ck_assert_uint_eq(box_check(&box, 0), 108);
	box_power_cut(&box);
	ck_assert_uint_eq(box_check(&box, 0), 108);
	box_release(&box);
}
END_TEST

START_TEST(a_file_that_is_missing_is_corruption)
{
	struct journal_box box;
	char *path;

	box_init(&box, 64 * 1024);
	ck_assert_int_eq(box_open(&box, 0), 0);
	fill_file(&box, 4);
	path = box_path(&box, 2);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(box_scan(&box, 0), -ERR_journal_corrupt);
	free(path);
	path = box_path(&box, 1);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(box_scan(&box, 0), -ERR_journal_corrupt);
	free(path);
	box_release(&box);
}
END_TEST

/* The rename of a file used again was lost: its old name has the new header. */
START_TEST(the_header_and_not_the_name_says_which_file_it_is)
{
	struct journal_box box;
	uint64_t applied;
	char *from;
	char *to;

	box_init(&box, 64 * 1024);
	ck_assert_int_eq(box_open(&box, 0), 0);
	fill_file(&box, 3);
	ck_assert_int_eq(journal_flush(box.journal, box.lsn), 0);
	applied = box.lsn;
	journal_recycle(box.journal, applied);
	from = box_path(&box, 4);
	to = box_path(&box, 1);
	while (access(from, F_OK))
		box_append_many(&box, 1);
	box_append_many(&box, 3);
	box_close(&box);
	if (access(to, F_OK))
		ck_assert_int_eq(rename(from, to), 0);
	ck_assert_uint_eq(box_check(&box, applied), box.lsn);
	ck_assert_int_eq(box_open(&box, applied), 0);
	box_append_many(&box, 100);
	ck_assert_uint_eq(box_check(&box, applied), box.lsn);
	free(from);
	free(to);
	box_release(&box);
}
END_TEST

/* Of a file used again, the disk has the records but not the header. */
START_TEST(a_file_without_its_new_header_counts_for_nothing)
{
	uint8_t *old_header;
	struct journal_box box;
	uint64_t durable;
	char *first;
	char *fourth;

	box_init(&box, 64 * 1024);
	ck_assert_int_eq(box_open(&box, 0), 0);
	fill_file(&box, 3);
	ck_assert_int_eq(journal_flush(box.journal, box.lsn), 0);
	first = box_path(&box, 1);
	fourth = box_path(&box, 4);
	old_header = box_load(first, JOURNAL_PAGE_BYTES);
	durable = box.lsn;
	journal_recycle(box.journal, durable);
	while (access(fourth, F_OK))
		box_append_many(&box, 1);
	box_append_many(&box, 3);
	box_close(&box);
	box_store(fourth, old_header, JOURNAL_PAGE_BYTES, 0);
	box_power_cut(&box);
	ck_assert_uint_ge(box_check(&box, durable), durable);
	ck_assert_uint_lt(box_check(&box, durable), box.lsn);
	free(old_header);
	free(first);
	free(fourth);
	box_release(&box);
}
END_TEST

START_TEST(a_damaged_or_newer_header_is_refused)
{
	struct journal_box box;
	char *path;

	make(&box, 3, 0);
	path = box_path(&box, 1);
	box_store(path, "\2", 1, 8);
	ck_assert_int_eq(box_scan(&box, 0), -ERR_format_newer);
	box_store(path, "\1", 1, 8);
	ck_assert_int_eq(box_scan(&box, 0), 0);
	box_store(path, "x", 1, 30);
	ck_assert_int_eq(box_scan(&box, 0), -ERR_journal_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_journal_corrupt), "header"));
	free(path);
	box_release(&box);
}
END_TEST

START_TEST(other_files_in_the_directory_are_left_alone)
{
	struct journal_box box;
	char *path;

	make(&box, 3, 0);
	path = xasprintf("%s/notes.txt", box.directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_uint_eq(box_check(&box, 0), 3);
	ck_assert_int_eq(box_open(&box, 3), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	free(path);
	box_release(&box);
}
END_TEST

/* LMDB is never ahead: the journal that ends below it is damaged. */
START_TEST(a_journal_that_ends_before_the_applied_lsn_is_corruption)
{
	struct journal_box box;

	make(&box, 12, 12);
	damage(&box, 8, 40);
	box_power_cut(&box);
	ck_assert_int_eq(box_scan(&box, 9), -ERR_journal_corrupt);
	box_release(&box);
}
END_TEST

UNIT_MAIN("cache/journal_scan", a_tail_torn_at_any_byte_is_cut,
	  damage_before_valid_records_is_refused,
	  a_hole_among_unflushed_records_is_where_a_power_cut_ends_the_journal,
	  a_hole_among_flushed_records_is_corruption_whatever_happened,
	  records_behind_a_cut_never_come_back,
	  a_power_cut_may_take_the_end_of_the_file_before_the_last,
	  a_file_that_is_missing_is_corruption, the_header_and_not_the_name_says_which_file_it_is,
	  a_file_without_its_new_header_counts_for_nothing, a_damaged_or_newer_header_is_refused,
	  other_files_in_the_directory_are_left_alone,
	  a_journal_that_ends_before_the_applied_lsn_is_corruption)
