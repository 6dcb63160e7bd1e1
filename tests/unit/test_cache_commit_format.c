/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "backend/pack_read.h"
#include "backend/pack_write.h"
#include "cache/commit_decode.h"
#include "cache/commit_encode.h"
#include "cache/ledger.h"
#include "tests/lib/toy_seal.h"

#define SEQ 42

/* log/42: two body parts (one inline, one an object), a ledger, a pack. */
struct fixture {
	struct toy_seal toy;
	const struct seal *seal;
	struct buffer inline_part;
	struct buffer object_part;
	struct buffer ledger_part;
	struct buffer pack;
	struct pack_identity pack_identity;
	struct pack_chunk placed;
	struct commit_part parts[3];
	struct commit commit;
	struct buffer bytes;
	struct commit decoded;
};

static struct fixture fix;

static struct commit_part make_part(enum part_place place, enum part_role role, const char *key,
				    struct buffer *bytes)
{
	struct row_part_conf conf = {
		.volume = fix.commit.head.volume,
		.epoch = 3,
		.seal = fix.seal,
		.level = 1,
		.place = place,
		.role = role,
	};
	struct commit_part part = { 0 };
	struct row_run_writer run;

	row_run_writer_init(&run);
	if (role == PART_LEDGER)
		ledger_put(&run, &(struct ledger_row){ .ino = 9, .path = key, .path_length = 3 });
	else
		row_run_writer_put(&run, key, strlen(key), "value", 5);
	ck_assert_int_eq(row_part_encode(&conf, &run, bytes, &part.part), 0);
	row_run_writer_release(&run);
	if (place == PART_INLINE)
		part.bytes = bytes->data;
	return part;
}

static void make_pack(void)
{
	struct pack_writer writer;

	fix.pack_identity.volume = fix.commit.head.volume;
	fix.pack_identity.epoch = 3;
	fix.pack_identity.id = id_new();
	pack_writer_init(&writer, &fix.pack_identity, fix.seal);
	ck_assert_int_eq(pack_writer_add(&writer, 77, "some data", 9, 1, &fix.placed), 0);
	pack_writer_finish(&writer, &fix.pack);
	pack_writer_release(&writer);
}

static void build(const struct seal *seal)
{
	fix.seal = seal;
	fix.commit.head = (struct commit_head){
		.volume = id_new_uuid(),
		.epoch = 3,
		.seq = SEQ,
		.previous = digest_of("previous", 8),
		.cut_lsn = 1000,
		.cut_real_ns = 1795384336123456789,
		.session = id_new(),
		.salt = id_new(),
		.next_ino = 10,
		.next_chunk_id = 78,
		.logical_bytes = 9,
	};
	fix.parts[0] = make_part(PART_INLINE, PART_BODY, "a", &fix.inline_part);
	fix.parts[1] = make_part(PART_OBJECT, PART_BODY, "b", &fix.object_part);
	fix.parts[2] = make_part(PART_INLINE, PART_LEDGER, "x/y", &fix.ledger_part);
	make_pack();
	fix.commit.parts = fix.parts;
	fix.commit.part_count = 3;
	fix.commit.pack = fix.pack.data;
	fix.commit.pack_length = fix.pack.length;
	commit_encode(&fix.commit, seal, &fix.bytes);
}

static void setup_null(void)
{
	memset(&fix, 0, sizeof(fix));
	build(seal_null());
}

static void setup_toy(void)
{
	memset(&fix, 0, sizeof(fix));
	fix.toy = toy_seal_make(NULL);
	build(&fix.toy.base);
}

static void teardown(void)
{
	commit_release(&fix.decoded);
	buffer_release(&fix.inline_part);
	buffer_release(&fix.object_part);
	buffer_release(&fix.ledger_part);
	buffer_release(&fix.pack);
	buffer_release(&fix.bytes);
}

static int decode(void)
{
	commit_release(&fix.decoded);
	err_clear();
	return commit_decode(&fix.commit.head.volume, SEQ, fix.seal, fix.bytes.data,
			     fix.bytes.length, &fix.decoded);
}

static void assert_refused(int code, const char *why)
{
	ck_assert_int_eq(decode(), -code);
	ck_assert_ptr_null(fix.decoded.parts);
	ck_assert_ptr_nonnull(strstr(err_message(-code), "log/000000000000002a: "));
	ck_assert_msg(strstr(err_message(-code), why) != NULL, "%s", err_message(-code));
}

START_TEST(the_head_comes_back_as_it_was)
{
	const struct commit_head *a = &fix.commit.head;
	const struct commit_head *b = &fix.decoded.head;

	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(b->flags, 0);
	ck_assert(id_equal(&b->volume, &a->volume));
	ck_assert_uint_eq(b->epoch, a->epoch);
	ck_assert_uint_eq(b->seq, a->seq);
	ck_assert(digest_equal(&b->previous, &a->previous));
	ck_assert_uint_eq(b->cut_lsn, a->cut_lsn);
	ck_assert_int_eq(b->cut_real_ns, a->cut_real_ns);
	ck_assert(id_equal(&b->session, &a->session));
	ck_assert(id_equal(&b->salt, &a->salt));
	ck_assert_uint_eq(b->next_ino, a->next_ino);
	ck_assert_uint_eq(b->next_chunk_id, a->next_chunk_id);
	ck_assert_uint_eq(b->logical_bytes, a->logical_bytes);
}
END_TEST

START_TEST(the_parts_come_back_in_order_and_decode)
{
	CLEANUP_BUFFER struct buffer rows = BUFFER_INIT;
	struct row_run_reader reader;
	struct ledger_row row;
	uint32_t i;

	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(fix.decoded.part_count, 3);
	ck_assert_ptr_null(fix.decoded.parts[1].bytes);
	for (i = 0; i < 3; i++) {
		const struct commit_part *part = &fix.decoded.parts[i];
		const uint8_t *bytes = part->bytes ? part->bytes : fix.object_part.data;

		ck_assert(id_equal(&part->part.id, &fix.parts[i].part.id));
		ck_assert_int_eq(part->part.role, fix.parts[i].part.role);
		buffer_clear(&rows);
		ck_assert_int_eq(row_part_decode(&part->part, &fix.commit.head.volume, fix.seal,
						 "log/42", bytes, part->part.stored_length, &rows),
				 0);
	}
	row_run_reader_init(&reader, rows.data, rows.length, "log/42");
	ck_assert_int_eq(ledger_next(&reader, &row), 1);
	ck_assert_uint_eq(row.ino, 9);
}
END_TEST

START_TEST(the_inline_pack_lies_where_rows_say)
{
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
	const uint8_t *bytes = fix.bytes.data + COMMIT_PACK_OFFSET + fix.placed.offset;

	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(fix.decoded.pack_length, fix.pack.length);
	ck_assert_mem_eq(fix.decoded.pack, fix.pack.data, fix.pack.length);
	ck_assert_int_eq(pack_decode_chunk(&fix.pack_identity, fix.seal, bytes,
					   fix.placed.stored_length, 77, &fix.placed.digest, &raw),
			 0);
	ck_assert_mem_eq(raw.data, "some data", 9);
}
END_TEST

START_TEST(every_flipped_bit_and_every_cut_is_noticed)
{
	size_t length = fix.bytes.length;
	size_t bit;

	for (bit = 0; bit < 8 * length; bit++) {
		fix.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(decode(), -ERR_commit_corrupt);
		fix.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (fix.bytes.length = 0; fix.bytes.length < length; fix.bytes.length++)
		ck_assert_int_eq(decode(), -ERR_commit_corrupt);
}
END_TEST

static void mend(void)
{
	uint8_t *bytes = fix.bytes.data;

	store_le32(bytes + 252, crc32c(0, bytes, 252));
	store_le32(bytes + fix.bytes.length - 4, crc32c(0, bytes, fix.bytes.length - 4));
}

/* Changes bytes of the header under right checksums, decodes, undoes it. */
static void assert_edit_refused(size_t at, uint64_t value, size_t width, int code, const char *why)
{
	uint8_t old[8];
	uint8_t new[8];

	store_le64(new, value);
	memcpy(old, fix.bytes.data + at, width);
	memcpy(fix.bytes.data + at, new, width);
	mend();
	assert_refused(code, why);
	memcpy(fix.bytes.data + at, old, width);
	mend();
}

START_TEST(a_header_that_lies_is_refused)
{
	assert_edit_refused(0, 'X', 1, ERR_commit_corrupt, "object of this kind");
	assert_edit_refused(4, 0x544f4f52, 4, ERR_commit_corrupt, "object of this kind");
	assert_edit_refused(16, 0, 4, ERR_commit_corrupt, "another volume");
	assert_edit_refused(40, SEQ + 1, 8, ERR_commit_corrupt, "another object");
	assert_edit_refused(152, 1, 8, ERR_commit_corrupt, "");
	assert_edit_refused(152, UINT64_MAX, 8, ERR_commit_corrupt, "do not fit");
	assert_edit_refused(152, fix.bytes.length - 260, 8, ERR_commit_corrupt, "do not fit");
	assert_edit_refused(160, 2, 4, ERR_commit_corrupt, "");
	assert_edit_refused(160, 4, 4, ERR_commit_corrupt, "");
	assert_edit_refused(160, COMMIT_PARTS_MAX, 4, ERR_commit_corrupt, "do not fit");
	assert_edit_refused(160, UINT32_MAX, 4, ERR_commit_corrupt, "beyond the limits");
	assert_edit_refused(164, UINT32_MAX, 4, ERR_commit_corrupt, "beyond the limits");
	assert_edit_refused(164, 1, 4, ERR_commit_corrupt, "");
	assert_edit_refused(10, COMMIT_FENCE, 2, ERR_commit_corrupt, "fence");
}
END_TEST

START_TEST(a_newer_commit_asks_for_an_upgrade)
{
	assert_edit_refused(8, COMMIT_FORMAT_VERSION + 1, 2, ERR_format_newer, "upgrade");
	assert_edit_refused(10, 0x8000, 2, ERR_format_newer, "upgrade");
	assert_edit_refused(12, 99, 4, ERR_format_newer, "key");
}
END_TEST

START_TEST(a_descriptor_that_lies_is_refused)
{
	size_t first = COMMIT_PACK_OFFSET + fix.pack.length;

	assert_edit_refused(first, 7, 1, ERR_commit_corrupt, "part that is none");
	assert_edit_refused(first + 1, PART_RUNS, 1, ERR_commit_corrupt, "part that is none");
	assert_edit_refused(first + 24, 100, 8, ERR_commit_corrupt, "");
	assert_edit_refused(first, PART_OBJECT, 1, ERR_commit_corrupt, "longer than its parts");
	assert_edit_refused(first + 96, PART_INLINE, 1, ERR_commit_corrupt, "cut off");
}
END_TEST

/* With the null cipher none of these would be noticed here. */
START_TEST(a_cipher_notices_a_changed_header_and_descriptor)
{
	size_t first = COMMIT_PACK_OFFSET + fix.pack.length;

	assert_edit_refused(48, 0, 8, ERR_commit_corrupt, "not authentic");
	assert_edit_refused(128, 1, 8, ERR_commit_corrupt, "not authentic");
	assert_edit_refused(first + 8, 2, 8, ERR_commit_corrupt, "not authentic");
	assert_edit_refused(164, 0, 4, ERR_commit_corrupt, "not authentic");
}
END_TEST

START_TEST(a_fence_is_a_commit_of_nothing)
{
	struct commit fence = { .head = fix.commit.head };

	fence.head.flags = COMMIT_FENCE;
	buffer_clear(&fix.bytes);
	commit_encode(&fence, fix.seal, &fix.bytes);
	ck_assert_uint_eq(fix.bytes.length,
			  COMMIT_HEADER_SIZE + fix.seal->overhead + COMMIT_CRC_SIZE);
	ck_assert_int_eq(decode(), 0);
	ck_assert_uint_eq(fix.decoded.head.flags, COMMIT_FENCE);
	ck_assert_uint_eq(fix.decoded.part_count, 0);
	ck_assert_ptr_null(fix.decoded.pack);
}
END_TEST

START_TEST(a_fence_with_parts_is_a_programming_error)
{
	fix.commit.head.flags = COMMIT_FENCE;
	buffer_clear(&fix.bytes);
	commit_encode(&fix.commit, fix.seal, &fix.bytes);
}
END_TEST

START_TEST(an_inline_part_without_bytes_is_a_programming_error)
{
	fix.parts[0].bytes = NULL;
	buffer_clear(&fix.bytes);
	commit_encode(&fix.commit, fix.seal, &fix.bytes);
}
END_TEST

/* A commit that an earlier drayfs wrote must be read forever: its bytes are
 * pinned by their hash. */
START_TEST(the_bytes_of_a_known_commit_never_change)
{
	CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
	struct commit commit = { .head = { .flags = COMMIT_FENCE, .epoch = 1, .seq = 1 } };
	char hex[DIGEST_HEX_SIZE];
	struct digest hash;

	commit.head.cut_lsn = 0x0102030405060708;
	commit_encode(&commit, seal_null(), &out);
	hash = commit_hash(out.data, out.length);
	digest_to_hex(&hash, hex);
	ck_assert_str_eq(hex, "8d5114a5580215472b56267aa936b949eeb2bb655ae3b7247eaa36427aa563cb");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit_format");
	TCase *plain = tcase_create("null cipher");
	TCase *sealed = tcase_create("cipher");
	TCase *both[] = { plain, sealed };
	SRunner *runner;
	int failed;
	size_t i;

	tcase_add_checked_fixture(plain, setup_null, teardown);
	tcase_add_checked_fixture(sealed, setup_toy, teardown);
	for (i = 0; i < 2; i++) {
		tcase_add_test(both[i], the_head_comes_back_as_it_was);
		tcase_add_test(both[i], the_parts_come_back_in_order_and_decode);
		tcase_add_test(both[i], the_inline_pack_lies_where_rows_say);
		tcase_add_test(both[i], every_flipped_bit_and_every_cut_is_noticed);
		tcase_add_test(both[i], a_header_that_lies_is_refused);
		tcase_add_test(both[i], a_newer_commit_asks_for_an_upgrade);
		tcase_add_test(both[i], a_fence_is_a_commit_of_nothing);
	}
	tcase_add_test(plain, a_descriptor_that_lies_is_refused);
	tcase_add_test(plain, the_bytes_of_a_known_commit_never_change);
	tcase_add_test_raise_signal(plain, a_fence_with_parts_is_a_programming_error, SIGABRT);
	tcase_add_test_raise_signal(plain, an_inline_part_without_bytes_is_a_programming_error,
				    SIGABRT);
	tcase_add_test(sealed, a_cipher_notices_a_changed_header_and_descriptor);
	suite_add_tcase(suite, plain);
	suite_add_tcase(suite, sealed);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
