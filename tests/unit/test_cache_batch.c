/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/error.h"
#include "cache/batch.h"

static void put_text(struct batch *batch, uint64_t ino, const char *text, unsigned int flags)
{
	struct buffer value = BUFFER_INIT;
	struct row_key key;

	key_xattr(&key, ino, "user.name", 9);
	buffer_put_text(&value, text);
	batch_put(batch, &key, &value, flags);
	buffer_release(&value);
}

static void fill(struct batch *batch)
{
	struct inode_row inode = { .mode = S_IFREG | 0644, .nlink = 1 };
	struct row_key key;

	put_text(batch, 7, "hello", ROW_CLOUD);
	key_orphan(&key, 9);
	batch_delete(batch, &key, ROW_LOCAL);
	batch_segment_use(batch, 12, -4096, 17);
	batch_redo(batch, 13, 8192, "redo", 4);
	batch_put_inode(batch, 5, &inode);
	batch_put_u64(batch, "counter", 77);
}

START_TEST(items_come_back_in_order_as_they_were_put)
{
	struct batch batch;
	struct batch_item item;
	struct inode_row inode;
	struct reader reader;
	uint64_t number;

	batch_init(&batch, BATCH_CONTENT, 7);
	fill(&batch);
	ck_assert_uint_eq(batch.count, 6);
	reader_init(&reader, batch.body.data, batch.body.length);

	ck_assert_int_eq(batch_next(&reader, &item), 1);
	ck_assert_int_eq(item.op, BATCH_OP_ROW_PUT);
	ck_assert_uint_eq(item.flags, ROW_CLOUD);
	ck_assert_int_eq(key_table(item.key, item.key_length), TABLE_XATTR);
	ck_assert_mem_eq(item.value, "hello", 5);
	ck_assert_uint_eq(item.value_length, 5);

	ck_assert_int_eq(batch_next(&reader, &item), 1);
	ck_assert_int_eq(item.op, BATCH_OP_ROW_DELETE);
	ck_assert_uint_eq(key_number(item.key, item.key_length), 9);

	ck_assert_int_eq(batch_next(&reader, &item), 1);
	ck_assert_int_eq(item.op, BATCH_OP_SEGMENT_USE);
	ck_assert_uint_eq(item.segment, 12);
	ck_assert_int_eq(item.live, -4096);
	ck_assert_int_eq(item.dirty, 17);

	ck_assert_int_eq(batch_next(&reader, &item), 1);
	ck_assert_int_eq(item.op, BATCH_OP_REDO);
	ck_assert_uint_eq(item.segment, 13);
	ck_assert_uint_eq(item.offset, 8192);
	ck_assert_uint_eq(item.value_length, 4);
	ck_assert_mem_eq(item.value, "redo", 4);

	ck_assert_int_eq(batch_next(&reader, &item), 1);
	ck_assert_int_eq(row_get_inode(item.value, item.value_length, &inode), 0);
	ck_assert_uint_eq(inode.nlink, 1);

	ck_assert_int_eq(batch_next(&reader, &item), 1);
	ck_assert_int_eq(row_get_u64(item.value, item.value_length, &number), 0);
	ck_assert_uint_eq(number, 77);
	ck_assert_int_eq(batch_next(&reader, &item), 0);
	batch_release(&batch);
}
END_TEST

START_TEST(reset_empties_and_a_sync_is_never_empty)
{
	struct batch batch;

	batch_init(&batch, BATCH_ROWS, 0);
	ck_assert(batch_is_empty(&batch));
	put_text(&batch, 1, "x", ROW_LOCAL);
	ck_assert(!batch_is_empty(&batch));
	batch_reset(&batch, BATCH_ROWS, 0);
	ck_assert(batch_is_empty(&batch));
	ck_assert_uint_eq(batch.body.length, 0);
	batch_reset(&batch, BATCH_SYNC, 4);
	ck_assert(!batch_is_empty(&batch));
	batch_release(&batch);
}
END_TEST

static int walk(const void *bytes, size_t length)
{
	struct batch_item item;
	struct reader reader;
	int result;

	reader_init(&reader, bytes, length);
	while ((result = batch_next(&reader, &item)) == 1)
		continue;
	return result;
}

/* Every cut but those between two items is an error; none reads outside. */
START_TEST(a_cut_body_is_refused)
{
	size_t ends[8] = { 0 };
	size_t ends_count = 0;
	struct batch_item item;
	struct reader reader;
	struct batch batch;
	size_t cut;
	size_t i;

	batch_init(&batch, BATCH_ROWS, 0);
	fill(&batch);
	reader_init(&reader, batch.body.data, batch.body.length);
	ends[ends_count++] = 0;
	while (batch_next(&reader, &item) == 1)
		ends[ends_count++] = reader.position;
	for (cut = 0; cut <= batch.body.length; cut++) {
		uint8_t *copy = xmalloc(cut);
		int expected = -ERR_journal_corrupt;

		memcpy(copy, batch.body.data, cut);
		for (i = 0; i < ends_count; i++)
			if (ends[i] == cut)
				expected = 0;
		ck_assert_int_eq(walk(copy, cut), expected);
		free(copy);
	}
	batch_release(&batch);
}
END_TEST

START_TEST(unknown_ops_flags_and_lengths_are_refused)
{
	static const uint8_t unknown_op[] = { 9, 0, 1, 0, 'k' };
	static const uint8_t unknown_flag[] = { BATCH_OP_ROW_DELETE, 0x80, 1, 0, TABLE_META };
	static const uint8_t no_key[] = { BATCH_OP_ROW_DELETE, 0, 0, 0 };
	uint8_t long_key[4 + ROW_KEY_MAX + 1] = { BATCH_OP_ROW_DELETE, 0 };

	store_le16(long_key + 2, ROW_KEY_MAX + 1);
	ck_assert_int_eq(walk(unknown_op, sizeof(unknown_op)), -ERR_journal_corrupt);
	ck_assert_int_eq(walk(unknown_flag, sizeof(unknown_flag)), -ERR_journal_corrupt);
	ck_assert_int_eq(walk(no_key, sizeof(no_key)), -ERR_journal_corrupt);
	ck_assert_int_eq(walk(long_key, sizeof(long_key)), -ERR_journal_corrupt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache/batch");
	TCase *tcase = tcase_create("batch");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, items_come_back_in_order_as_they_were_put);
	tcase_add_test(tcase, reset_empties_and_a_sync_is_never_empty);
	tcase_add_test(tcase, a_cut_body_is_refused);
	tcase_add_test(tcase, unknown_ops_flags_and_lengths_are_refused);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
