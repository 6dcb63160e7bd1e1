/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/crc32c.h"
#include "backend/base/error.h"
#include "backend/pack_read.h"
#include "backend/pack_write.h"
#include "tests/lib/noise.h"
#include "tests/lib/toy_seal.h"

#define CHUNKS	     5
#define CHUNK_LENGTH 5000

/* A pack of CHUNKS chunks (ids 100, 101, ...), alternately text and noise. */
struct fixture {
	struct toy_seal toy;
	int faults;
	const struct seal *seal;
	struct pack_identity identity;
	uint8_t raw[CHUNKS][CHUNK_LENGTH];
	struct pack_chunk placed[CHUNKS];
	struct buffer bytes;
};

static struct fixture fix;

static void build(const struct seal *seal)
{
	struct pack_writer writer;
	size_t i;

	fix.seal = seal;
	fix.identity.volume = id_new_uuid();
	fix.identity.epoch = 3;
	fix.identity.id = id_new();
	pack_writer_init(&writer, &fix.identity, seal);
	for (i = 0; i < CHUNKS; i++) {
		if (i % 2 == 0)
			noise_text(i, fix.raw[i], CHUNK_LENGTH);
		else
			noise_fill(i, fix.raw[i], CHUNK_LENGTH);
		ck_assert_int_eq(pack_writer_add(&writer, 100 + i, fix.raw[i], CHUNK_LENGTH, 1,
						 &fix.placed[i]),
				 0);
		ck_assert_uint_eq(pack_writer_size(&writer),
				  fix.placed[i].offset + fix.placed[i].stored_length);
	}
	ck_assert_uint_eq(pack_writer_chunk_count(&writer), CHUNKS);
	ck_assert_uint_eq(writer.encode_faults, 0);
	pack_writer_finish(&writer, &fix.bytes);
	pack_writer_release(&writer);
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
	buffer_release(&fix.bytes);
}

static int decode_chunk(size_t i, const uint8_t *bytes, size_t length, struct buffer *raw)
{
	return pack_decode_chunk(&fix.identity, fix.seal, bytes, length, 100 + i,
				 &fix.placed[i].digest, raw);
}

START_TEST(a_chunk_reads_back_from_its_own_bytes_alone)
{
	size_t i;

	for (i = 0; i < CHUNKS; i++) {
		CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

		buffer_put_text(&raw, "before");
		ck_assert_int_eq(decode_chunk(i, fix.bytes.data + fix.placed[i].offset,
					      fix.placed[i].stored_length, &raw),
				 0);
		ck_assert_uint_eq(raw.length, 6 + CHUNK_LENGTH);
		ck_assert_mem_eq(raw.data + 6, fix.raw[i], CHUNK_LENGTH);
		ck_assert_int_eq(fix.placed[i].codec, i % 2 == 0 ? CODEC_ZSTD : CODEC_RAW);
		ck_assert_uint_eq(fix.placed[i].raw_length, CHUNK_LENGTH);
		ck_assert_uint_eq(fix.placed[i].position, i);
	}
}
END_TEST

static void assert_chunk_refused(size_t i, const uint8_t *bytes, size_t length, const char *why)
{
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
	char name[PACK_NAME_SIZE];

	buffer_put_text(&raw, "before");
	err_clear();
	ck_assert_int_eq(decode_chunk(i, bytes, length, &raw), -ERR_chunk_corrupt);
	ck_assert_uint_eq(raw.length, 6);
	pack_name(&fix.identity, name);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_chunk_corrupt), name));
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_chunk_corrupt), ": chunk 10"));
	ck_assert_msg(strstr(err_message(-ERR_chunk_corrupt), why) != NULL, "%s, not %s",
		      err_message(-ERR_chunk_corrupt), why);
}

START_TEST(every_flipped_bit_of_a_chunk_is_noticed)
{
	uint32_t length = fix.placed[1].stored_length;
	uint8_t *copy = xmalloc(length);
	size_t bit;

	memcpy(copy, fix.bytes.data + fix.placed[1].offset, length);
	for (bit = 0; bit < 8 * (size_t)length; bit += bit < 8 * 80 ? 1 : 61) {
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_chunk_refused(1, copy, length, "");
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(copy);
}
END_TEST

START_TEST(a_chunk_cut_short_or_long_is_refused)
{
	const uint8_t *bytes = fix.bytes.data + fix.placed[0].offset;
	uint32_t length = fix.placed[0].stored_length;

	assert_chunk_refused(0, bytes, 0, "cut off");
	assert_chunk_refused(0, bytes, PACK_CHUNK_HEADER_SIZE - 1, "cut off");
	assert_chunk_refused(0, bytes, PACK_CHUNK_HEADER_SIZE, "another length");
	assert_chunk_refused(0, bytes, length - 1, "another length");
	assert_chunk_refused(0, bytes, length + 1, "another length");
}
END_TEST

START_TEST(another_chunk_at_the_place_is_refused)
{
	struct pack_chunk *other = &fix.placed[2];
	struct pack_identity stranger = fix.identity;
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

	assert_chunk_refused(0, fix.bytes.data + other->offset, other->stored_length,
			     "not where the index expects it");
	fix.placed[0].digest.bytes[0] ^= 1;
	assert_chunk_refused(0, fix.bytes.data + fix.placed[0].offset, fix.placed[0].stored_length,
			     "other bytes");
	stranger.id.bytes[0] ^= 1;
	ck_assert_int_eq(pack_decode_chunk(&stranger, fix.seal, fix.bytes.data + other->offset,
					   other->stored_length, 102, &other->digest, &raw),
			 -ERR_chunk_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_chunk_corrupt), "another pack"));
}
END_TEST

/* Sets a byte of a chunk's header and makes its checksum right again. */
static void edit_header(size_t i, size_t at, uint8_t value)
{
	uint8_t *header = fix.bytes.data + fix.placed[i].offset;

	header[at] = value;
	store_le32(header + 60, crc32c(0, header, 60));
}

START_TEST(a_chunk_of_a_newer_format_or_key_asks_for_an_upgrade)
{
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
	const uint8_t *bytes = fix.bytes.data + fix.placed[0].offset;
	uint32_t length = fix.placed[0].stored_length;

	edit_header(0, 4, PACK_FORMAT_VERSION + 1);
	ck_assert_int_eq(decode_chunk(0, bytes, length, &raw), -ERR_format_newer);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_format_newer), "upgrade"));
	edit_header(0, 4, PACK_FORMAT_VERSION);
	edit_header(0, 8, 99);
	ck_assert_int_eq(decode_chunk(0, bytes, length, &raw), -ERR_format_newer);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_format_newer), "key"));
}
END_TEST

/* Lengths and codecs that lie under right checksums. */
START_TEST(a_lying_header_is_refused_before_it_costs_memory)
{
	static const struct {
		size_t at;
		uint8_t value;
	} edits[] = {
		{ 27, 0xff },			/* raw length of 4 GiB */
		{ 27, 0x03 },			/* of 48 MiB: within the limits */
		{ 24, CHUNK_LENGTH % 256 + 1 }, /* one more */
		{ 31, 0xff },			/* payload length */
		{ 5, CODEC_INVALID },
		{ 5, CODEC_RAW },
		{ 5, 99 },
	};
	const uint8_t *header = fix.bytes.data + fix.placed[0].offset;
	size_t i;

	for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		uint8_t old = header[edits[i].at];

		edit_header(0, edits[i].at, edits[i].value);
		assert_chunk_refused(0, header, fix.placed[0].stored_length, "");
		edit_header(0, edits[i].at, old);
	}
}
END_TEST

START_TEST(a_payload_longer_than_any_writer_makes_is_refused)
{
	struct pack_chunk_header header = { .chunk = fix.placed[0] };
	uint8_t bytes[PACK_CHUNK_HEADER_SIZE + SEAL_OVERHEAD_MAX + 2] = { 0 };

	header.chunk.raw_length = 1;
	header.chunk.stored_length = sizeof(bytes);
	header.payload_crc =
		crc32c(0, bytes + PACK_CHUNK_HEADER_SIZE, sizeof(bytes) - PACK_CHUNK_HEADER_SIZE);
	pack_chunk_header_encode(&fix.identity, &header, bytes);
	assert_chunk_refused(0, bytes, sizeof(bytes), "beyond the limits");
}
END_TEST

/* What the callbacks of directory and scan saw. */
struct seen {
	size_t count;
	struct pack_entry entries[CHUNKS + 1];
};

static int see(const struct pack_entry *entry, void *arg)
{
	struct seen *seen = arg;

	ck_assert_uint_lt(seen->count, CHUNKS + 1);
	seen->entries[seen->count++] = *entry;
	return 0;
}

static int stop_at_second(const struct pack_entry *entry, void *arg)
{
	(void)arg;
	return entry->chunk.chunk_id == 101 ? 42 : 0;
}

static void assert_same_chunk(const struct pack_chunk *a, const struct pack_chunk *b)
{
	ck_assert_uint_eq(a->chunk_id, b->chunk_id);
	ck_assert_uint_eq(a->offset, b->offset);
	ck_assert_uint_eq(a->stored_length, b->stored_length);
	ck_assert_uint_eq(a->raw_length, b->raw_length);
	ck_assert_uint_eq(a->position, b->position);
	ck_assert_int_eq(a->codec, b->codec);
	ck_assert(chunk_digest_equal(&a->digest, &b->digest));
}

static int read_directory(struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	err_clear();
	return pack_read_directory(&fix.identity, fix.seal, fix.bytes.data, fix.bytes.length, see,
				   seen);
}

START_TEST(the_directory_tells_where_each_chunk_is)
{
	struct seen seen;
	size_t i;

	ck_assert_int_eq(read_directory(&seen), 0);
	ck_assert_uint_eq(seen.count, CHUNKS);
	for (i = 0; i < CHUNKS; i++) {
		assert_same_chunk(&seen.entries[i].chunk, &fix.placed[i]);
		ck_assert_uint_eq(seen.entries[i].origins_length, 0);
	}
	ck_assert_int_eq(pack_read_directory(&fix.identity, fix.seal, fix.bytes.data,
					     fix.bytes.length, stop_at_second, NULL),
			 42);
}
END_TEST

static struct pack_scan_result scan(struct seen *seen)
{
	struct pack_scan_result result;

	memset(seen, 0, sizeof(*seen));
	ck_assert_int_eq(
		pack_scan(&fix.identity, fix.bytes.data, fix.bytes.length, see, seen, &result), 0);
	return result;
}

START_TEST(a_scan_finds_what_the_directory_names)
{
	struct pack_scan_result result;
	struct seen seen;
	size_t i;

	result = scan(&seen);
	ck_assert_uint_eq(result.chunks_good, CHUNKS);
	ck_assert_uint_eq(result.chunks_damaged, 0);
	ck_assert_uint_eq(result.bytes_skipped, 0);
	for (i = 0; i < CHUNKS; i++)
		assert_same_chunk(&seen.entries[i].chunk, &fix.placed[i]);
	ck_assert_int_eq(pack_scan(&fix.identity, fix.bytes.data, fix.bytes.length, stop_at_second,
				   NULL, &result),
			 42);
}
END_TEST

START_TEST(damage_outside_the_chunks_is_refused_and_survived_by_a_scan)
{
	size_t frame[] = { 0,
			   20,
			   45,
			   fix.bytes.length - 1,
			   fix.bytes.length - 60,
			   fix.bytes.length - 30,
			   fix.bytes.length - PACK_FOOTER_SIZE - 1 };
	struct seen seen;
	size_t i;

	for (i = 0; i < sizeof(frame) / sizeof(frame[0]); i++) {
		fix.bytes.data[frame[i]] ^= 4;
		ck_assert_int_eq(read_directory(&seen), -ERR_pack_corrupt);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_ptr_nonnull(strstr(err_message(-ERR_pack_corrupt), "pack/"));
		ck_assert_uint_eq(scan(&seen).chunks_good, CHUNKS);
		fix.bytes.data[frame[i]] ^= 4;
	}
}
END_TEST

START_TEST(a_scan_goes_on_behind_damage)
{
	struct pack_scan_result result;
	struct seen seen;

	fix.bytes.data[fix.placed[1].offset + 2] ^= 1;	/* header of 1 */
	fix.bytes.data[fix.placed[3].offset + 99] ^= 1; /* payload of 3 */
	result = scan(&seen);
	ck_assert_uint_eq(result.chunks_good, 3);
	ck_assert_uint_eq(result.chunks_damaged, 1);
	ck_assert_uint_eq(result.bytes_skipped, fix.placed[1].stored_length);
	assert_same_chunk(&seen.entries[0].chunk, &fix.placed[0]);
	assert_same_chunk(&seen.entries[1].chunk, &fix.placed[2]);
	assert_same_chunk(&seen.entries[2].chunk, &fix.placed[4]);
}
END_TEST

START_TEST(a_truncated_pack_still_yields_its_whole_chunks)
{
	struct seen seen;
	size_t length;
	size_t whole;

	for (length = 0; length < fix.bytes.length; length += 97) {
		fix.bytes.length = length;
		for (whole = 0; whole < CHUNKS; whole++)
			if (fix.placed[whole].offset + fix.placed[whole].stored_length > length)
				break;
		ck_assert_int_eq(read_directory(&seen), -ERR_pack_corrupt);
		ck_assert_uint_eq(scan(&seen).chunks_good, whole);
		fix.bytes.length = fix.bytes.capacity;
	}
}
END_TEST

/* A volume may hold a copy of a bucket: packs as data of chunks, which are
 * stored raw as they do not compress. */
START_TEST(a_scan_does_not_take_a_pack_inside_a_chunk_for_its_own)
{
	CLEANUP_BUFFER struct buffer inner = fix.bytes;
	struct pack_scan_result result;
	struct pack_writer writer;
	struct pack_chunk placed;
	struct seen seen;

	memset(&fix.bytes, 0, sizeof(fix.bytes));
	fix.identity.id = id_new();
	pack_writer_init(&writer, &fix.identity, seal_null());
	ck_assert_int_eq(pack_writer_add(&writer, 1, inner.data, inner.length, 1, &placed), 0);
	pack_writer_finish(&writer, &fix.bytes);
	pack_writer_release(&writer);
	fix.bytes.data[PACK_HEADER_SIZE] ^= 1; /* the outer chunk's header */
	result = scan(&seen);
	ck_assert_uint_eq(result.chunks_good, 0);
	ck_assert_uint_eq(result.bytes_skipped, placed.stored_length);
}
END_TEST

START_TEST(a_pack_of_another_volume_or_name_is_refused)
{
	struct pack_identity identity = fix.identity;
	struct seen seen;

	fix.identity.volume.bytes[0] ^= 1;
	ck_assert_int_eq(read_directory(&seen), -ERR_pack_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_pack_corrupt), "another volume"));
	fix.identity = identity;
	fix.identity.epoch++;
	ck_assert_int_eq(read_directory(&seen), -ERR_pack_corrupt);
	fix.identity = identity;
	fix.identity.id.bytes[9]++;
	fix.identity.object = "log/0000000000000007";
	ck_assert_int_eq(read_directory(&seen), -ERR_pack_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_pack_corrupt), "log/0000000000000007: "));
}
END_TEST

/* Replaces the directory by raw entries; the footer's checksums are right. */
static void replace_directory(const struct buffer *entries, uint32_t count)
{
	struct pack_footer footer = { 0 };
	const struct pack_chunk *last = &fix.placed[CHUNKS - 1];

	footer.directory_offset = last->offset + last->stored_length;
	footer.directory_stored_length = (uint32_t)entries->length;
	footer.directory_raw_length = (uint32_t)entries->length;
	footer.chunk_count = count;
	footer.directory_codec = CODEC_RAW;
	footer.directory_crc = crc32c(0, entries->data, entries->length);
	fix.bytes.length = footer.directory_offset;
	buffer_append(&fix.bytes, entries->data, entries->length);
	pack_footer_encode(&fix.identity, &footer, buffer_extend(&fix.bytes, PACK_FOOTER_SIZE));
}

START_TEST(origins_of_a_later_writer_are_delivered)
{
	CLEANUP_BUFFER struct buffer entries = BUFFER_INIT;
	struct seen seen;

	pack_entry_encode(&fix.placed[0], 7, buffer_extend(&entries, PACK_ENTRY_SIZE));
	buffer_put_text(&entries, "origins");
	pack_entry_encode(&fix.placed[1], 0, buffer_extend(&entries, PACK_ENTRY_SIZE));
	replace_directory(&entries, 2);
	ck_assert_int_eq(read_directory(&seen), 0);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.entries[0].origins_length, 7);
	assert_same_chunk(&seen.entries[1].chunk, &fix.placed[1]);
}
END_TEST

START_TEST(a_lying_directory_is_refused_whole)
{
	struct seen seen;
	size_t i;

	for (i = 0; i < 7; i++) {
		CLEANUP_BUFFER struct buffer entries = BUFFER_INIT;
		struct pack_chunk second = fix.placed[1];
		uint32_t origins = 0;
		uint32_t count = 2;

		if (i == 0)
			second.offset = fix.placed[0].offset;
		if (i == 1)
			second.offset = 0;
		if (i == 2)
			second.offset = fix.placed[CHUNKS - 1].offset + 1000000;
		if (i == 3)
			second.stored_length = 3;
		if (i == 4)
			origins = 1;
		if (i == 5)
			count = 1;
		if (i == 6)
			count = 3;
		pack_entry_encode(&fix.placed[0], 0, buffer_extend(&entries, PACK_ENTRY_SIZE));
		pack_entry_encode(&second, origins, buffer_extend(&entries, PACK_ENTRY_SIZE));
		replace_directory(&entries, count);
		ck_assert_msg(read_directory(&seen) == -ERR_pack_corrupt, "case %zu", i);
		ck_assert_uint_eq(seen.count, 0);
	}
}
END_TEST

START_TEST(a_pack_of_a_newer_format_asks_for_an_upgrade)
{
	uint8_t *footer = fix.bytes.data + fix.bytes.length - PACK_FOOTER_SIZE;
	struct seen seen;

	store_le16(footer + 22, PACK_FORMAT_VERSION + 1);
	store_le32(footer + 60, crc32c(0, footer, 60));
	ck_assert_int_eq(read_directory(&seen), -ERR_format_newer);
	store_le16(footer + 22, PACK_FORMAT_VERSION);
	store_le32(footer + 60, crc32c(0, footer, 60));
	store_le16(fix.bytes.data + 8, PACK_FORMAT_VERSION + 1);
	store_le32(fix.bytes.data + 60, crc32c(0, fix.bytes.data, 60));
	ck_assert_int_eq(read_directory(&seen), -ERR_format_newer);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_format_newer), "upgrade"));
}
END_TEST

START_TEST(a_cipher_notices_a_moved_chunk_and_a_changed_header)
{
	uint8_t *bytes = fix.bytes.data + fix.placed[0].offset;

	edit_header(0, 12, 1); /* position */
	assert_chunk_refused(0, bytes, fix.placed[0].stored_length, "was changed");
}
END_TEST

START_TEST(a_chunk_that_does_not_read_back_is_encoded_again_raw)
{
	struct pack_writer writer;
	struct pack_chunk placed;
	CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

	pack_writer_init(&writer, &fix.identity, fix.seal);
	fix.faults = 1;
	ck_assert_int_eq(pack_writer_add(&writer, 100, fix.raw[0], CHUNK_LENGTH, 1, &placed), 0);
	ck_assert_uint_eq(writer.encode_faults, 1);
	ck_assert_int_eq(placed.codec, CODEC_RAW);
	ck_assert_int_eq(
		decode_chunk(0, writer.bytes.data + placed.offset, placed.stored_length, &raw), 0);
	pack_writer_release(&writer);
}
END_TEST

START_TEST(a_chunk_that_never_reads_back_is_not_added)
{
	struct pack_writer writer;
	struct pack_chunk placed;

	pack_writer_init(&writer, &fix.identity, fix.seal);
	fix.faults = 2;
	ck_assert_int_eq(pack_writer_add(&writer, 100, fix.raw[0], CHUNK_LENGTH, 1, &placed),
			 -ERR_chunk_corrupt);
	ck_assert_ptr_nonnull(strstr(err_message(-ERR_chunk_corrupt), "memory"));
	ck_assert_uint_eq(pack_writer_size(&writer), PACK_HEADER_SIZE);
	ck_assert_uint_eq(pack_writer_chunk_count(&writer), 0);
	pack_writer_release(&writer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pack");
	TCase *plain = tcase_create("null cipher");
	TCase *sealed = tcase_create("cipher");
	TCase *both[] = { plain, sealed };
	SRunner *runner;
	int failed;
	size_t i;

	tcase_add_checked_fixture(plain, setup_null, teardown);
	tcase_add_checked_fixture(sealed, setup_toy, teardown);
	for (i = 0; i < 2; i++) {
		tcase_add_test(both[i], a_chunk_reads_back_from_its_own_bytes_alone);
		tcase_add_test(both[i], every_flipped_bit_of_a_chunk_is_noticed);
		tcase_add_test(both[i], a_chunk_cut_short_or_long_is_refused);
		tcase_add_test(both[i], another_chunk_at_the_place_is_refused);
		tcase_add_test(both[i], a_chunk_of_a_newer_format_or_key_asks_for_an_upgrade);
		tcase_add_test(both[i], a_lying_header_is_refused_before_it_costs_memory);
		tcase_add_test(both[i], the_directory_tells_where_each_chunk_is);
		tcase_add_test(both[i], a_scan_finds_what_the_directory_names);
		tcase_add_test(both[i],
			       damage_outside_the_chunks_is_refused_and_survived_by_a_scan);
		tcase_add_test(both[i], a_scan_goes_on_behind_damage);
		tcase_add_test(both[i], a_truncated_pack_still_yields_its_whole_chunks);
		tcase_add_test(both[i], a_pack_of_another_volume_or_name_is_refused);
		tcase_add_test(both[i], a_pack_of_a_newer_format_asks_for_an_upgrade);
	}
	tcase_add_test(plain, a_scan_does_not_take_a_pack_inside_a_chunk_for_its_own);
	tcase_add_test(plain, a_payload_longer_than_any_writer_makes_is_refused);
	tcase_add_test(plain, origins_of_a_later_writer_are_delivered);
	tcase_add_test(plain, a_lying_directory_is_refused_whole);
	tcase_add_test(sealed, a_cipher_notices_a_moved_chunk_and_a_changed_header);
	tcase_add_test(sealed, a_chunk_that_does_not_read_back_is_encoded_again_raw);
	tcase_add_test(sealed, a_chunk_that_never_reads_back_is_not_added);
	suite_add_tcase(suite, plain);
	suite_add_tcase(suite, sealed);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
