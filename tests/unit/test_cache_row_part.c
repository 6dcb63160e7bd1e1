/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "backend/codec.h"
#include "cache/row_part.h"
#include "tests/lib/toy_seal.h"

/* A part of 1000 rows. */
struct fixture {
	struct toy_seal toy;
	int faults;
	struct row_part_conf conf;
	struct row_run_writer run;
	struct buffer bytes;
	struct row_part part;
};

static struct fixture fix;

static void build(const struct seal *seal)
{
	uint8_t key[8];
	uint64_t i;

	fix.conf = (struct row_part_conf){
		.volume = id_new_uuid(),
		.epoch = 5,
		.seal = seal,
		.level = 1,
		.place = PART_OBJECT,
		.role = PART_BODY,
	};
	row_run_writer_init(&fix.run);
	for (i = 0; i < 1000; i++) {
		store_be64(key, i);
		row_run_writer_put(&fix.run, key, sizeof(key), "value", 5);
	}
	ck_assert_int_eq(row_part_encode(&fix.conf, &fix.run, &fix.bytes, &fix.part), 0);
}

static void setup_null(void)
{
	memset(&fix, 0, sizeof(fix));
	build(seal_null());
}

static void setup_toy(void)
{
	memset(&fix, 0, sizeof(fix));
	fix.toy = toy_seal_make(&fix.faults);
	build(&fix.toy.base);
}

static void teardown(void)
{
	row_run_writer_release(&fix.run);
	buffer_release(&fix.bytes);
}

static int decode(const struct row_part *part, struct buffer *rows)
{
	err_clear();
	return row_part_decode(part, &fix.conf.volume, fix.conf.seal, "meta/x", fix.bytes.data,
			       fix.bytes.length, rows);
}

static void assert_refused(const struct row_part *part, int code, const char *why)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;

	ck_assert_int_eq(decode(part, &rows), -code);
	ck_assert_uint_eq(rows.length, 0);
	ck_assert_ptr_nonnull(strstr(err_message(-code), "meta/x: the part "));
	ck_assert_msg(strstr(err_message(-code), why) != NULL, "%s", err_message(-code));
}

START_TEST(rows_come_back_and_the_descriptor_tells_about_them)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;

	ck_assert_uint_eq(fix.part.rows, 1000);
	ck_assert_uint_eq(fix.part.raw_length, fix.run.bytes.length);
	ck_assert_uint_eq(fix.part.stored_length, fix.bytes.length);
	ck_assert_uint_lt(fix.bytes.length, fix.run.bytes.length / 3);
	ck_assert_uint_eq(fix.part.epoch, 5);
	ck_assert_int_eq(decode(&fix.part, &rows), 0);
	ck_assert_uint_eq(rows.length, fix.run.bytes.length);
	ck_assert_mem_eq(rows.data, fix.run.bytes.data, rows.length);
}
END_TEST

START_TEST(every_encoding_has_an_id_of_its_own)
{
	struct row_part other;

	ck_assert_int_eq(row_part_encode(&fix.conf, &fix.run, &fix.bytes, &other), 0);
	ck_assert(!id_equal(&other.id, &fix.part.id));
	ck_assert_uint_eq(fix.bytes.length, fix.part.stored_length + other.stored_length);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
	size_t bit;

	for (bit = 0; bit < 8 * fix.bytes.length; bit += bit < 8 * 100 ? 1 : 13) {
		fix.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_refused(&fix.part, ERR_commit_corrupt, "SHA-256");
		fix.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	fix.bytes.length--;
	assert_refused(&fix.part, ERR_commit_corrupt, "SHA-256");
	fix.bytes.length = 0;
	assert_refused(&fix.part, ERR_commit_corrupt, "SHA-256");
}
END_TEST

/* Changes a byte of the header under right checksums, decodes, and undoes it. */
static void assert_edit_refused(size_t at, uint8_t value, int code, const char *why)
{
	struct row_part part = fix.part;
	uint8_t old = fix.bytes.data[at];

	fix.bytes.data[at] = value;
	store_le32(fix.bytes.data + 76, crc32c(0, fix.bytes.data, 76));
	part.digest = digest_of(fix.bytes.data, fix.bytes.length);
	assert_refused(&part, code, why);
	fix.bytes.data[at] = old;
	store_le32(fix.bytes.data + 76, crc32c(0, fix.bytes.data, 76));
}

START_TEST(a_header_that_lies_is_refused)
{
	assert_edit_refused(0, 'X', ERR_commit_corrupt, "begin as a part");
	assert_edit_refused(8, 2, ERR_format_newer, "upgrade");
	assert_edit_refused(12, 99, ERR_format_newer, "key");
	assert_edit_refused(16, (uint8_t)~fix.bytes.data[16], ERR_commit_corrupt, "another part");
	assert_edit_refused(32, 6, ERR_commit_corrupt, "another part");
	assert_edit_refused(40, (uint8_t)~fix.bytes.data[40], ERR_commit_corrupt, "another part");
	assert_edit_refused(56, (uint8_t)~fix.bytes.data[56], ERR_commit_corrupt, "another part");
	assert_edit_refused(64, (uint8_t)~fix.bytes.data[64], ERR_commit_corrupt, "another part");
	assert_edit_refused(72, (uint8_t)~fix.bytes.data[72], ERR_commit_corrupt, "another part");
}
END_TEST

START_TEST(a_codec_that_is_not_the_payloads_is_refused)
{
	assert_edit_refused(10, CODEC_RAW, ERR_commit_corrupt, "does not decompress");
	assert_edit_refused(10, 77, ERR_commit_corrupt, "does not decompress");
}
END_TEST

START_TEST(a_cipher_notices_a_changed_header)
{
	assert_edit_refused(10, CODEC_RAW, ERR_commit_corrupt, "was changed");
}
END_TEST

START_TEST(a_part_that_does_not_read_back_is_encoded_again_raw)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;

	buffer_clear(&fix.bytes);
	fix.faults = 1;
	ck_assert_int_eq(row_part_encode(&fix.conf, &fix.run, &fix.bytes, &fix.part), 0);
	ck_assert_uint_gt(fix.bytes.length, fix.run.bytes.length);
	ck_assert_int_eq(decode(&fix.part, &rows), 0);
}
END_TEST

START_TEST(a_part_that_never_reads_back_is_not_written)
{
	struct row_part part;
	size_t length = fix.bytes.length;

	fix.faults = 2;
	ck_assert_int_eq(row_part_encode(&fix.conf, &fix.run, &fix.bytes, &part),
			 -ERR_commit_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_commit_corrupt), "memory"));
	ck_assert_uint_eq(fix.bytes.length, length);
}
END_TEST

START_TEST(a_descriptor_comes_back_as_it_was)
{
	uint8_t bytes[ROW_PART_DESCRIPTOR_SIZE];
	struct row_part part;

	row_part_descriptor_encode(&fix.part, bytes);
	ck_assert(row_part_descriptor_decode(bytes, &part));
	ck_assert_int_eq(part.place, PART_OBJECT);
	ck_assert_int_eq(part.role, PART_BODY);
	ck_assert_uint_eq(part.rows, fix.part.rows);
	ck_assert_uint_eq(part.raw_length, fix.part.raw_length);
	ck_assert_uint_eq(part.stored_length, fix.part.stored_length);
	ck_assert_uint_eq(part.epoch, fix.part.epoch);
	ck_assert(id_equal(&part.id, &fix.part.id));
	ck_assert(digest_equal(&part.digest, &fix.part.digest));
}
END_TEST

START_TEST(a_descriptor_beyond_the_limits_is_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} edits[] = { { 0, 0 }, { 0, 3 }, { 1, 0 }, { 1, 5 }, { 23, 1 }, { 20, 1 }, { 31, 1 } };
	uint8_t bytes[ROW_PART_DESCRIPTOR_SIZE];
	struct row_part part;
	size_t i;

	for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		row_part_descriptor_encode(&fix.part, bytes);
		bytes[edits[i].at] = edits[i].value;
		ck_assert_msg(!row_part_descriptor_decode(bytes, &part), "case %zu", i);
	}
	row_part_descriptor_encode(&fix.part, bytes);
	memset(bytes + 8, 0, 8);
	ck_assert(!row_part_descriptor_decode(bytes, &part));
	row_part_descriptor_encode(&fix.part, bytes);
	memset(bytes + 24, 0, 8);
	ck_assert(!row_part_descriptor_decode(bytes, &part));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("row_part");
	TCase *plain = tcase_create("null cipher");
	TCase *sealed = tcase_create("cipher");
	TCase *both[] = { plain, sealed };
	SRunner *runner;
	int failed;
	size_t i;

	tcase_add_checked_fixture(plain, setup_null, teardown);
	tcase_add_checked_fixture(sealed, setup_toy, teardown);
	for (i = 0; i < 2; i++) {
		tcase_add_test(both[i], rows_come_back_and_the_descriptor_tells_about_them);
		tcase_add_test(both[i], every_encoding_has_an_id_of_its_own);
		tcase_add_test(both[i], every_flipped_bit_is_noticed);
		tcase_add_test(both[i], a_header_that_lies_is_refused);
	}
	tcase_add_test(plain, a_codec_that_is_not_the_payloads_is_refused);
	tcase_add_test(plain, a_descriptor_comes_back_as_it_was);
	tcase_add_test(plain, a_descriptor_beyond_the_limits_is_refused);
	tcase_add_test(sealed, a_cipher_notices_a_changed_header);
	tcase_add_test(sealed, a_part_that_does_not_read_back_is_encoded_again_raw);
	tcase_add_test(sealed, a_part_that_never_reads_back_is_not_written);
	suite_add_tcase(suite, plain);
	suite_add_tcase(suite, sealed);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
